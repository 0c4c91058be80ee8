import { hash } from 'node:crypto';
import { CborWriter } from './cbor.js';
import { encodeEvent } from './event-encoder.js';
import type { SessionEvent } from './events.js';
import { maxRecordBytes, recordCodes } from './records.js';

export const hashBytes = 32;
const lengthBytes = 4;
const pooledBytes = 32 * 1024;
const maxPooled = 64;
/** So many events, with code and time, still are an array with a head of one byte. */
const maxGrouped = 21;
const maxGroupBytes = 64 * 1024;
const arrayHead = 0x80;

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

/** Replaces the body that begins at `start` of `out` and happened at `at`, as encryption does. */
export type SealBody = (out: CborWriter, start: number, at: number) => void;

/** Events that are to be one record, encoded into the queue already. */
interface OpenGroup {
  readonly start: number;
  readonly at: number;
  /** Where the first event's own body begins. */
  readonly firstAt: number;
  readonly firstEnd: number;
  count: number;
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
  #group: OpenGroup | null = null;
  #sealBody: SealBody | null = null;
  #count: number;
  #writtenCount: number;
  readonly #writtenHash: Buffer;

  constructor(pool: BufferPool, from: ChainHead) {
    this.#pool = pool;
    this.#count = from.count;
    this.#writtenCount = from.count;
    this.#writtenHash = Buffer.from(from.hash);
  }

  /** What events go through from now on before they are chained. */
  sealBodiesWith(seal: SealBody): void {
    this.#sealBody = seal;
  }

  /** Records in the chain, queued ones included; events that are still being grouped are not. */
  get count(): number {
    return this.#count;
  }

  /** Bytes queued. */
  get bytes(): number {
    return this.#writer === null ? 0 : this.#writer.length - hashBytes;
  }

  /** The chain without what is queued. */
  get written(): ChainHead {
    return { count: this.#writtenCount, hash: Buffer.from(this.#writtenHash) };
  }

  /** Hash of the last record, queued ones included. A copy. */
  head(): Buffer {
    this.seal();
    const writer = this.#writer;
    if (writer === null) return Buffer.from(this.#writtenHash);
    return Buffer.from(writer.buffer.subarray(writer.length - hashBytes, writer.length));
  }

  /** Queues one record; `encode` writes its body. When it throws, nothing was queued. */
  append<T>(encode: (out: CborWriter, value: T) => void, value: T): void {
    this.seal();
    const writer = (this.#writer ??= this.#begin());
    const start = writer.length;
    try {
      writer.reserve(lengthBytes);
      writer.length += lengthBytes;
      encode(writer, value);
      this.#chain(writer, start);
    } catch (error) {
      this.#takeBack(writer, start);
      throw error;
    }
  }

  /**
   * Queues an event. Those that are written together become one record, begun anew by each operation: one hash, one head.
   * When it throws, the event was not queued.
   */
  join(event: SessionEvent): void {
    const open = this.#group;
    if (open !== null && !this.#hasRoom(open, event)) this.seal();
    const writer = (this.#writer ??= this.#begin());
    const group = this.#group;
    const before = writer.length;
    try {
      if (group === null) this.#group = this.#open(writer, event);
      else {
        writer.embed(encodeEvent, event);
        group.count++;
      }
    } catch (error) {
      this.#takeBack(writer, before);
      throw error;
    }
  }

  /** Ends the record that events are being gathered in. When it throws, what is queued is of no use any more. */
  seal(): void {
    const group = this.#group;
    const writer = this.#writer;
    if (group === null || writer === null) return;
    this.#group = null;
    const { start, count, at, firstAt, firstEnd } = group;
    const body = start + lengthBytes;
    if (count > 1) writer.buffer[body] = arrayHead | (2 + count);
    else {
      // Alone it is a record by itself.
      writer.buffer.copyWithin(body, firstAt, firstEnd);
      writer.length = body + firstEnd - firstAt;
    }
    this.#sealBody?.(writer, body, at);
    this.#chain(writer, start);
  }

  /** The queued bytes, valid until the next call. */
  pending(): Buffer {
    this.seal();
    const writer = this.#writer;
    return writer === null ? Buffer.alloc(0) : writer.buffer.subarray(hashBytes, writer.length);
  }

  /** What was queued has been written. */
  clear(): void {
    const writer = this.#writer;
    if (writer === null) return;
    this.#writtenCount = this.#count;
    writer.buffer.copy(this.#writtenHash, 0, writer.length - hashBytes, writer.length);
    this.#release();
  }

  /** Forgets what is queued; the chain goes on from what was written. */
  rollback(): void {
    this.#count = this.#writtenCount;
    this.#release();
  }

  #hasRoom({ start, count }: OpenGroup, event: SessionEvent): boolean {
    return event.type !== 'operation' && count < maxGrouped && this.bytes + hashBytes - start < maxGroupBytes;
  }

  #open(writer: CborWriter, event: SessionEvent): OpenGroup {
    const start = writer.length;
    writer.reserve(lengthBytes);
    writer.length += lengthBytes;
    writer.array(0); // how many there are is known in the end
    writer.integer(event.type === 'operation' ? recordCodes.operationGroup : recordCodes.eventGroup);
    const at = Math.trunc(event.at);
    writer.integer(at);
    const bytes = writer.embed(encodeEvent, event);
    return { start, at, firstAt: writer.length - bytes, firstEnd: writer.length, count: 1 };
  }

  /** Length before it, hash behind it: what begins at `start` is a record. */
  #chain(writer: CborWriter, start: number): void {
    const length = writer.length - start - lengthBytes;
    if (length > maxRecordBytes) throw new RangeError(`a record of ${length} bytes is too large`);
    writer.buffer.writeUInt32BE(length, start);
    writer.reserve(hashBytes);
    // A string of bytes is three times as fast as 'buffer' here.
    const digest = hash('sha256', writer.buffer.subarray(start - hashBytes, writer.length), 'binary');
    writer.length += writer.buffer.write(digest, writer.length, hashBytes, 'latin1');
    this.#count++;
  }

  #takeBack(writer: CborWriter, to: number): void {
    writer.length = to;
    if (to === hashBytes) this.#release();
  }

  #begin(): CborWriter {
    const writer = new CborWriter(this.#pool.take());
    writer.length = this.#writtenHash.copy(writer.buffer);
    return writer;
  }

  #release(): void {
    if (this.#writer !== null) this.#pool.give(this.#writer.buffer);
    this.#writer = null;
    this.#group = null;
  }
}
