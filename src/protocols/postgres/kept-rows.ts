import { createHash, type Hash } from 'node:crypto';
import { int32At } from '../../lib/bytes.js';

const keptBytesPerResult = 64 * 1024;

/** What the journal gets of one result: its first 64 KiB of whole rows, then only counts and a digest of the rest. */
export class KeptRows {
  #rows = 0;
  #bytes = 0;
  #kept: Buffer[] = [];
  #keptNow = 0;
  #keptBytes = 0;
  #rest: Hash | null = null;

  /** Rows delivered. */
  get rows(): number {
    return this.#rows;
  }
  /** Bytes delivered. */
  get bytes(): number {
    return this.#bytes;
  }
  /** Some of what was delivered is not kept. */
  get truncated(): boolean {
    return this.#rest !== null;
  }

  /** Counts rows as delivered. `frames` are whole DataRow messages, one behind the other. */
  add(frames: Buffer, count: number): void {
    this.#rows += count;
    this.#bytes += frames.length;
    const room = keptBytesPerResult - this.#keptBytes;
    if (this.#rest !== null) this.#rest.update(frames);
    else if (frames.length <= room) this.#keep(frames, count);
    else {
      const fitting = whichFit(frames, room);
      if (fitting.count > 0) this.#keep(frames.subarray(0, fitting.bytes), fitting.count);
      this.#rest = createHash('sha256').update(frames.subarray(fitting.bytes));
    }
  }

  /** Counts bytes that are no rows (COPY): only their digest is kept. */
  addUnkept(bytes: Buffer): void {
    this.#bytes += bytes.length;
    this.#rest ??= createHash('sha256');
    this.#rest.update(bytes);
  }

  /** The rows kept since the last call, in the journal's form. */
  take(): { readonly count: number; readonly data: Buffer } | null {
    if (this.#keptNow === 0) return null;
    const taken = { count: this.#keptNow, data: withoutTypes(this.#kept) };
    this.#kept = [];
    this.#keptNow = 0;
    return taken;
  }

  /** SHA-256 of what is not kept in hexadecimal, "" when all is. Ends the count. */
  digest(): string {
    return this.#rest?.digest('hex') ?? '';
  }

  #keep(frames: Buffer, count: number): void {
    this.#kept.push(frames);
    this.#keptNow += count;
    this.#keptBytes += frames.length;
  }
}

/** How many of the frames fit into `room` bytes. */
function whichFit(frames: Buffer, room: number): { readonly bytes: number; readonly count: number } {
  let bytes = 0;
  let count = 0;
  while (bytes < frames.length) {
    const next = bytes + 1 + int32At(frames, bytes + 1);
    if (next > room) break;
    bytes = next;
    count++;
  }
  return { bytes, count };
}

/**
 * DataRow frames 'D' Int32(length + 4) payload become Int32(length) payload: the journal's form of rows.
 */
function withoutTypes(frames: readonly Buffer[]): Buffer {
  const source = frames.length === 1 ? (frames[0] ?? Buffer.alloc(0)) : Buffer.concat(frames);
  const out = Buffer.allocUnsafe(source.length);
  let from = 0;
  let to = 0;
  while (from < source.length) {
    const payload = source.readInt32BE(from + 1) - 4;
    out.writeInt32BE(payload, to);
    source.copy(out, to + 4, from + 5, from + 5 + payload);
    from += payload + 5;
    to += payload + 4;
  }
  return out.subarray(0, to);
}
