import { connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { serveProgram } from '../programs/serve.js';
import type { Allowlist } from './allowlist.js';
import type { Destination, Wanted } from './frames.js';
import type { StreamRequest } from './link.js';

/** What happens to the streams of a relay, as it is told. */
export interface ConnectorEvents {
  opened(wanted: Wanted): void;
  refused(wanted: Wanted, why: string): void;
  closed(wanted: Wanted): void;
}

const connectTimeoutMs = 10_000;

/** Answers the gateway's requests: connects to what the allowlist permits, and runs what it names. */
export function createConnector(allowlist: Allowlist, events: ConnectorEvents): (request: StreamRequest) => void {
  return (request) => {
    const { wanted } = request;
    if (!allowlist.permits(wanted)) {
      const why = 'its allowlist does not name it';
      events.refused(wanted, why);
      return request.refuse('not allowed', why);
    }
    return 'program' in wanted ? run(wanted.program, request, events) : connectTo(wanted, request, events);
  };
}

function run(program: string, request: StreamRequest, events: ConnectorEvents): void {
  events.opened(request.wanted);
  const stream = request.accept();
  stream.once('close', () => events.closed(request.wanted));
  serveProgram(stream, program);
}

/** Passes bytes on as they are. */
function connectTo(to: Destination, request: StreamRequest, events: ConnectorEvents): void {
  // Half-open: the end of one direction must not end the other.
  const socket = connect({ host: to.host, port: to.port, noDelay: true, keepAlive: true, allowHalfOpen: true });
  const settled = (): void => {
    clearTimeout(timer);
    request.signal.removeEventListener('abort', giveUp);
    socket.off('error', onError).off('connect', onConnect);
    socket.on('error', () => socket.destroy());
  };
  const fail = (why: string): void => {
    settled();
    socket.destroy();
    events.refused(to, why);
    request.refuse('failed', why);
  };
  const onError = (error: NodeJS.ErrnoException): void => fail(error.code ?? 'connection failed');
  const onConnect = (): void => {
    settled();
    events.opened(to);
    join(socket, request, () => events.closed(to));
  };
  const giveUp = (): void => {
    settled();
    socket.destroy();
  };
  const timer = setTimeout(() => fail('no answer in time'), connectTimeoutMs);
  socket.once('error', onError).once('connect', onConnect);
  request.signal.addEventListener('abort', giveUp, { once: true });
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
