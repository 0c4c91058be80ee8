import { SluiceError } from '../lib/errors.js';

/** One frame of a program's stream between gateway and relay. docs/relay.md lists them all. */
export type ProgramFrame =
  | { readonly type: 'start'; readonly json: string }
  | { readonly type: 'input' | 'output' | 'errors'; readonly bytes: Buffer }
  | { readonly type: 'inputEnd' | 'started' }
  | { readonly type: 'window'; readonly rows: number; readonly columns: number }
  | { readonly type: 'signal' | 'failed'; readonly text: string }
  | { readonly type: 'taken'; readonly count: number }
  | { readonly type: 'exit'; readonly code: number | null; readonly signal: string | null };
type FrameType = ProgramFrame['type'];

/** Who sends what. */
export const fromGateway: ReadonlySet<FrameType> = new Set(['start', 'input', 'inputEnd', 'window', 'signal']);
export const fromRelay: ReadonlySet<FrameType> = new Set(['started', 'failed', 'output', 'errors', 'taken', 'exit']);

/** Input that may be under way, not yet taken by the program. */
export const maxInputBytes = 256 * 1024;
export const maxPieceBytes = 32 * 1024;
const headBytes = 5;
const maxStartBytes = 512 * 1024;

const codes = {
  start: 1,
  input: 2,
  inputEnd: 3,
  window: 4,
  signal: 5,
  started: 16,
  failed: 17,
  output: 18,
  errors: 19,
  taken: 20,
  exit: 21,
} as const satisfies Record<FrameType, number>;
const typeOf = new Map<number, FrameType>(Object.entries(codes).map(([type, code]) => [code, type as FrameType]));

/** Least and most payload bytes of each type. */
const bounds: Readonly<Record<FrameType, readonly [least: number, most: number]>> = {
  start: [2, maxStartBytes],
  input: [1, maxPieceBytes],
  inputEnd: [0, 0],
  window: [4, 4],
  signal: [1, 16],
  started: [0, 0],
  failed: [0, 500],
  output: [1, maxPieceBytes],
  errors: [1, maxPieceBytes],
  taken: [4, 4],
  exit: [1, 32],
};

/** Frame: Byte1(type) Int32(payload bytes), then the payload. */
export function encodeProgramFrame(frame: ProgramFrame): Buffer {
  const payload = payloadOf(frame);
  const [, most] = bounds[frame.type];
  if (payload.length > most)
    throw new SluiceError('too_large', `what the program is started with is over ${most} bytes`);
  const head = Buffer.allocUnsafe(headBytes);
  head[0] = codes[frame.type];
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

/** A piece of any size as frames of their proper size. */
export function* piecesOf(type: 'input' | 'output' | 'errors', bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += maxPieceBytes)
    yield encodeProgramFrame({ type, bytes: bytes.subarray(at, at + maxPieceBytes) });
}

function payloadOf(frame: ProgramFrame): Buffer {
  switch (frame.type) {
    case 'start':
      return Buffer.from(frame.json, 'utf8');
    case 'input':
    case 'output':
    case 'errors':
      return frame.bytes;
    case 'window': {
      const size = Buffer.allocUnsafe(4);
      size.writeUInt16BE(Math.min(frame.rows, 0xffff), 0);
      size.writeUInt16BE(Math.min(frame.columns, 0xffff), 2);
      return size;
    }
    case 'signal':
      return Buffer.from(frame.text, 'latin1');
    case 'failed':
      return Buffer.from(frame.text, 'utf8').subarray(0, 500);
    case 'taken': {
      const count = Buffer.allocUnsafe(4);
      count.writeUInt32BE(frame.count);
      return count;
    }
    case 'exit':
      // A digit first is a code, anything else the signal's name.
      return Buffer.from(frame.signal ?? String(frame.code ?? ''), 'latin1');
    case 'inputEnd':
    case 'started':
      return Buffer.alloc(0);
  }
}

/** Cuts one side's bytes into frames, each within its bounds and of a type that this side may send; throws `protocol`. */
export class ProgramFrames {
  readonly #allowed: ReadonlySet<FrameType>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(allowed: ReadonlySet<FrameType>) {
    this.#allowed = allowed;
  }

  *push(chunk: Buffer): Generator<ProgramFrame> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = Buffer.alloc(0);
    while (bytes.length >= headBytes) {
      const type = typeOf.get(bytes[0] ?? 0);
      const length = bytes.readUInt32BE(1);
      if (type === undefined || !this.#allowed.has(type)) throw brokenProgram(`frame type ${String(bytes[0])}`);
      const [least, most] = bounds[type];
      if (length < least || length > most) throw brokenProgram(`a ${type} frame of ${length} bytes`);
      if (bytes.length < headBytes + length) break;
      yield decode(type, bytes.subarray(headBytes, headBytes + length));
      bytes = bytes.subarray(headBytes + length);
    }
    this.#rest = Buffer.from(bytes);
  }
}

function decode(type: FrameType, payload: Buffer): ProgramFrame {
  switch (type) {
    case 'start':
      return { type, json: payload.toString('utf8') };
    case 'input':
    case 'output':
    case 'errors':
      return { type, bytes: payload };
    case 'window':
      return { type, rows: payload.readUInt16BE(0), columns: payload.readUInt16BE(2) };
    case 'signal':
      return { type, text: payload.toString('latin1') };
    case 'failed':
      return { type, text: payload.toString('utf8').replace(/[\p{C}\u2028\u2029]/gu, '?') };
    case 'taken':
      return { type, count: payload.readUInt32BE(0) };
    case 'exit': {
      const text = payload.toString('latin1');
      if (/^\d{1,3}$/.test(text)) return { type, code: Number(text), signal: null };
      if (!/^SIG[A-Z0-9]{2,10}$/.test(text)) throw brokenProgram('an exit frame that says neither code nor signal');
      return { type, code: null, signal: text };
    }
    case 'inputEnd':
    case 'started':
      return { type };
  }
}

export function brokenProgram(what: string): SluiceError {
  return new SluiceError('protocol', `the other side of a program's stream sent ${what}`);
}
