import { readFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { IncomingMessage, RequestListener, ServerOptions } from 'node:http';
import { SluiceError } from '../lib/errors.js';
import { errorDocumentOf } from './http-errors.js';
import type { GatewayLimits } from './limits.js';

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** Reads certificate and key: PEM text as it is, anything else as a file's path. */
export function readTls(tls: TlsFiles): { readonly cert: string; readonly key: string } {
  return { cert: readPem(tls.cert, 'certificate'), key: readPem(tls.key, 'private key') };
}

/**
 * The one HTTP server of the gateway, over TLS where configured. Every phase of a request has a time limit, so that a
 * connection which dribbles its bytes is cut (node checks them every few seconds), and the number of sockets is bounded.
 */
export function createHttpServer(tls: TlsFiles | null, limits: GatewayLimits, listener: RequestListener): Server {
  const options: ServerOptions = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
    maxHeaderSize: limits.headerBytes,
    // Two readings of one request are how requests are smuggled: node's strict parser stays strict.
    insecureHTTPParser: false,
    joinDuplicateHeaders: false,
    noDelay: true,
  };
  const server =
    tls === null
      ? createServer(options, listener)
      : createTlsServer(
          {
            ...options,
            ...readTls(tls),
            minVersion: 'TLSv1.2',
            handshakeTimeout: limits.headersTimeoutMs,
            ALPNProtocols: ['http/1.1'],
          },
          listener,
        );
  server.maxConnections = limits.connections;
  return server;
}

/** A refusal written straight to a socket, where no response object exists: a broken request, a refused upgrade. */
export function rawRefusal(error: SluiceError, status: string, requestId: string | null): string {
  const body = `${JSON.stringify(errorDocumentOf(error))}\n`;
  const head = [
    `HTTP/1.1 ${status}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    ...(requestId === null ? [] : [`X-Request-Id: ${requestId}`]),
    ...(error.code === 'login_required' ? ['WWW-Authenticate: Bearer realm="sluice"'] : []),
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

/** The bearer token of a request (RFC 6750 2.1), bounded; the header alone, never the query. */
export function bearerToken(request: IncomingMessage): string {
  const header = request.headers.authorization;
  if (header === undefined) throw new SluiceError('login_required', 'this needs a login');
  const match = /^Bearer +([A-Za-z0-9._~+/=-]{1,16384})$/i.exec(header);
  if (match?.[1] === undefined)
    throw new SluiceError('login_required', 'the Authorization header must be "Bearer TOKEN"');
  return match[1];
}

function readPem(value: string, what: string): string {
  if (value.includes('-----BEGIN')) return value;
  try {
    return readFileSync(value, 'utf8');
  } catch (cause) {
    throw new SluiceError('config_invalid', `cannot read the ${what} ${value}`, { cause });
  }
}
