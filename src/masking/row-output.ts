import type { EmitRows } from './types.js';

/** Masked rows, one behind the other in one buffer, so that a row allocates nothing. */
export class RowOutput {
  #bytes: Buffer;
  #view: DataView;
  #length = 0;
  /** Where what has not been emitted begins. */
  #from = 0;
  #rows = 0;

  constructor(expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafe(expectedBytes);
    this.#view = viewOf(this.#bytes);
  }

  /** Everything written. */
  get bytes(): Buffer {
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#length);
  }

  /** Hands on what was written since the last call. */
  emit(emit: EmitRows): void {
    if (this.#rows === 0) return;
    emit(this.#bytes, this.#from, this.#length, this.#rows);
    this.#from = this.#length;
    this.#rows = 0;
  }

  /** Begins a frame: Byte1('D') Int32(length, itself included). Room for all of it is made. */
  beginRow(length: number): void {
    this.#reserve(length + 1);
    this.#bytes[this.#length++] = 0x44;
    this.#int32(length);
    this.#rows++;
  }

  /** Copies whole frames. */
  copyRows(from: DataView, start: number, end: number, rows: number): void {
    this.#reserve(end - start);
    this.copy(from, start, end);
    this.#rows += rows;
  }

  /** Int32(length or -1 for NULL) Byten. */
  value(value: Buffer | null): void {
    this.#int32(value === null ? -1 : value.length);
    if (value === null) return;
    const to = this.#bytes;
    const at = this.#length;
    const { length } = value;
    if (length > 64) value.copy(to, at);
    else for (let index = 0; index < length; index++) to[at + index] = value[index] ?? 0;
    this.#length = at + length;
  }

  /** Copies [start, end), for which there is room. For so few bytes a loop over words is faster than a native copy. */
  copy(from: DataView, start: number, end: number): void {
    const to = this.#view;
    let at = this.#length;
    let index = start;
    for (; index + 4 <= end; index += 4, at += 4) to.setInt32(at, from.getInt32(index));
    for (; index < end; index++, at++) to.setUint8(at, from.getUint8(index));
    this.#length = at;
  }

  #int32(value: number): void {
    const to = this.#bytes;
    const at = this.#length;
    to[at] = value >>> 24;
    to[at + 1] = value >>> 16;
    to[at + 2] = value >>> 8;
    to[at + 3] = value;
    this.#length = at + 4;
  }

  /** What was emitted stays in the buffer that it was emitted in. */
  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const kept = this.#length - this.#from;
    const grown = Buffer.allocUnsafe(Math.max(2 * kept, 4096) + bytes);
    this.#bytes.copy(grown, 0, this.#from, this.#length);
    this.#bytes = grown;
    this.#view = viewOf(grown);
    this.#from = 0;
    this.#length = kept;
  }
}

export function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}
