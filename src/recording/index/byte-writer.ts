const varintBytes = 8;

/** Bytes and numbers appended to one buffer that grows. Numbers are whole, at most 2^53, seven bits a byte, low first. */
export class ByteWriter {
  #buffer: Buffer;
  length = 0;

  constructor(size = 64 * 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(size);
  }

  varint(value: number): void {
    this.#reserve(varintBytes);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.length++] = (rest % 0x80) | 0x80;
      rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 0x80);
    }
    this.#buffer[this.length++] = rest;
  }

  text(value: string): void {
    this.#reserve(value.length * 3);
    this.length += this.#buffer.write(value, this.length, 'utf8');
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.length);
    this.length += value.length;
  }

  /** What was written so far, valid until the next call. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }

  /** What was written so far, as a copy; begins anew. */
  take(): Buffer {
    const taken = Buffer.from(this.view());
    this.length = 0;
    return taken;
  }

  #reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.length);
    this.#buffer = grown;
  }
}

/** Reads what ByteWriter wrote. */
export class ByteReader {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get isDone(): boolean {
    return this.at >= this.end;
  }

  varint(): number {
    let byte = this.#next();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let scale = 0x80; byte >= 0x80; scale *= 0x80) {
      byte = this.#next();
      value += (byte & 0x7f) * scale;
    }
    return value;
  }

  /** Steps over `length` bytes; gives where they begin. */
  skip(length: number): number {
    const start = this.at;
    this.at += length;
    if (this.at > this.end) throw new RangeError('the index is damaged');
    return start;
  }

  #next(): number {
    const byte = this.at < this.end ? this.bytes[this.at++] : undefined;
    if (byte === undefined) throw new RangeError('the index is damaged');
    return byte;
  }
}
