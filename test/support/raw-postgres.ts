import { once } from 'node:events';
import { dialPostgres, sendCancel, type DialledTarget } from '../../src/protocols/postgres/dial.js';
import { decodeErrorFields } from '../../src/protocols/postgres/errors.js';
import type { TargetConfig } from '../../src/sessions/types.js';
import { cString, frame, int16, int32 } from '../../src/protocols/postgres/frames.js';

/** Long enough for a server on a machine that is busy. */
const patienceMs = 60_000;

/** One message as the client saw it, comparable between two connections. */
export type Seen = readonly [type: string, text: string];

/** A client that speaks bytes: it can pipeline, misbehave and compare transcripts. */
export class RawPostgres {
  readonly #dialled: DialledTarget;
  readonly #target: TargetConfig;
  readonly #ended: Promise<'closed'>;
  closed = false;

  private constructor(dialled: DialledTarget, target: TargetConfig) {
    this.#dialled = dialled;
    this.#target = target;
    this.#ended = new Promise((resolve) =>
      dialled.socket.on('close', () => {
        this.closed = true;
        resolve('closed');
      }),
    );
    dialled.socket.on('error', () => undefined);
  }

  static async connect(port: number, user: string, password: string, database: string): Promise<RawPostgres> {
    const target: TargetConfig = {
      name: 'raw',
      kind: 'postgres',
      labels: {},
      host: '127.0.0.1',
      port,
      database,
      tls: { mode: 'disable', ca: null },
      username: user,
      recording: 'strict',
      readSecret: () => Promise.resolve(password),
    };
    const parameters = new Map([['client_encoding', 'UTF8']]);
    const { signal } = new AbortController();
    const dialled = await dialPostgres(target, { parameters, signal, timeoutMs: patienceMs });
    return new RawPostgres(dialled, target);
  }

  /** Sends a CancelRequest over a connection of its own, as libpq does. */
  async cancel(): Promise<void> {
    const { processId, cancelKey } = this.#dialled;
    await sendCancel(this.#target, processId, cancelKey, AbortSignal.timeout(patienceMs));
  }
  get parameters(): ReadonlyMap<string, string> {
    return this.#dialled.parameters;
  }

  send(...messages: readonly Buffer[]): void {
    this.#dialled.socket.write(Buffer.concat(messages));
  }

  /** Reads until this many ReadyForQuery have come, or the connection ends ('closed' is then the last entry). */
  async until(ready: number, describe: DescribeMessage = describeBriefly): Promise<Seen[]> {
    const { socket, reader } = this.#dialled;
    const seen: Seen[] = [];
    let left = ready;
    for (;;) {
      for (let message = reader.next(); message !== null; message = reader.next()) {
        const entry = describe(message.type, message.payload);
        if (entry !== null) seen.push(entry);
        if (message.type === 0x5a && --left === 0) return seen;
      }
      if (this.closed) return [...seen, ['closed', '']];
      const got = await Promise.race([nextChunk(socket), this.#ended]);
      if (got === 'closed') return [...seen, ['closed', '']];
      reader.push(got);
    }
  }

  end(): void {
    this.#dialled.socket.destroy();
  }
}

async function nextChunk(socket: DialledTarget['socket']): Promise<Buffer> {
  const arrived = once(socket, 'data') as Promise<[Buffer]>;
  socket.resume();
  const [chunk] = await arrived;
  socket.pause();
  return chunk;
}

/** How a message is compared; null leaves it out. */
export type DescribeMessage = (type: number, payload: Buffer) => Seen | null;

/** Errors and notices by severity, code and text; ParameterStatus and key data are each connection's own. */
function describeBriefly(type: number, payload: Buffer): Seen | null {
  const name = String.fromCharCode(type);
  if (name === 'S' || name === 'K') return null;
  if (name !== 'E' && name !== 'N') return [name, payload.toString('latin1')];
  const fields = decodeErrorFields(payload);
  return [name, `${fields.get('S') ?? ''} ${fields.get('C') ?? ''} ${fields.get('M') ?? ''}`];
}

export const wire = {
  query: (sql: string): Buffer => frame('Q', cString(sql)),
  parse: (name: string, sql: string, types: readonly number[] = []): Buffer =>
    frame('P', cString(name), cString(sql), int16(types.length), ...types.map(int32)),
  bind: (portal: string, statement: string, values: readonly (string | null)[] = [], binary = false): Buffer =>
    frame(
      'B',
      cString(portal),
      cString(statement),
      int16(0),
      int16(values.length),
      ...values.map((value) =>
        value === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]),
      ),
      int16(1),
      int16(binary ? 1 : 0),
    ),
  describe: (kind: 'S' | 'P', name: string): Buffer => frame('D', Buffer.from(kind), cString(name)),
  execute: (portal: string, rows = 0): Buffer => frame('E', cString(portal), int32(rows)),
  close: (kind: 'S' | 'P', name: string): Buffer => frame('C', Buffer.from(kind), cString(name)),
  sync: frame('S'),
  flush: frame('H'),
  copyData: (text: string): Buffer => frame('d', Buffer.from(text)),
  copyDone: frame('c'),
  copyFail: (why: string): Buffer => frame('f', cString(why)),
} as const;
