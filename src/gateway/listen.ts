import type { Server } from 'node:net';
import { SluiceError } from '../lib/errors.js';

/** Listens, or says on which address it cannot. */
export function listenOn(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const busy = cause.code === 'EADDRINUSE';
      reject(
        new SluiceError('local', `cannot listen on ${host}:${port}${busy ? ': the port is in use' : ''}`, { cause }),
      );
    });
    server.listen(port, host, resolve);
  });
}
