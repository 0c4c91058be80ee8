import { int32At } from '../../lib/bytes.js';
import { SluiceError } from '../../lib/errors.js';
import { Slab, slabBytes } from '../../lib/slabs.js';

/** One framed message: Byte1(type) Int32(length, itself included, type not) payload. PostgreSQL 55.7. */
export class Frame {
  readonly type: number;
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #end: number;

  /** The frame that stands in `bytes` from `start` to `end`. Views are made when asked for: most frames pass unread. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.type = bytes[start] ?? 0;
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** The message as it came. */
  get whole(): Buffer {
    return this.#bytes.subarray(this.#start, this.#end);
  }
  /** The part behind the length. */
  get payload(): Buffer {
    return this.#bytes.subarray(this.#start + 5, this.#end);
  }
  /** Bytes of the payload. */
  get payloadLength(): number {
    return this.#end - this.#start - 5;
  }
  /** One byte of the payload, 0 behind its end. */
  payloadByte(index: number): number {
    return index < this.payloadLength ? (this.#bytes[this.#start + 5 + index] ?? 0) : 0;
  }
  /** Adds the message to `spans` without making a view of it. */
  passTo(spans: Spans): void {
    spans.add(this.#bytes, this.#start, this.#end);
  }
}

/** Bytes to be written, as few views as possible: neighbours in one received chunk become one. */
export class Spans {
  #done: Buffer[] = [];
  #bytes: Buffer | null = null;
  #start = 0;
  #end = 0;

  add(bytes: Buffer, start: number, end: number): void {
    if (this.#bytes === bytes && this.#end === start) {
      this.#end = end;
      return;
    }
    this.#seal();
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  get isEmpty(): boolean {
    return this.#bytes === null && this.#done.length === 0;
  }

  /** Everything added since the last call. */
  take(): readonly Buffer[] {
    this.#seal();
    const taken = this.#done;
    if (taken.length > 0) this.#done = [];
    return taken;
  }

  #seal(): void {
    if (this.#bytes === null) return;
    this.#done.push(this.#bytes.subarray(this.#start, this.#end));
    this.#bytes = null;
  }
}

/** Largest payload accepted by message type; a longer one ends the connection before it is read. */
export type FrameLimit = (type: number) => number;

const empty = Buffer.alloc(0);
/** Fewer borrowed bytes are copied into memory of their own: it costs less than keeping account of them. */
const worthASlab = 4096;

/** Whole frames of one type, one behind the other in `bytes` from `start` to `end`. */
export interface FrameRun {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

/** Cuts a byte stream into frames. Holds one incomplete frame at most; what is over the limit is refused unread. */
export class FrameReader {
  readonly #limit: FrameLimit;
  #buffer: Buffer = empty;
  #at = 0;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #needed = 0;
  /** What `#buffer` lies in, where that can be used again. */
  #slab: Slab | null = null;

  constructor(limit: FrameLimit) {
    this.#limit = limit;
  }

  /** Bytes received and not yet taken as frames. */
  get pending(): number {
    return this.#buffer.length - this.#at + this.#waitingBytes;
  }

  push(chunk: Buffer): void {
    if (this.#at === this.#buffer.length && this.#waitingBytes === 0) {
      this.#buffer = chunk;
      this.#at = 0;
      return;
    }
    // A large frame arrives in many chunks: they are joined once, when it is complete.
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
  }

  /** As `push`, for bytes that are only good until this returns: they are copied, behind the beginning of a frame if there is one. */
  pushBorrowed(chunk: Buffer): void {
    const left = this.#waitingBytes > 0 ? slabBytes : this.#buffer.length - this.#at;
    const bytes = left + chunk.length;
    if (bytes < worthASlab || bytes > slabBytes) return this.push(Buffer.from(chunk));
    const slab = Slab.take();
    this.#buffer.copy(slab.bytes, 0, this.#at);
    chunk.copy(slab.bytes, left);
    this.#buffer = slab.bytes.subarray(0, bytes);
    this.#at = 0;
    this.#slab = slab;
  }

  /**
   * Lets go of memory that can be used again: whoever calls gives it back once the frames taken from it are of no use any
   * more. Null when there is none.
   */
  detach(): Slab | null {
    const slab = this.#slab;
    if (slab === null) return null;
    this.#slab = null;
    // A frame has begun in it that will be joined with what comes.
    this.#buffer = this.#at === this.#buffer.length ? empty : Buffer.from(this.#buffer.subarray(this.#at));
    this.#at = 0;
    return slab;
  }

  /** The next whole frame, or null until more bytes come. Throws `protocol` or `too_large`. */
  next(): Frame | null {
    if (this.#waitingBytes > 0) {
      if (this.pending < this.#needed) return null;
      this.#join();
    }
    const available = this.#buffer.length - this.#at;
    if (available < 5) return this.#want(5);
    const type = this.#buffer[this.#at] ?? 0;
    const length = this.#buffer.readInt32BE(this.#at + 1);
    if (length < 4) throw new SluiceError('protocol', `invalid message length ${length}`);
    if (length - 4 > this.#limit(type)) {
      throw new SluiceError(
        'too_large',
        `a message of ${length} bytes (type 0x${type.toString(16)}) is over the limit`,
      );
    }
    if (available < length + 1) return this.#want(length + 1);
    const start = this.#at;
    this.#at += length + 1;
    this.#needed = 0;
    return new Frame(this.#buffer, start, this.#at);
  }

  /**
   * Takes all whole frames of this type that follow one another now; null when the next frame is another or incomplete.
   * For rows, which come by the thousand: nothing is allocated a frame.
   */
  takeRun(type: number): FrameRun | null {
    if (this.#waitingBytes > 0) {
      if (this.pending < this.#needed) return null;
      this.#join();
    }
    const buffer = this.#buffer;
    const limit = this.#limit(type);
    const start = this.#at;
    let at = start;
    let count = 0;
    while (buffer.length - at >= 5 && buffer[at] === type) {
      const length = int32At(buffer, at + 1);
      if (length < 4 || length - 4 > limit || buffer.length - at < length + 1) break;
      at += length + 1;
      count++;
    }
    if (count === 0) return null;
    this.#at = at;
    this.#needed = 0;
    return { bytes: buffer, start, end: at, count };
  }

  #want(bytes: number): null {
    this.#needed = bytes;
    return null;
  }

  #join(): void {
    this.#buffer = Buffer.concat([this.#buffer.subarray(this.#at), ...this.#waiting]);
    this.#at = 0;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}

/** Reads the fields of one payload in order, never past its end. */
export class FieldReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }
  get position(): number {
    return this.#at;
  }

  int16(): number {
    this.#need(2);
    const bytes = this.#bytes;
    const at = this.#at;
    this.#at = at + 2;
    return (((bytes[at] ?? 0) << 24) >> 16) | (bytes[at + 1] ?? 0);
  }
  int32(): number {
    this.#need(4);
    const value = int32At(this.#bytes, this.#at);
    this.#at += 4;
    return value;
  }
  uint32(): number {
    return this.int32() >>> 0;
  }
  byte(): number {
    this.#need(1);
    const value = this.#bytes[this.#at] ?? 0;
    this.#at += 1;
    return value;
  }
  bytes(length: number): Buffer {
    if (length < 0) throw new SluiceError('protocol', 'negative field length');
    this.#need(length);
    const value = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }
  /** String: bytes up to a NUL. */
  rawString(): Buffer {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end === -1) throw new SluiceError('protocol', 'string without terminator');
    const value = this.#bytes.subarray(this.#at, end);
    this.#at = end + 1;
    return value;
  }
  string(): string {
    const start = this.#at;
    const end = asciiEnd(this.#bytes, start);
    if (end < 0) return decodeUtf8(this.rawString());
    this.#at = end + 1;
    return end === start ? '' : this.#bytes.toString('latin1', start, end);
  }
  rest(): Buffer {
    return this.bytes(this.left);
  }
  end(): void {
    if (this.left !== 0) throw new SluiceError('protocol', 'trailing bytes in a message');
  }

  #need(count: number): void {
    if (this.left < count) throw new SluiceError('protocol', 'a message is shorter than its fields');
  }
}

const longestLookedAt = 64;

/** Where a short string of ASCII that begins at `start` ends: at its NUL; -1 when it is another kind, or has none. */
function asciiEnd(bytes: Buffer, start: number): number {
  const end = Math.min(bytes.length, start + longestLookedAt);
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === 0) return at;
    if (byte >= 0x80) return -1;
  }
  return -1;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Strict UTF-8: what does not decode is refused, so that judged text and forwarded bytes are the same thing. */
export function decodeUtf8(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new SluiceError('protocol', 'invalid byte sequence for encoding "UTF8"');
  }
}

/** Builds one frame from its payload parts. */
export function frame(type: string, ...parts: readonly Buffer[]): Buffer {
  let length = 4;
  for (const part of parts) length += part.length;
  const out = Buffer.allocUnsafe(length + 1);
  out[0] = type.charCodeAt(0);
  out.writeInt32BE(length, 1);
  let at = 5;
  for (const part of parts) at += part.copy(out, at);
  return out;
}

export function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf8');
}
export function int16(value: number): Buffer {
  const out = Buffer.allocUnsafe(2);
  out.writeInt16BE(value);
  return out;
}
export function int32(value: number): Buffer {
  const out = Buffer.allocUnsafe(4);
  out.writeInt32BE(value | 0);
  return out;
}
