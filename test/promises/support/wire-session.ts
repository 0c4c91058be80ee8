import { dialPostgres, type DialledTarget } from '../../../src/protocols/postgres/dial.js';
import { decodeErrorFields } from '../../../src/protocols/postgres/errors.js';
import type { TargetConfig } from '../../../src/sessions/types.js';

/** One message of the server's. */
export interface Message {
  readonly type: string;
  readonly payload: Buffer;
}

/** All that a client got for what it sent. */
export interface Transcript {
  readonly messages: readonly Message[];
  /** The statement was put before reviewers instead of the server; the client left. */
  readonly held: boolean;
  readonly closed: boolean;
  /** Nothing came for too long. */
  readonly silent: boolean;
}

/** Long enough for any answer on a machine that is busy; what comes later never comes. */
const patienceMs = 60_000;

/** A client that speaks bytes and keeps every one it gets. */
export class WireSession {
  readonly #dialled: DialledTarget;
  readonly #chunks: Buffer[] = [];
  #closed = false;
  #wake: () => void = () => undefined;

  private constructor(dialled: DialledTarget) {
    this.#dialled = dialled;
    const { socket, reader } = dialled;
    const came = (): void => this.#wake();
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      reader.push(chunk);
      came();
    });
    socket.on('close', () => {
      this.#closed = true;
      came();
    });
    socket.on('error', () => undefined);
    socket.resume();
  }

  static async open(uri: string, settings: Readonly<Record<string, string>> = {}): Promise<WireSession> {
    return new WireSession(
      await dialPostgres(targetOf(uri), {
        parameters: new Map(Object.entries({ client_encoding: 'UTF8', ...settings })),
        signal: new AbortController().signal,
        timeoutMs: patienceMs,
      }),
    );
  }

  /** Every byte since the login. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
  get parameters(): ReadonlyMap<string, string> {
    return this.#dialled.parameters;
  }

  send(...messages: readonly Buffer[]): void {
    this.#dialled.socket.write(Buffer.concat(messages));
  }

  /** Reads until this many ReadyForQuery, a hold, or the end. */
  async until(ready: number, timeoutMs = patienceMs): Promise<Transcript> {
    const messages: Message[] = [];
    const end = (what: Partial<Transcript>): Transcript => ({
      messages,
      held: false,
      closed: false,
      silent: false,
      ...what,
    });
    let left = ready;
    const deadline = AbortSignal.timeout(timeoutMs);
    deadline.addEventListener('abort', () => this.#wake());
    for (;;) {
      for (let frame = this.#dialled.reader.next(); frame !== null; frame = this.#dialled.reader.next()) {
        const message = { type: String.fromCharCode(frame.type), payload: Buffer.from(frame.payload) };
        messages.push(message);
        if (message.type === 'N' && /held for approval/.test(message.payload.toString('utf8'))) {
          this.close();
          return end({ held: true });
        }
        if (message.type === 'Z' && --left === 0) return end({});
      }
      if (this.#closed) return end({ closed: true });
      if (deadline.aborted) return end({ silent: true });
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  close(): void {
    this.#dialled.socket.destroy();
  }
}

/** A target as a connection string names it. */
export function targetOf(uri: string): TargetConfig {
  const { hostname, port, username, password, pathname, searchParams } = new URL(uri);
  return {
    name: 'lab',
    kind: 'postgres',
    labels: {},
    host: hostname,
    port: Number(port || 5432),
    database: decodeURIComponent(pathname.slice(1)),
    tls: { mode: searchParams.get('sslmode') === 'require' ? 'require' : 'disable', ca: null },
    username: decodeURIComponent(username),
    recording: 'strict',
    readSecret: () => Promise.resolve(decodeURIComponent(password)),
  };
}

/** A transcript as text: comparable between worlds, without what differs from session to session. */
export function textOf({ messages, held, closed, silent }: Transcript): string {
  const lines = messages.map(({ type, payload }) => {
    if (type === 'E' || type === 'N') {
      const fields = decodeErrorFields(payload);
      // File, line and routine are the server's; internal position and query stay.
      return `${type} ${[...fields]
        .filter(([name]) => !'FLR'.includes(name))
        .map(([name, text]) => `${name}=${text}`)
        .join(' ')}`;
    }
    if (type === 'A') return `A ${payload.subarray(4).toString('latin1')}`;
    // Tables made meanwhile have other OIDs each time: names and types tell the rest.
    if (type === 'T') return `T ${describedFields(payload).join(', ')}`;
    return `${type} ${payload.toString('latin1')}`;
  });
  if (held) lines.push('held');
  if (closed) lines.push('closed');
  if (silent) lines.push('silent');
  return lines.join('\n').replaceAll(/\b(ses|req)_[0-9A-Za-z]+/g, '$1');
}

/** RowDescription: Int16(n), then String(name) Int32 Int16 Int32(type) Int16 Int32 Int16(format) × n. PostgreSQL 55.7. */
function describedFields(payload: Buffer): readonly string[] {
  const fields: string[] = [];
  for (let at = 2; at < payload.length; at += 18) {
    const end = payload.indexOf(0, at);
    fields.push(
      `${payload.toString('utf8', at, end)}:${payload.readInt32BE(end + 7)}:${payload.readInt16BE(end + 17)}`,
    );
    at = end + 1;
  }
  return fields;
}

/** The SQLSTATE of the first error, or ''. */
export function errorCode({ messages }: Transcript): string {
  const error = messages.find(({ type }) => type === 'E');
  return error === undefined ? '' : (decodeErrorFields(error.payload).get('C') ?? '');
}
