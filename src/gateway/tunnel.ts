import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { SluiceError } from '../lib/errors.js';
import type { Callers } from './callers.js';
import { within } from './deadline.js';
import { httpStatusOf, showable } from './http-errors.js';
import type { Engines } from './engines.js';
import type { GatewayLimits } from './limits.js';
import type { LiveConnections } from './live-connections.js';
import type { Logger } from './log.js';
import { bearerToken, rawRefusal } from './server.js';
import type { TargetDirectory } from './target-directory.js';

export interface TunnelParts {
  readonly callers: Callers;
  readonly targets: TargetDirectory;
  readonly connections: LiveConnections;
  readonly engines: Engines;
  readonly limits: GatewayLimits;
  readonly log: Logger;
  readonly isHostAllowed: (header: string | undefined) => boolean;
  readonly newRequestId: () => string;
}

const tunnelPath = /^\/v1\/targets\/([A-Za-z0-9%._-]{1,384})\/tunnel$/;
/** RFC 5803 in PostgreSQL's form: SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, base 64. */
const scramVerifier = /^SCRAM-SHA-256\$\d{1,7}:[A-Za-z0-9+/=]{1,128}\$[A-Za-z0-9+/=]{44}:[A-Za-z0-9+/=]{44}$/;

/**
 * Serves `GET /v1/targets/NAME/tunnel` with `Upgrade: sluice-tunnel` (RFC 9110 7.8): after the 101 the connection is the
 * target's own protocol, byte for byte. Whatever is refused before that is an ordinary HTTP answer with an error document.
 */
export function attachTunnel(server: Server, parts: TunnelParts): void {
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const requestId = parts.newRequestId();
    stream.on('error', () => stream.destroy());
    openTunnel(request, stream, head, requestId, parts).catch((thrown: unknown) => {
      const error = showable(thrown, requestId);
      if (error.code === 'unexpected') parts.log.error({ request: requestId, err: error.cause }, 'a tunnel failed');
      const status = httpStatusOf(error.code);
      if (stream.writable) stream.end(rawRefusal(error, `${status} ${STATUS_CODES[status] ?? ''}`.trim(), requestId));
      // A client that does not read its refusal must not keep the socket.
      stream.once('finish', () => stream.destroy());
      setTimeout(() => stream.destroy(), 5_000).unref();
    });
  });
}

async function openTunnel(
  request: IncomingMessage,
  stream: Duplex,
  head: Buffer,
  requestId: string,
  parts: TunnelParts,
): Promise<void> {
  if (!parts.isHostAllowed(request.headers.host)) {
    throw new SluiceError('usage', 'this gateway does not answer to that Host; use its public URL');
  }
  if (parts.connections.isClosed) throw new SluiceError('unavailable', 'the gateway is shutting down');
  const path = tunnelPath.exec(request.url ?? '');
  if (path?.[1] === undefined || request.method !== 'GET')
    throw new SluiceError('not_found', 'nothing to upgrade to at this path');
  if (request.headers.upgrade?.toLowerCase() !== 'sluice-tunnel') {
    throw new SluiceError('usage', 'only "Upgrade: sluice-tunnel" is served here');
  }
  const caller = await within(parts.callers.identify(bearerToken(request)), parts.limits.upgradeTimeoutMs, null);
  if (caller === null) throw new SluiceError('timeout', 'the login was not checked in time', { decider: 'gateway' });
  const { principal } = caller;
  const found = parts.targets.find(decodeName(path[1]), principal);
  const { target } = found;
  const origin = {
    address: request.socket.remoteAddress ?? '',
    via: 'tunnel',
    passwordVerifier: readVerifier(request.headers['sluice-client-password']),
    reason: readReason(request.headers['sluice-reason']),
    approvedRequest: null,
    waitForApproval: true,
  } as const;
  if (!stream.writable) return;
  tuneSocket(request.socket);
  stream.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sluice-tunnel\r\nX-Request-Id: ${requestId}\r\n\r\n`,
  );
  if (head.length > 0) stream.unshift(head);
  parts.log.info({ request: requestId, target: target.name, user: principal.name }, 'tunnel open');
  try {
    await parts.connections.run(
      { target: target.name, principal, cut: () => stream.destroy() },
      new AbortController(),
      (signal) =>
        parts.engines.of(target).serve(
          {
            stream,
            principal,
            target,
            get classification() {
              return found.classification;
            },
            origin,
          },
          signal,
        ),
    );
  } catch (error) {
    // After the 101 the bytes are the target's protocol: an HTTP answer would be garbage in it.
    parts.log.error({ request: requestId, err: error }, 'an engine failed');
  }
  stream.destroy();
  parts.log.info({ request: requestId }, 'tunnel closed');
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
    throw new SluiceError('usage', 'the target name in the path is not valid percent-encoding');
  }
}

function readVerifier(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header === 'string' && scramVerifier.test(header)) return header;
  throw new SluiceError('usage', 'Sluice-Client-Password must be a SCRAM-SHA-256 verifier');
}

/** The reason may hold any text, which a header cannot: it arrives percent-encoded as UTF-8. */
function readReason(header: string | string[] | undefined): string | null {
  if (header === undefined || header === '') return null;
  let text: string;
  try {
    text = decodeURIComponent(String(header));
  } catch {
    text = String(header);
  }
  if (text.length > 1000) throw new SluiceError('usage', 'Sluice-Reason must be at most 1000 characters');
  return text;
}
