import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { SluiceError } from '../lib/errors.js';
import type { Caller, Callers } from './callers.js';
import { within } from './deadline.js';
import { httpStatusOf, showable } from './http-errors.js';
import type { GatewayLimits } from './limits.js';
import type { LiveConnections } from './live-connections.js';
import type { Logger } from './log.js';
import { openRelay, type RelayUpgradeParts } from './relay-upgrade.js';
import { bearerToken, rawRefusal } from './server.js';
import { openTunnel, type TunnelParts } from './tunnel.js';

export interface UpgradeParts extends TunnelParts, RelayUpgradeParts {
  readonly callers: Callers;
  readonly connections: LiveConnections;
  readonly limits: GatewayLimits;
  readonly log: Logger;
  readonly isHostAllowed: (header: string | undefined) => boolean;
  readonly newRequestId: () => string;
}

/** A request to speak another protocol, from someone who is known. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly requestId: string;
  readonly stream: Duplex;
  readonly caller: Caller;
  /** Answers 101: from now on the stream has the other protocol, and no error is told in HTTP. */
  accept(): Duplex;
}

const tunnelPath = /^\/v1\/targets\/([A-Za-z0-9%._-]{1,384})\/tunnel$/;
const relayPath = /^\/v1\/relays\/([A-Za-z0-9%._-]{1,384})\/serve$/;

/**
 * Serves `Upgrade` (RFC 9110 7.8): tunnels of clients and connections of relays. Whatever is refused before the 101 is an
 * ordinary HTTP answer with an error document.
 */
export function attachUpgrades(server: Server, parts: UpgradeParts): void {
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const requestId = parts.newRequestId();
    stream.on('error', () => stream.destroy());
    route(request, stream, head, requestId, parts).catch((thrown: unknown) => {
      const error = showable(thrown, requestId);
      if (error.code === 'unexpected') parts.log.error({ request: requestId, err: error.cause }, 'an upgrade failed');
      const status = httpStatusOf(error.code);
      if (stream.writable) stream.end(rawRefusal(error, `${status} ${STATUS_CODES[status] ?? ''}`.trim(), requestId));
      // A client that does not read its refusal must not keep the socket.
      stream.once('finish', () => stream.destroy());
      setTimeout(() => stream.destroy(), 5_000).unref();
    });
  });
}

async function route(
  request: IncomingMessage,
  stream: Duplex,
  head: Buffer,
  requestId: string,
  parts: UpgradeParts,
): Promise<void> {
  if (!parts.isHostAllowed(request.headers.host)) {
    throw new SluiceError('usage', 'this gateway does not answer to that Host; use its public URL');
  }
  if (parts.connections.isClosed) throw new SluiceError('unavailable', 'the gateway is shutting down');
  const url = request.url ?? '';
  const tunnel = tunnelPath.exec(url)?.[1];
  const name = tunnel ?? relayPath.exec(url)?.[1];
  if (name === undefined || request.method !== 'GET')
    throw new SluiceError('not_found', 'nothing to upgrade to at this path');
  const protocol = tunnel === undefined ? 'sluice-relay' : 'sluice-tunnel';
  if (request.headers.upgrade?.toLowerCase() !== protocol)
    throw new SluiceError('usage', `only "Upgrade: ${protocol}" is served here`);
  const caller = await within(parts.callers.identify(bearerToken(request)), parts.limits.upgradeTimeoutMs, null);
  if (caller === null) throw new SluiceError('timeout', 'the login was not checked in time', { decider: 'gateway' });
  const accept = (): Duplex => {
    tuneSocket(request.socket);
    stream.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\nX-Request-Id: ${requestId}\r\n\r\n`,
    );
    if (head.length > 0) stream.unshift(head);
    return stream;
  };
  const upgrade: Upgrade = { request, requestId, stream, caller, accept };
  return tunnel === undefined
    ? openRelay(decodeName(name), upgrade, parts)
    : openTunnel(decodeName(name), upgrade, parts);
}

function tuneSocket(socket: Socket): void {
  socket.setTimeout(0);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 30_000);
}

function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new SluiceError('usage', 'the name in the path is not valid percent-encoding');
  }
}
