import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { SluiceError } from '../../lib/errors.js';
import { createHttpMcp, type HttpMcp } from '../../mcp/http.js';
import type { Toolset } from '../../mcp/tool.js';
import { textOfBody } from '../body-text.js';
import { errorDocumentOf, httpStatusOf, showable } from '../http-errors.js';
import type { GatewayLimits } from '../limits.js';
import type { GatewayMetrics } from '../metrics.js';
import { bearerToken } from '../server.js';
import { apiWithin, type WithinParts } from './api-within.js';

export interface McpEndpointParts extends WithinParts {
  readonly version: string;
  readonly publicUrl: string;
  readonly limits: GatewayLimits;
  readonly metrics: Pick<GatewayMetrics, 'observeRequest'>;
  readonly isDraining: () => boolean;
  readonly drainSignal: AbortSignal;
}
export interface McpEndpoint {
  readonly listener: RequestListener;
  close(): Promise<void>;
}

/** `/mcp`: the tools over streamable HTTP, under the bearer tokens of the same issuers as the API. */
export function createMcpEndpoint(parts: McpEndpointParts): McpEndpoint {
  const mcp = createHttpMcp({
    version: parts.version,
    maxBodyBytes: parts.limits.bodyBytes,
    onError: (error) => parts.log.warn({ err: error }, 'an MCP request failed'),
  });
  return {
    listener: (request, response) => {
      const requestId = parts.newRequestId();
      response.setHeader('X-Request-Id', requestId);
      observe(parts, requestId, request, response);
      serve(parts, mcp, request, response).catch((error: unknown) => refuse(parts, requestId, response, error));
    },
    close: () => mcp.close(),
  };
}

/** Counts and logs it like any route of the API. */
function observe(
  { log, metrics }: McpEndpointParts,
  requestId: string,
  { method = '' }: IncomingMessage,
  response: ServerResponse,
): void {
  const started = performance.now();
  response.once('close', () => {
    const { statusCode: status } = response;
    const ms = performance.now() - started;
    metrics.observeRequest(method, '/mcp', status, ms / 1000);
    log.info({ request: requestId, method, route: '/mcp', status, ms: Math.round(ms) }, 'request');
  });
}

async function serve(
  parts: McpEndpointParts,
  mcp: HttpMcp,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  checkOrigin(request.headers.origin, parts.publicUrl);
  if (parts.isDraining()) throw new SluiceError('unavailable', 'the gateway is shutting down');
  const token = bearerToken(request);
  const caller = await parts.callers.identify(token);
  const gone = new AbortController();
  response.once('close', () => gone.abort(new SluiceError('interrupted', 'the client is gone')));
  const url = new URL(request.url ?? '/mcp', parts.publicUrl);
  const signal = AbortSignal.any([gone.signal, parts.drainSignal]);
  const answer = await mcp.handle(await webRequest(request, { url, signal, maxBytes: parts.limits.bodyBytes }), {
    token,
    clientId: caller.principal.id,
    api: apiWithin(parts, caller, request.socket.remoteAddress ?? ''),
    toolset: toolsetOf(url),
  });
  await send(answer, response);
}

/** MCP, Streamable HTTP, "Security Warning": a page of another site gets nothing, whatever token it has found. */
function checkOrigin(origin: string | undefined, publicUrl: string): void {
  if (origin === undefined || origin === new URL(publicUrl).origin) return;
  throw new SluiceError('denied', `MCP is not for pages of other sites; this gateway is ${publicUrl}`, {
    decider: 'gateway',
  });
}

/** `/mcp?toolset=read` offers fewer tools. What a tool may do is policy's business either way. */
function toolsetOf(url: URL): Toolset {
  const asked = url.searchParams.get('toolset') ?? 'all';
  if (asked === 'read' || asked === 'run' || asked === 'all') return asked;
  throw new SluiceError('usage', 'toolset is read, run or all');
}

async function webRequest(
  request: IncomingMessage,
  { url, signal, maxBytes }: { readonly url: URL; readonly signal: AbortSignal; readonly maxBytes: number },
): Promise<Request> {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    for (const item of Array.isArray(value) ? value : [value]) if (item !== undefined) headers.append(name, item);
  const method = request.method ?? 'GET';
  const hasBody = method !== 'GET' && method !== 'HEAD';
  return new Request(url, {
    ...{ method, headers, signal },
    ...(hasBody ? { body: await readBody(request, maxBytes) } : {}),
  });
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > maxBytes) throw new SluiceError('too_large', 'the request body is larger than this route takes');
    pieces.push(piece);
  }
  return textOfBody(Buffer.concat(pieces));
}

async function send(answer: Response, response: ServerResponse): Promise<void> {
  // Whether the connection stays is between it and the client.
  answer.headers.delete('connection');
  response.writeHead(answer.status, {
    ...Object.fromEntries(answer.headers),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  if (answer.body === null) {
    response.end();
    return;
  }
  const body = Readable.fromWeb(answer.body);
  response.once('close', () => body.destroy());
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    if (!response.write(chunk)) {
      await new Promise<void>((resolve) => {
        response.once('drain', resolve);
        response.once('close', resolve);
      });
    }
    if (response.destroyed) return;
  }
  response.end();
}

function refuse(parts: McpEndpointParts, requestId: string, response: ServerResponse, thrown: unknown): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const error = showable(thrown, requestId);
  if (error.code === 'unexpected')
    parts.log.error({ request: requestId, err: error.cause ?? error }, 'an MCP request failed');
  const metadata = `${parts.publicUrl}/.well-known/oauth-protected-resource`;
  response.writeHead(httpStatusOf(error.code), {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
    ...(error.code === 'too_large' ? { Connection: 'close' } : {}),
    // RFC 9728 5.1: where a client learns which authorisation server to ask.
    ...(error.code === 'login_required'
      ? { 'WWW-Authenticate': `Bearer realm="sluice", resource_metadata="${metadata}"` }
      : {}),
  });
  response.end(JSON.stringify(errorDocumentOf(error)));
}
