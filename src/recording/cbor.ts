import { isUtf8 } from 'node:buffer';

/**
 * The part of CBOR (RFC 8949) that recordings use, in its deterministic form (section 4.2.1): integers within ±2^53,
 * byte strings, text, arrays, null, false, true; shortest heads, definite lengths. One value has one encoding, so a
 * record that was changed but means the same does not exist.
 */
export type CborValue = number | string | Uint8Array | boolean | null | readonly CborValue[];

const majorUnsigned = 0;
const majorNegative = 1;
const majorBytes = 2;
const majorText = 3;
const majorArray = 4;
const maxDepth = 8;
const maxAssumed = 4096;
const twoPow32 = 0x1_0000_0000;

/** Appends CBOR to one buffer that grows; the hot path of every recorded event, so it allocates nothing of its own. */
export class CborWriter {
  buffer: Buffer;
  length = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }

  #head(major: number, value: number): void {
    this.reserve(9);
    const { buffer } = this;
    const type = major << 5;
    if (value < 24) buffer[this.length++] = type | value;
    else if (value < 0x100) {
      buffer[this.length++] = type | 24;
      buffer[this.length++] = value;
    } else if (value < 0x10000) {
      buffer[this.length++] = type | 25;
      this.length = buffer.writeUInt16BE(value, this.length);
    } else if (value < twoPow32) {
      buffer[this.length++] = type | 26;
      this.length = buffer.writeUInt32BE(value, this.length);
    } else {
      buffer[this.length++] = type | 27;
      this.length = buffer.writeUInt32BE(Math.floor(value / twoPow32), this.length);
      this.length = buffer.writeUInt32BE(value % twoPow32, this.length);
    }
  }

  integer(value: number): void {
    if (!Number.isSafeInteger(value)) throw new TypeError(`not an integer that can be recorded: ${value}`);
    if (value >= 0) this.#head(majorUnsigned, value);
    else this.#head(majorNegative, -1 - value);
  }

  /** Lone surrogates become U+FFFD: text in a recording is always valid UTF-8. */
  text(value: string): void {
    const { length } = value;
    if (length < 24) {
      // Short and plain ASCII, as most words of a record are: no call into native code.
      this.reserve(1 + length);
      const { buffer } = this;
      let at = this.length + 1;
      let index = 0;
      for (; index < length; index++) {
        const code = value.charCodeAt(index);
        if (code > 0x7f) break;
        buffer[at++] = code;
      }
      if (index === length) {
        buffer[this.length] = (majorText << 5) | length;
        this.length = at;
        return;
      }
    }
    if (length <= maxAssumed) {
      // As if it were ASCII, which most is: only otherwise its head is another, and it is written again.
      const start = this.length;
      this.#head(majorText, length);
      this.reserve(3 * length);
      if (this.buffer.write(value, this.length, 3 * length, 'utf8') === length) {
        this.length += length;
        return;
      }
      this.length = start;
    }
    const bytes = Buffer.byteLength(value, 'utf8');
    this.#head(majorText, bytes);
    this.reserve(bytes);
    this.length += this.buffer.write(value, this.length, bytes, 'utf8');
  }

  textOrNull(value: string | null): void {
    if (value === null) this.null();
    else this.text(value);
  }

  texts(values: readonly (string | null)[]): void {
    this.array(values.length);
    for (const value of values) this.textOrNull(value);
  }

  bytes(value: Uint8Array): void {
    this.#head(majorBytes, value.length);
    this.reserve(value.length);
    this.buffer.set(value, this.length);
    this.length += value.length;
  }

  array(length: number): void {
    this.#head(majorArray, length);
  }

  /** A byte string of what `encode` writes: CBOR inside CBOR, which a reader can step over. Returns how many bytes. */
  embed<T>(encode: (out: CborWriter, value: T) => void, value: T): number {
    const start = this.length;
    // Most have 24 to 255 bytes, which makes a head of two; otherwise they are moved.
    this.reserve(2);
    this.length = start + 2;
    encode(this, value);
    const bytes = this.length - start - 2;
    // While the length still counts what was written: a buffer that grows takes along what it counts, and no more.
    this.reserve(9);
    if (bytes < 24 || bytes > 0xff) {
      const head = bytes < 24 ? 1 : bytes < 0x10000 ? 3 : 5;
      this.buffer.copyWithin(start + head, start + 2, start + 2 + bytes);
    }
    this.length = start;
    this.#head(majorBytes, bytes);
    this.length += bytes;
    return bytes;
  }

  boolean(value: boolean): void {
    this.reserve(1);
    this.buffer[this.length++] = value ? 0xf5 : 0xf4;
  }

  null(): void {
    this.reserve(1);
    this.buffer[this.length++] = 0xf6;
  }
}

