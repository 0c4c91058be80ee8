import { connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Allowlist } from './allowlist.js';
import type { Destination } from './frames.js';
import type { StreamRequest } from './link.js';

/** What happens to the streams of a relay, as it is told. */
export interface ConnectorEvents {
  opened(destination: Destination): void;
  refused(destination: Destination, why: string): void;
  closed(destination: Destination): void;
}

const connectTimeoutMs = 10_000;

/** Answers the gateway's requests: connects to what the allowlist permits, and passes bytes on as they are. */
export function createConnector(allowlist: Allowlist, events: ConnectorEvents): (request: StreamRequest) => void {
  return (request) => {
    const { host, port } = request;
    const destination = { host, port };
    if (!allowlist.permits(destination)) {
      const why = 'its allowlist does not name it';
      events.refused(destination, why);
      return request.refuse('not allowed', why);
    }
    // Half-open: the end of one direction must not end the other.
    const socket = connect({ host, port, noDelay: true, keepAlive: true, allowHalfOpen: true });
    const settled = (): void => {
      clearTimeout(timer);
      request.signal.removeEventListener('abort', giveUp);
      socket.off('error', onError).off('connect', onConnect);
      socket.on('error', () => socket.destroy());
    };
    const fail = (why: string): void => {
      settled();
      socket.destroy();
      events.refused(destination, why);
      request.refuse('failed', why);
    };
    const onError = (error: NodeJS.ErrnoException): void => fail(error.code ?? 'connection failed');
    const onConnect = (): void => {
      settled();
      events.opened(destination);
      join(socket, request, () => events.closed(destination));
    };
    const giveUp = (): void => {
      settled();
      socket.destroy();
    };
    const timer = setTimeout(() => fail('no answer in time'), connectTimeoutMs);
    socket.once('error', onError).once('connect', onConnect);
    request.signal.addEventListener('abort', giveUp, { once: true });
  };
}

/** Both directions, each with its own end; what breaks one breaks both. */
function join(socket: Socket, request: StreamRequest, onClosed: () => void): void {
  const stream = request.accept();
  const broke = (error: NodeJS.ErrnoException | null | undefined): void => {
    if (error === null || error === undefined) return;
    stream.destroy();
    socket.destroy();
  };
  pipeline(socket, stream, broke);
  pipeline(stream, socket, broke);
  socket.once('close', onClosed);
}
