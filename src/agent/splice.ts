import type { Duplex } from 'node:stream';

/**
 * Joins two connections until both have ended. Bytes pass untouched, with back-pressure both ways; the end of one direction
 * is passed on and leaves the other open; a connection that breaks takes the other one with it. When the far one is over,
 * however that came to be, `lastWords` are put behind what came from it, and it ends there; null: there are none.
 */
export function splice(near: Duplex, far: Duplex, lastWords: () => Buffer | null = () => null): Promise<void> {
  return Promise.all([oneWay(near, far, () => null), oneWay(far, near, lastWords)]).then(() => undefined);
}

function oneWay(from: Duplex, to: Duplex, lastWords: () => Buffer | null): Promise<void> {
  return new Promise((resolve) => {
    let isOver = false;
    const sayLast = (): void => {
      const words = isOver || to.destroyed ? null : lastWords();
      if (words === null) return;
      isOver = true;
      // What the other side still sends is for nobody; unread it would turn the close into a reset, which can overtake words.
      to.unpipe(from);
      to.resume();
      to.end(words);
      from.destroy();
    };
    from.on('error', () => undefined);
    from.pipe(to, { end: false });
    from.once('end', () => {
      sayLast();
      if (!isOver) to.end();
    });
    const close = (): void => {
      if (!from.readableEnded) sayLast();
      if (!isOver && (!from.readableEnded || !from.writableFinished)) to.destroy();
      resolve();
    };
    if (from.destroyed) close();
    else from.once('close', close);
  });
}