/** Thrown for bytes that are not the deterministic CBOR above. */
export class CborError extends Error {
  override readonly name = 'CborError';
}

/** Decodes exactly one value; anything but its one deterministic encoding throws CborError. */
export function decodeCbor(bytes: Uint8Array): CborValue {
  const reader = new CborReader(bytes);
  const value = reader.value(0);
  if (reader.offset !== bytes.length) throw new CborError('bytes after the value');
  return value;
}

class CborReader {
  offset = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  value(depth: number): CborValue {
    const first = this.#bytes[this.offset++];
    if (first === undefined) throw new CborError('ends too early');
    if (first === 0xf4) return false;
    if (first === 0xf5) return true;
    if (first === 0xf6) return null;
    const major = first >> 5;
    if (major > majorArray) throw new CborError(`type ${first} is not used in recordings`);
    const argument = this.#argument(first & 31);
    switch (major) {
      case majorUnsigned:
        return argument;
      case majorNegative:
        return -1 - argument;
      case majorBytes:
        return this.#take(argument);
      case majorText:
        return this.#text(argument);
      default:
        return this.#array(argument, depth);
    }
  }

  #text(length: number): string {
    const start = this.offset;
    const end = start + length;
    if (end > this.#bytes.length) throw new CborError('ends too early');
    this.offset = end;
    if (length === 0) return '';
    // Most text is ASCII, which Latin-1 decodes alike, at half the cost of asking whether it is UTF-8.
    let index = start;
    while (index < end && (this.#bytes[index] ?? 0xff) < 0x80) index++;
    if (index === end) return this.#bytes.toString('latin1', start, end);
    if (!isUtf8(this.#bytes.subarray(start, end))) throw new CborError('text is not UTF-8');
    return this.#bytes.toString('utf8', start, end);
  }

  #array(length: number, depth: number): readonly CborValue[] {
    if (depth >= maxDepth) throw new CborError('nested too deeply');
    if (length > this.#bytes.length - this.offset) throw new CborError('array is longer than its record');
    const items: CborValue[] = [];
    for (let index = 0; index < length; index++) items.push(this.value(depth + 1));
    return items;
  }

  /** RFC 8949 section 3: the argument of a head, which must be in its shortest form. */
  #argument(additional: number): number {
    if (additional < 24) return additional;
    if (additional > 27) throw new CborError('indefinite or reserved length');
    const size = 1 << (additional - 24);
    const start = this.offset;
    this.offset = start + size;
    if (this.offset > this.#bytes.length) throw new CborError('ends too early');
    let value = 0;
    for (let index = start; index < this.offset; index++) value = value * 256 + (this.#bytes[index] ?? 0);
    const least = size === 1 ? 24 : 2 ** (size * 4);
    if (value < least) throw new CborError('not in the shortest form');
    if (!Number.isSafeInteger(value)) throw new CborError('integer out of range');
    return value;
  }

  #take(length: number): Buffer {
    const end = this.offset + length;
    if (end > this.#bytes.length) throw new CborError('ends too early');
    const part = this.#bytes.subarray(this.offset, end);
    this.offset = end;
    return part;
  }
}
