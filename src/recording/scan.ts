import { hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { hashBytes, sha256 } from './chain.js';
import { maxRecordBytes } from './records.js';
import { isSealed, SealedFile } from './sealing/sealed-file.js';

const lengthBytes = 4;
const chunkBytes = 1024 * 1024;

/** One record as it stands in a file, its chain hash checked. */
export interface ScannedRecord {
  /** Counts from 1. */
  readonly index: number;
  /** Where its length begins. */
  readonly offset: number;
  readonly body: Buffer;
  readonly hash: Buffer;
}

/** Why the file stops being a chain, at which record and byte. */
export interface ScanProblem {
  readonly record: number;
  readonly byte: number;
  readonly message: string;
  /** The file may simply end in the middle of a record, as after a crash; anything else is not sound. */
  readonly torn: boolean;
}

/**
 * Takes a chained file apart as its bytes come in, and checks every hash. Holds no more than one record.
 * Used for everything that reads: verification, recovery, playback, indexing.
 */
export class RecordScanner {
  readonly #header: Buffer;
  /** Chunks that came in since `#window` was made, and how many bytes there must be before it is worth looking. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #wanted = 1;
  /** Behind the header it holds the previous record's hash right before `#at`, so that hash, length and body are one piece. */
  #window: Buffer = Buffer.alloc(0);
  #at = 0;
  #offset = 0;
  #count = 0;
  #hash: Buffer | null = null;
  #problem: ScanProblem | null = null;
  #trusted = false;

  constructor(header: Buffer) {
    this.#header = header;
  }

  /** What comes now was written by this very process a moment ago: its hashes are not worked out a second time. */
  set trusted(trusted: boolean) {
    this.#trusted = trusted;
  }

  /** Goes on behind a record that was scanned before. */
  static after(header: Buffer, position: { count: number; offset: number; hash: Buffer }): RecordScanner {
    const scanner = new RecordScanner(header);
    scanner.#count = position.count;
    scanner.#offset = position.offset;
    scanner.#hash = position.hash;
    scanner.#window = position.hash;
    scanner.#at = hashBytes;
    return scanner;
  }

  /** Records that are sound. */
  get count(): number {
    return this.#count;
  }
  /** The byte behind the last sound record. */
  get offset(): number {
    return this.#offset;
  }
  /** Hash of the last sound record (of the header, when there is none); null before the header. */
  get hash(): Buffer | null {
    return this.#hash;
  }
  get problem(): ScanProblem | null {
    return this.#problem;
  }
  /** Bytes that are not a whole record yet. */
  get held(): number {
    return this.#window.length - this.#at + this.#waitingBytes;
  }

  /** Gives every record that `chunk` completes. After a problem it gives nothing more. */
  *push(chunk: Buffer): Generator<ScannedRecord> {
    if (this.#problem !== null) return;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.held < this.#wanted) return;
    const keep = this.#hash === null ? 0 : hashBytes;
    this.#window = Buffer.concat([this.#window.subarray(this.#at - keep), ...this.#waiting]);
    this.#at = keep;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (this.#hash === null && !this.#readHeader()) return;
    for (let record = this.#next(); record !== null; record = this.#next()) yield record;
  }

  /** There is no more: what is left over is a torn record. */
  finish(): ScanProblem | null {
    if (this.#problem === null && (this.held > 0 || this.#hash === null)) {
      this.#fail('the file ends in the middle of a record', true);
    }
    return this.#problem;
  }

  #readHeader(): boolean {
    const header = this.#header;
    const start = this.#window.subarray(0, header.length);
    if (!header.subarray(0, start.length).equals(start)) {
      this.#fail('not a recording of this version', false);
      return false;
    }
    this.#wanted = header.length;
    if (start.length < header.length) return false;
    this.#hash = sha256(header);
    this.#window = Buffer.concat([this.#hash, this.#window.subarray(header.length)]);
    this.#at = hashBytes;
    this.#offset = header.length;
    return true;
  }

  #next(): ScannedRecord | null {
    const { length: size } = this.#window;
    const start = this.#at;
    this.#wanted = lengthBytes + 1 + hashBytes;
    if (size - start < lengthBytes) return null;
    const length = this.#window.readUInt32BE(start);
    if (length > maxRecordBytes || length === 0) {
      this.#fail('the length of the record is impossible', false);
      return null;
    }
    this.#wanted = lengthBytes + length + hashBytes;
    if (size - start < this.#wanted) return null;
    const end = start + this.#wanted;
    const stored = this.#window.subarray(end - hashBytes, end);
    if (!this.#trusted && !isHashOf(this.#window.subarray(start - hashBytes, end - hashBytes), stored)) {
      this.#fail('the record does not fit the chain: it, or one before it, was changed, moved or removed', false);
      return null;
    }
    const body = this.#window.subarray(start + lengthBytes, end - hashBytes);
    const record = { index: ++this.#count, offset: this.#offset, body, hash: stored };
    this.#offset += this.#wanted;
    this.#at = end;
    this.#hash = stored;
    return record;
  }

  #fail(message: string, torn: boolean): void {
    this.#problem = { record: this.#hash === null ? 0 : this.#count + 1, byte: this.#offset, message, torn };
  }
}

/** Digest and comparison as strings of bytes: half the time of two buffers. */
function isHashOf(bytes: Buffer, stored: Buffer): boolean {
  return hash('sha256', bytes, 'binary') === stored.toString('latin1');
}

/** The bytes of a recording: a file, or what is already in memory or on its way. */
export type RecordingSource = string | Uint8Array | AsyncIterable<Uint8Array>;

/** The source in chunks, from `from` on and, for files, no further than `to`. A sealed journal is unpacked. */
export async function* chunksOf(source: RecordingSource, from = 0, to = Infinity): AsyncGenerator<Buffer> {
  if (typeof source === 'string') {
    if (to <= from) return;
    if (isSealed(source)) {
      yield* unpacked(source, from, to);
      return;
    }
    yield* read(source, from, to);
  } else if (source instanceof Uint8Array) yield asBuffer(source).subarray(from);
  else for await (const chunk of source) yield asBuffer(chunk);
}

/** What the file holds now, in pieces no larger than what is left: thousands of small journals are read at a start. */
async function* read(path: string, from: number, to: number): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    const end = Math.min(to, (await file.stat()).size);
    for (let at = from; at < end;) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(chunkBytes, end - at));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) return; // cut while it was read
      at += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function* unpacked(path: string, from: number, to: number): AsyncGenerator<Buffer> {
  const sealed = new SealedFile(path);
  for (let at = from; at < Math.min(to, sealed.size);) {
    const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, to - at, sealed.size - at));
    at += sealed.read(chunk, at);
    yield chunk;
    await new Promise((resolve) => setImmediate(resolve)); // unpacking is synchronous: lets others in
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
