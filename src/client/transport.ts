import { readFileSync } from 'node:fs';
import type * as http from 'node:http';
import type * as https from 'node:https';
import type { Socket } from 'node:net';
import { messageOf, SluiceError } from '../lib/errors.js';
import type { ProxySettings } from './proxy-settings.js';

// Not by `import`: that reads every export of a built-in, and one of http's getters loads a WebSocket client, one of tls's
// all root certificates. Each is half of what a process takes to start.
const builtin = process.getBuiltinModule;

export interface TransportRequest {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

export interface TransportResponse {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

const defaultTimeoutMs = 30_000;
/** Shorter than servers keep an idle connection (Node's 5 s): else a request can meet the server's goodbye on its way. */
const idleMs = 4000;
const maxBodyBytes = 64 * 1024 * 1024;

/** A clock that tells the time and one that counts it while the machine is awake. */
interface Clocks {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

const systemClocks = (): Clocks => ({ wallMs: Date.now(), monotonicMs: performance.now() });
/** A jump of the wall clock that is taken for a sleep; a clock set anew costs a few connections at most. */
const sleptMs = 5000;

export interface TransportOptions {
  /** SLUICE_CA_FILE: further authorities. */
  readonly caFile: string | null;
  readonly proxy: ProxySettings | null;
  readonly readClocks?: () => Clocks;
}

/** HTTP as this client speaks it: one place for certificates, time limits and what a failed connection means. */
export class Transport {
  readonly #tls: { readonly ca?: string[] };
  readonly #proxy: ProxySettings | null;
  readonly #agents = new Map<string, Promise<http.Agent>>();

  #clocks: Clocks;
  readonly #readClocks: () => Clocks;

  constructor({ caFile, proxy, readClocks = systemClocks }: TransportOptions) {
    this.#readClocks = readClocks;
    this.#clocks = readClocks();
    this.#proxy = proxy;
    this.#tls = caFile === null ? {} : { ca: [...builtin('node:tls').rootCertificates, readCa(caFile)] };
  }

  /** Sends a request and collects the answer, whatever its status. */
  async send(request: TransportRequest): Promise<TransportResponse> {
    const message = await this.open(request);
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of message as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > maxBodyBytes) throw new SluiceError('too_large', 'The answer is too large', { decider: 'local' });
        chunks.push(chunk);
      }
    } catch (error) {
      throw failureOf(error, request);
    }
    return { status: message.statusCode ?? 0, headers: message.headers, body: Buffer.concat(chunks) };
  }

  /** Sends a request; the answer's body is left to be read. */
  async open(request: TransportRequest): Promise<http.IncomingMessage> {
    await this.#dropStaleConnections();
    const agent = await this.#pooled(request.url);
    const { signal, dispose } = deadline(request);
    return new Promise((resolve, reject) => {
      const options = {
        method: request.method,
        headers: withLength(request),
        agent,
        signal,
      };
      const call = protocolOf(request.url).request(request.url, options);
      call.on('error', (error) => {
        dispose();
        reject(failureOf(error, request, signal));
      });
      call.on('response', (message) => {
        message.on('close', dispose);
        resolve(message);
      });
      call.end(request.body);
    });
  }

