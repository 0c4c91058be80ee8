import type { Duplex } from 'node:stream';

/** What pg's Connection calls on the stream it is given, beyond Duplex. */
interface SocketMethods {
  connect(): void;
  setNoDelay(): void;
  setKeepAlive(): void;
  ref(): void;
  unref(): void;
}

/**
 * Dresses an in-memory stream, which is connected from the start, as the socket that pg's client expects to dial. When the
 * other side ends, so does this one, as with sockets: pg hears of an end by the close alone.
 */
export function asConnectedSocket(stream: Duplex): Duplex {
  const nothing = (): void => undefined;
  const methods: SocketMethods = {
    connect: () => queueMicrotask(() => stream.emit('connect')),
    setNoDelay: nothing,
    setKeepAlive: nothing,
    ref: nothing,
    unref: nothing,
  };
  return Object.assign(stream, methods, { allowHalfOpen: false });
}
