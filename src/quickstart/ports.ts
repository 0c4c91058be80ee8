import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';

/** The port remembered in `file` if it is free now, else a new free one, remembered from then on. */
export async function choosePort(file: string): Promise<number> {
  const known = Number(await readFile(file, 'utf8').catch(() => ''));
  if (Number.isInteger(known) && known > 0 && known < 65536 && (await tryPort(known)) !== null) return known;
  const port = await tryPort(0);
  if (port === null) throw new Error('no free port on 127.0.0.1');
  await writeFile(file, `${port}\n`, { mode: 0o600 });
  return port;
}

/** Binds and releases a loopback port (0: any); null when it is taken. */
export function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(null);
      else reject(error);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      const bound = address !== null && typeof address === 'object' ? address.port : null;
      server.close(() => resolve(bound));
    });
  });
}