  /**
   * Asks for another protocol on the connection (RFC 9110 7.8). `upgraded` is null when the server answered with
   * something else than 101, which is then the answer.
   */
  async upgrade(request: TransportRequest, protocol: string): Promise<Upgraded> {
    const through = await this.#agentThroughProxy(request.url, {});
    const { signal, dispose } = deadline(request);
    return new Promise((resolve, reject) => {
      const headers = { ...request.headers, connection: 'Upgrade', upgrade: protocol };
      // A connection of its own, half-open: the end of one direction must not end the other.
      const own = { agent: through ?? false, allowHalfOpen: true, ...this.#tls };
      const call = protocolOf(request.url).request(request.url, { method: request.method, headers, signal, ...own });
      call.on('error', (error) => {
        dispose();
        reject(failureOf(error, request, signal));
      });
      call.on('upgrade', (_message, socket, head) => {
        dispose();
        socket.on('error', () => undefined); // until the caller listens; the close tells the rest
        if (head.length > 0) socket.unshift(head);
        resolve({ socket, answer: null });
      });
      call.on('response', (message) => {
        message.on('close', dispose);
        resolve({ socket: null, answer: message });
      });
      call.end();
    });
  }

  /** This transport as a fetch, for libraries that want one. Redirects are not followed. */
  readonly fetch = async (url: string, init: FetchInit): Promise<Response> => {
    const { body } = init;
    const answer = await this.send({
      method: init.method ?? 'GET',
      url,
      headers: Object.fromEntries(new Headers(init.headers)),
      signal: init.signal,
      ...(body === undefined || body === null ? {} : { body }),
    });
    const headers = new Headers();
    for (const [name, value] of Object.entries(answer.headers)) {
      for (const item of Array.isArray(value) ? value : [value]) if (item !== undefined) headers.append(name, item);
    }
    const empty = answer.status === 204 || answer.status === 304;
    return new Response(empty ? null : new Uint8Array(answer.body), { status: answer.status, headers });
  };

  /**
   * After the machine slept, its idle connections are dead, though nobody has told it: a request on one would wait for its
   * whole time limit. The clock of the wall went on meanwhile, the monotonic one stood still.
   */
  async #dropStaleConnections(): Promise<void> {
    const before = this.#clocks;
    const now = this.#readClocks();
    this.#clocks = now;
    const awayMs = now.wallMs - before.wallMs - (now.monotonicMs - before.monotonicMs);
    if (Math.abs(awayMs) < sleptMs) return;
    for (const agent of await Promise.all(this.#agents.values())) {
      for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
    }
  }

  /** The connections that are kept for this address: one pool each for TLS, for none, and for a proxy. */
  #pooled(url: string): Promise<http.Agent> {
    const { protocol, host } = new URL(url);
    // With a proxy, whether it is used depends on the host.
    const key = this.#proxy === null ? protocol : `${protocol}${host}`;
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const made = this.#makePool(url);
    this.#agents.set(key, made);
    made.catch(() => this.#agents.delete(key));
    return made;
  }

  async #makePool(url: string): Promise<http.Agent> {
    // Idle sockets of these agents do not keep the process alive.
    const options = { keepAlive: true, maxSockets: 32, timeout: idleMs };
    const through = await this.#agentThroughProxy(url, options);
    if (through !== null) return through;
    const { Agent } = protocolOf(url);
    return new Agent({ ...options, ...this.#tls });
  }

  async #agentThroughProxy(url: string, options: https.AgentOptions): Promise<http.Agent | null> {
    if (this.#proxy === null) return null;
    const { ProxyAgent, proxyFor } = await import('./proxy.js');
    const proxy = proxyFor(new URL(url), this.#proxy);
    if (proxy === null) return null;
    return new ProxyAgent(options, { proxy, variable: this.#proxy.variable, tls: this.#tls });
  }

  close(): void {
    for (const agent of this.#agents.values())
      agent.then(
        (made) => made.destroy(),
        () => undefined, // it never was
      );
    this.#agents.clear();
  }
}

function protocolOf(url: string): typeof http | typeof https {
  return url.startsWith('https:') ? builtin('node:https') : builtin('node:http');
}

export type Upgraded =
  { readonly socket: Socket; readonly answer: null } | { readonly socket: null; readonly answer: http.IncomingMessage };

interface FetchInit {
  readonly method?: string;
  readonly headers?: ConstructorParameters<typeof Headers>[0];
  readonly body?: string | null;
  readonly signal?: AbortSignal | undefined;
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SluiceError('local', `Cannot read SLUICE_CA_FILE: ${messageOf(error)}`, {
      decider: 'local',
      cause: error,
    });
  }
}

function withLength({ headers, body }: TransportRequest): Record<string, string | number> {
  return body === undefined ? { ...headers } : { ...headers, 'content-length': Buffer.byteLength(body) };
}

/** The caller's signal and the time limit in one; `dispose` ends the timer. */
function deadline(request: TransportRequest): { readonly signal: AbortSignal; readonly dispose: () => void } {
  const timeout = new AbortController();
  const limit = request.timeoutMs ?? defaultTimeoutMs;
  const timer = setTimeout(() => timeout.abort(timedOut(request, limit)), limit);
  const signal = request.signal === undefined ? timeout.signal : AbortSignal.any([request.signal, timeout.signal]);
  return { signal, dispose: () => clearTimeout(timer) };
}

function timedOut({ url }: TransportRequest, limitMs: number): SluiceError {
  return new SluiceError('timeout', `${new URL(url).host} did not answer within ${Math.round(limitMs / 1000)} s`, {
    decider: 'network',
    retryable: true,
  });
}

/** What a failed request means. An abort keeps the reason that the caller gave. */
function failureOf(error: unknown, { url }: TransportRequest, signal?: AbortSignal): unknown {
  if (error instanceof SluiceError) return error;
  if (signal?.aborted === true) return signal.reason;
  const { host } = new URL(url);
  return new SluiceError('gateway_unreachable', `Cannot reach ${host}: ${reasonOf(error)}`, {
    decider: 'network',
    retryable: true,
    cause: error,
  });
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ECONNREFUSED':
      return 'nothing listens there (connection refused)';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the name does not resolve';
    case 'ECONNRESET':
      return 'the connection was cut';
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'its certificate is not trusted here; name its authority in SLUICE_CA_FILE';
    default:
      return messageOf(error) === '' ? String(code) : messageOf(error);
  }
}
