import { hash } from 'node:crypto';
import { CborWriter } from './cbor.js';
import { maxRecordBytes } from './records.js';

export const hashBytes = 32;
const lengthBytes = 4;
const pooledBytes = 32 * 1024;
const maxPooled = 64;

/** SHA-256 of `bytes`. */
export function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/** Buffers lent to the sessions that have something queued, so that an idle session holds 32 bytes. */
export class BufferPool {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(pooledBytes);
  }

  give(buffer: Buffer): void {
    if (buffer.length === pooledBytes && this.#free.length < maxPooled) this.#free.push(buffer);
  }
}

/** A place in a chain: how many records there are and the hash of the last. */
export interface ChainHead {
  readonly count: number;
  readonly hash: Buffer;
}

/**
 * Records queued in memory, each chained to the one before:
 * Int32(length) body Byte32(SHA-256(previous hash ‖ length ‖ body)). docs/recording-format.md
 *
 * The buffer starts with the last written record's hash, which is not written again: so every record's previous hash
 * stands right before its length, and one call hashes all three.
 */
export class ChainQueue {
  readonly #pool: BufferPool;
  #writer: CborWriter | null = null;
  #written: ChainHead;
  #count: number;

  constructor(pool: BufferPool, from: ChainHead) {
    this.#pool = pool;
    this.#written = from;
    this.#count = from.count;
  }

  /** Records in the chain, queued ones included. */
  get count(): number {
    return this.#count;
  }

  /** Bytes queued. */
  get bytes(): number {
    return this.#writer === null ? 0 : this.#writer.length - hashBytes;
  }

  /** The chain without what is queued. */
  get written(): ChainHead {
    return this.#written;
  }

  /** Hash of the last record, queued ones included. A copy. */
  head(): Buffer {
    const writer = this.#writer;
    if (writer === null) return this.#written.hash;
    return Buffer.from(writer.buffer.subarray(writer.length - hashBytes, writer.length));
  }

  /** Queues one record; `encode` writes its body. When it throws, nothing was queued. */
  append<T>(encode: (out: CborWriter, value: T) => void, value: T): void {
    const writer = (this.#writer ??= this.#begin());
    const start = writer.length;
    try {
      writer.reserve(lengthBytes);
      writer.length += lengthBytes;
      encode(writer, value);
      const length = writer.length - start - lengthBytes;
      if (length > maxRecordBytes) throw new RangeError(`a record of ${length} bytes is too large`);
      writer.buffer.writeUInt32BE(length, start);
      writer.reserve(hashBytes);
      // A string of bytes is three times as fast as 'buffer' here.
      const digest = hash('sha256', writer.buffer.subarray(start - hashBytes, writer.length), 'binary');
      writer.length += writer.buffer.write(digest, writer.length, hashBytes, 'latin1');
      this.#count++;
    } catch (error) {
      writer.length = start;
      if (start === hashBytes) this.#release();
      throw error;
    }
  }

  /** The queued bytes, valid until the next call. */
  pending(): Buffer {
    const writer = this.#writer;
    return writer === null ? Buffer.alloc(0) : writer.buffer.subarray(hashBytes, writer.length);
  }

  /** What was queued has been written. */
  clear(): void {
    if (this.#writer === null) return;
    this.#written = { count: this.#count, hash: this.head() };
    this.#release();
  }

  /** Forgets what is queued; the chain goes on from what was written. */
  rollback(): void {
    this.#count = this.#written.count;
    this.#release();
  }

  #begin(): CborWriter {
    const writer = new CborWriter(this.#pool.take());
    writer.length = this.#written.hash.copy(writer.buffer);
    return writer;
  }

  #release(): void {
    if (this.#writer !== null) this.#pool.give(this.#writer.buffer);
    this.#writer = null;
  }
}
