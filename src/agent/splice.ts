import type { Duplex } from 'node:stream';

/**
 * Joins two connections until both have ended. Bytes pass untouched, with back-pressure both ways; the end of one direction
 * is passed on and leaves the other open; a connection that breaks takes the other one with it.
 */
export function splice(near: Duplex, far: Duplex): Promise<void> {
  const oneWay = (from: Duplex, to: Duplex): Promise<void> =>
    new Promise((resolve) => {
      from.on('error', () => undefined);
      from.pipe(to);
      const close = (): void => {
        if (!from.readableEnded || !from.writableFinished) to.destroy();
        resolve();
      };
      if (from.destroyed) close();
      else from.once('close', close);
    });
  return Promise.all([oneWay(near, far), oneWay(far, near)]).then(() => undefined);
}
