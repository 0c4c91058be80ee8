/** Bytes one behind the other in one buffer that grows, so that a piece of a row allocates nothing. */
export class ByteOutput {
  #bytes: Buffer;
  #view: DataView;
  #length = 0;
  /** What was copied from last. */
  #source: Buffer | null = null;
  #sourceView: DataView | null = null;

  constructor(expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafe(expectedBytes);
    this.#view = viewOf(this.#bytes);
  }

  get length(): number {
    return this.#length;
  }

  /** Everything written. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Whether a byte of this set (1 for each that is in it) was written from `from` on. */
  holds(set: Uint8Array, from: number): boolean {
    for (let index = from; index < this.#length; index++) if (set[this.#bytes[index] ?? 0] === 1) return true;
    return false;
  }

  /** Room of so many bytes, to be written with `setByte` and `setInt32`; their place. */
  leave(bytes: number): number {
    const at = this.#length;
    this.#reserve(bytes);
    this.#length = at + bytes;
    return at;
  }

  setByte(at: number, byte: number): void {
    this.#bytes[at] = byte;
  }

  setInt32(at: number, value: number): void {
    this.#view.setInt32(at, value);
  }

  /** Takes back what was written from here on. */
  cut(length: number): void {
    this.#length = length;
  }

  /** Copies [start, end) of a buffer. For so few bytes a loop over words is faster than a native copy. */
  copy(from: Buffer, start: number, end: number): void {
    const bytes = end - start;
    this.#reserve(bytes);
    const at = this.#length;
    this.#length = at + bytes;
    if (bytes > 1024) from.copy(this.#bytes, at, start, end);
    else if (bytes < 4) for (let index = 0; index < bytes; index++) this.#bytes[at + index] = from[start + index] ?? 0;
    else {
      const view = this.#viewOf(from);
      const to = this.#view;
      const ahead = at - start;
      const last = end - 4;
      for (let index = start; index < last; index += 4) to.setInt32(index + ahead, view.getInt32(index, true), true);
      // Some of its bytes may have been copied: they are copied again.
      to.setInt32(last + ahead, view.getInt32(last, true), true);
    }
  }

  append(value: Buffer): void {
    const { length } = value;
    this.#reserve(length);
    const to = this.#bytes;
    const at = this.#length;
    if (length > 64) value.copy(to, at);
    else for (let index = 0; index < length; index++) to[at + index] = value[index] ?? 0;
    this.#length = at + length;
  }

  #viewOf(source: Buffer): DataView {
    if (this.#source !== source || this.#sourceView === null) {
      this.#source = source;
      this.#sourceView = viewOf(source);
    }
    return this.#sourceView;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed * 2, 4096));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
    this.#view = viewOf(grown);
  }
}

export function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}
