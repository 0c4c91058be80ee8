import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a PostgreSQL server on which CancelRequests can be kept back, as a slow network does. */
export interface LateCancels {
  readonly port: number;
  /** CancelRequests that have come. */
  readonly came: number;
  /** From now on they wait until `pass`, or until something with this text is asked in a client's session. */
  keep(until?: string): void;
  pass(): void;
  close(): Promise<void>;
}

/** CancelRequest: Int32(length) Int32(80877102) …. PostgreSQL 55.7. */
const isCancel = (first: Buffer): boolean => first.length >= 8 && first.readInt32BE(4) === 80_877_102;

export async function startLateCancels(serverPort: number): Promise<LateCancels> {
  const sockets = new Set<Socket>();
  let came = 0;
  let kept: (() => void)[] | null = null;
  let awaited = '';
  const pass = (): void => {
    const waiting = kept ?? [];
    kept = null;
    for (const join of waiting) join();
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    sockets.add(client);
    client.on('error', () => undefined).on('close', () => sockets.delete(client));
    client.once('data', (first: Buffer) => {
      client.pause();
      const join = (): void => {
        const upstream = connect({ port: serverPort, host: '127.0.0.1', allowHalfOpen: true });
        upstream.on('error', () => client.destroy()).on('close', () => client.destroy());
        client.on('close', () => upstream.destroy());
        upstream.write(first);
        client.pipe(upstream).pipe(client);
        const isSession = first.includes('sluice ses_');
        client.on('data', (chunk: Buffer) => {
          if (isSession && awaited !== '' && chunk.includes(awaited)) pass();
        });
      };
      if (!isCancel(first)) return join();
      came++;
      if (kept === null) join();
      else kept.push(join);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get came() {
      return came;
    },
    keep(until = '') {
      kept ??= [];
      awaited = until;
    },
    pass,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
