import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { parseObject } from '../client/error-document.js';
import type { ProxySettings } from '../client/proxy-settings.js';
import { isSluiceError, messageOf, SluiceError } from '../lib/errors.js';
import { controlHost, cookieHeader, type AgentStatus, type OpenTunnelBody } from './control-types.js';
import type { TunnelSet } from './tunnel-set.js';

const maxBodyBytes = 64 * 1024;
const neverMs = 2 ** 31 - 1;
const maxWaitMs = 10 * 60_000;

export interface ControlServerOptions {
  readonly cookie: string;
  readonly tunnels: TunnelSet;
  readonly status: () => AgentStatus;
  readonly shutdown: () => void;
}

/** The agent's control server, not yet listening. Every request must carry the cookie of this start. */
export function createControlServer(options: ControlServerOptions): Server {
  // Node would look for late requests every half minute, and an agent at rest must not wake the machine.
  return createServer({ connectionsCheckingInterval: neverMs }, (request, response) => {
    const gone = new AbortController();
    response.once('close', () => gone.abort(new SluiceError('interrupted', 'The caller left', { decider: 'local' })));
    answer(request, options, gone.signal).then(
      (document) => send(response, 200, document),
      (error: unknown) => send(response, 400, failureDocument(error)),
    );
  });
}

async function answer(request: IncomingMessage, options: ControlServerOptions, signal: AbortSignal): Promise<object> {
  const { cookie, tunnels, status, shutdown } = options;
  if (request.headers.host !== controlHost || !isSame(request.headers[cookieHeader], cookie)) {
    throw new SluiceError('local', 'The local agent does not know this caller', { decider: 'local' });
  }
  const url = new URL(request.url ?? '/', 'http://agent');
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /status':
      return status();
    case 'GET /tunnels':
      return { tunnels: tunnels.list() };
    case 'GET /tunnels/wait':
      return tunnels.ready(waitOf(url.searchParams), signal);
    case 'POST /tunnels':
      return tunnels.open(decodeOpen(await readBody(request)));
    case 'DELETE /tunnels':
      return { tunnels: await tunnels.close(url.searchParams.get('target'), url.searchParams.get('profile')) };
    case 'POST /shutdown':
      tunnels.forget(); // the user ends them; only what ends by itself comes back
      setImmediate(shutdown); // after the answer is on its way
      return status();
    default:
      throw new SluiceError('usage', 'The local agent is of another version; run: sluice daemon stop', {
        decider: 'local',
      });
  }
}

function isSame(given: string | string[] | undefined, expected: string): boolean {
  if (typeof given !== 'string') return false;
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) throw new SluiceError('too_large', 'The request is too large', { decider: 'local' });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function decodeOpen(text: string): OpenTunnelBody {
  const body = parseObject(text) ?? {};
  const required = (name: string): string => {
    const value = body[name];
    if (typeof value === 'string' && value !== '') return value;
    throw new SluiceError('usage', `"${name}" is missing`, { decider: 'local' });
  };
  const optional = (name: string): string | null => (typeof body[name] === 'string' ? body[name] : null);
  const { port = null, forMs = null } = body;
  if (forMs !== null && !(typeof forMs === 'number' && forMs > 0 && forMs <= neverMs)) {
    throw new SluiceError('usage', 'A tunnel can be open for at most 24 days', { decider: 'local' });
  }
  if (port !== null && !(typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new SluiceError('usage', 'A port is a number from 0 to 65535', { decider: 'local' });
  }
  return {
    target: required('target'),
    profile: required('profile'),
    gateway: required('gateway'),
    configDir: required('configDir'),
    port,
    reason: optional('reason'),
    caFile: optional('caFile'),
    proxy: decodeProxy(body['proxy']),
    token: optional('token'),
    tokenFile: optional('tokenFile'),
    identityTokenFile: optional('identityTokenFile'),
    forMs,
  };
}

function decodeProxy(value: unknown): ProxySettings | null {
  if (typeof value !== 'object' || value === null) return null;
  const { url, variable, bypass } = value as Readonly<Record<string, unknown>>;
  if (typeof url !== 'string' || typeof variable !== 'string' || typeof bypass !== 'string') return null;
  return { url, variable, bypass };
}

function waitOf(query: URLSearchParams): { target: string; profile: string | null; limitMs: number } {
  const limitMs = Number(query.get('limit_ms'));
  if (!(limitMs > 0 && limitMs <= maxWaitMs))
    throw new SluiceError('usage', 'The agent waits for at most 10 minutes', { decider: 'local' });
  return { target: query.get('target') ?? '', profile: query.get('profile'), limitMs };
}

function failureDocument(thrown: unknown): object {
  const error = isSluiceError(thrown) ? thrown : new SluiceError('unexpected', messageOf(thrown));
  const { decider = 'local', policy = null, retryable = false, next = [] } = error.details;
  return {
    schema: 'sluice.error/v1',
    ok: false,
    error: { code: error.code, message: error.message, decider, policy, retryable, next },
  };
}

function send(response: ServerResponse, status: number, document: object): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify(document));
}
