import type { Duplex, Readable } from 'node:stream';
import { isSluiceError, SluiceError } from '../lib/errors.js';
import type { Envelope } from './api-types.js';
import { decodeFailure, parseObject } from './error-document.js';
import type { TokenSource } from './tokens.js';
import type { Transport, TransportRequest } from './transport.js';

export interface SluiceClientOptions {
  readonly gateway: string;
  readonly transport: Transport;
  /** Null for a client that only asks what needs no login. */
  readonly tokens: TokenSource | null;
  /** Told which version the gateway is of, when an answer says so. */
  readonly onVersion?: (version: string) => void;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Call<Schema extends string> extends CallOptions {
  readonly schema: Schema;
  readonly query?: Query;
  readonly body?: unknown;
  readonly anonymous?: boolean;
}

/** A stream ends when its source or its reader does; this is the longest a timer can wait. */
const endlessMs = 2_147_483_647;

export type Headers = Readonly<Record<string, string>>;
/** What a request for a stream sends. */
export interface Sent {
  readonly method: string;
  readonly body?: unknown;
}

/** How the gateway is asked: with a token, for a document, a stream or a connection. Refusals are `SluiceError`s. */
export class GatewayCalls {
  readonly gateway: string;
  readonly #transport: Transport;
  readonly #tokens: TokenSource | null;
  readonly #onVersion: (version: string) => void;

  constructor({ gateway, transport, tokens, onVersion = () => undefined }: SluiceClientOptions) {
    this.#onVersion = onVersion;
    this.gateway = gateway;
    this.#transport = transport;
    this.#tokens = tokens;
  }

  async upgrade(request: TransportRequest, protocol: string): Promise<Duplex> {
    const { socket, answer } = await this.#transport.upgrade(request, protocol);
    if (socket === null) throw await this.#failure(answer);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    return socket;
  }

  async call<Schema extends string, Document extends Envelope<Schema>>(
    method: string,
    path: string,
    call: Call<Schema>,
  ): Promise<Document> {
    const url = this.url(path, call.query);
    const send = async (authorization: Headers): Promise<Document> => {
      const body = call.body === undefined ? undefined : JSON.stringify(call.body);
      const headers = {
        accept: 'application/json',
        ...authorization,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      const { signal, timeoutMs } = call;
      const request = {
        method,
        url,
        headers,
        signal,
        ...(body === undefined ? {} : { body }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      };
      const answer = await this.#transport
        .send(request)
        .catch((error: unknown) => Promise.reject(this.#unreachable(error)));
      const version = answer.headers['sluice-version'];
      if (typeof version === 'string') this.#onVersion(version);
      return decodeAnswer(answer.status, answer.body.toString('utf8'), new URL(url).host, call.schema);
    };
    return call.anonymous === true ? send({}) : this.authorized(call.signal, send);
  }

  stream(url: string, accept: string, options: CallOptions, sent: Sent = { method: 'GET' }): Promise<Readable> {
    return this.authorized(options.signal, async (authorization) => {
      const body = sent.body === undefined ? undefined : JSON.stringify(sent.body);
      const headers = {
        ...authorization,
        accept,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      const request = { method: sent.method, url, headers, ...(body === undefined ? {} : { body }) };
      const message = await this.#transport.open({ ...request, timeoutMs: endlessMs, ...options });
      if (message.statusCode !== 200) throw await this.#failure(message);
      return message;
    });
  }

  /** Runs `send` with a token, and once more with another one if the gateway does not take the first. */
  async authorized<T>(signal: AbortSignal | undefined, send: (headers: Headers) => Promise<T>): Promise<T> {
    if (this.#tokens === null) throw new TypeError('this client has no token source');
    const token = await this.#tokens.get(signal);
    try {
      return await send({ authorization: `Bearer ${token}` });
    } catch (error) {
      if (!isSluiceError(error, 'login_required')) throw this.#unreachable(error);
      const other = await this.#tokens.renew(token, signal);
      if (other === null) throw error;
      return send({ authorization: `Bearer ${other}` });
    }
  }

  async #failure(answer: Readable & { readonly statusCode?: number | undefined }): Promise<SluiceError> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > 1024 * 1024) break;
      chunks.push(chunk);
    }
    return decodeFailure(answer.statusCode ?? 0, Buffer.concat(chunks).toString('utf8'), new URL(this.gateway).host);
  }

  #unreachable(error: unknown): unknown {
    if (!isSluiceError(error, 'gateway_unreachable') || error.details.next !== undefined) return error;
    const next = [{ command: `curl ${this.gateway}/healthz`, when: 'to see whether the gateway answers at all' }];
    return new SluiceError('gateway_unreachable', error.message, { ...error.details, next });
  }

  url(path: string, query: Query = {}): string {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
    const search = parameters.toString();
    return `${this.gateway}${path}${search === '' ? '' : `?${search}`}`;
  }
}

/** The gateway checks its own answers against its schemas; here, the schema's name is enough to trust the shape. */
function decodeAnswer<Schema extends string, Document extends Envelope<Schema>>(
  status: number,
  body: string,
  host: string,
  schema: Schema,
): Document {
  const document = status >= 200 && status < 300 ? parseObject(body) : null;
  if (document?.['ok'] !== true) throw decodeFailure(status, body, host);
  if (document['schema'] !== schema) {
    throw new SluiceError(
      'protocol',
      `The gateway answered with ${String(document['schema'])} instead of ${schema}; is it newer than this client?`,
      {
        decider: 'gateway',
      },
    );
  }
  return document as unknown as Document;
}
