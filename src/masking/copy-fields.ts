import type { ByteOutput } from './byte-output.js';

/** How rows and fields of a COPY in text or csv form are written (PostgreSQL, COPY, "File Formats"). */
export interface CopySyntax {
  /** Index right after the end of the row in [start, limit), or -1; goes on where `state` says the last look ended. */
  rowEnd(bytes: Buffer, start: number, limit: number, state: ScanState): number;
  /** Calls `visit` for each field of the row [start, end), the newline not included. Throws on what COPY never writes. */
  fields(bytes: Buffer, start: number, end: number, visit: (start: number, end: number) => void): void;
  /**
   * Where the field that begins at `start` ends, at its delimiter or at the end of its row; the complement of that where
   * something in it is escaped. At `limit` or behind it where that cannot be told from these bytes alone.
   */
  fieldEnd(bytes: Buffer, start: number, limit: number): number;
  isNull(bytes: Buffer, start: number, end: number): boolean;
  /** Whether the field is its value as it stands: nothing in it is escaped or quoted, and it is not NULL. */
  isPlain(bytes: Buffer, start: number, end: number): boolean;
  /** The field's value: the very same span of bytes when nothing in it is escaped; null for SQL NULL. */
  decode(bytes: Buffer, start: number, end: number): Buffer | null;
  /** How a value is written: the very same bytes when nothing in it has to be escaped. */
  encode(value: Buffer | null): Buffer;
  /** Whether the value that was written from `from` on has to be encoded. */
  mustEncode(out: ByteOutput, from: number): boolean;
}

/** Where the search for a row's end stands when a chunk stops in the middle. */
export interface ScanState {
  quoted: boolean;
  /** Bytes of this row already looked at; one more than there are when the next one is escaped. */
  scanned: number;
}

const newline = 0x0a;
const backslash = 0x5c;
const escapes: ReadonlyMap<number, number> = new Map([
  [0x62, 0x08], // \b
  [0x66, 0x0c], // \f
  [0x6e, 0x0a], // \n
  [0x72, 0x0d], // \r
  [0x74, 0x09], // \t
  [0x76, 0x0b], // \v
]);
const escaped: ReadonlyMap<number, number> = new Map([...escapes].map(([letter, control]) => [control, letter]));

/** COPY … (FORMAT text): a raw newline always ends a row, since one inside a value is written as `\n`. */
export function textSyntax(delimiter: string, nullText: string): CopySyntax {
  const separator = singleByte(delimiter);
  const nullBytes = Buffer.from(nullText);
  const special = byteSet((byte) => byte < 0x20 || byte === backslash || byte === separator);
  const stops = byteSet((byte) => byte === newline || byte === separator || byte === backslash);
  return {
    fieldEnd(bytes, start, limit) {
      let index = nextOf(stops, bytes, start, limit);
      if (bytes[index] !== backslash) return index;
      for (; index < limit && bytes[index] === backslash; index = nextOf(stops, bytes, index, limit))
        index += bytes[index + 1] === newline ? 1 : 2;
      return ~index;
    },
    rowEnd(bytes, start, limit, state) {
      let index = start + state.scanned;
      while (index < limit && bytes[index] !== newline) index++;
      state.scanned = limit - start;
      return index < limit ? index + 1 : -1;
    },
    fields(bytes, start, end, visit) {
      let field = start;
      for (let index = start; index < end; index++) {
        const byte = bytes[index];
        if (byte === backslash) index++;
        else if (byte === separator) {
          visit(field, index);
          field = index + 1;
        }
      }
      visit(field, end);
    },
    isNull: (bytes, start, end) => isSame(bytes, start, end, nullBytes),
    isPlain(bytes, start, end) {
      for (let index = start; index < end; index++) if (bytes[index] === backslash) return false;
      return !isSame(bytes, start, end, nullBytes);
    },
    decode(bytes, start, end) {
      if (isSame(bytes, start, end, nullBytes)) return null;
      const raw = bytes.subarray(start, end);
      if (!raw.includes(backslash)) return raw;
      const out = Buffer.allocUnsafe(raw.length);
      let at = 0;
      for (let index = 0; index < raw.length; index++) {
        let byte = raw[index] ?? 0;
        if (byte === backslash) {
          byte = raw[++index] ?? backslash;
          byte = escapes.get(byte) ?? byte;
        }
        out[at++] = byte;
      }
      return out.subarray(0, at);
    },
    encode(value) {
      if (value === null) return nullBytes;
      if (!value.some((byte) => special[byte] === 1)) return value;
      const out = Buffer.allocUnsafe(value.length * 2);
      let at = 0;
      for (const byte of value) {
        const letter = escaped.get(byte);
        if (letter !== undefined || byte === backslash || byte === separator) out[at++] = backslash;
        out[at++] = letter ?? byte;
      }
      return out.subarray(0, at);
    },
    mustEncode: (out, from) => out.holds(special, from),
  };
}

/** COPY … (FORMAT csv): a field is quoted as a whole or not at all; only an unquoted field can be NULL. */
export function csvSyntax(options: {
  readonly delimiter: string;
  readonly nullText: string;
  readonly quote: string;
  readonly escape: string;
}): CopySyntax {
  const separator = singleByte(options.delimiter);
  const quote = singleByte(options.quote);
  const escape = singleByte(options.escape);
  const nullBytes = Buffer.from(options.nullText);
  const special = byteSet((byte) => byte <= 0x20 || byte === separator || byte === quote || byte === backslash);
  const mustQuote = (value: Buffer): boolean =>
    value.length === 0 || value.equals(nullBytes) || value.some((byte) => special[byte] === 1);
  const stops = byteSet((byte) => byte === newline || byte === separator || byte === quote);
  return {
    fieldEnd(bytes, start, limit) {
      const index = nextOf(stops, bytes, start, limit);
      return bytes[index] === quote ? limit : index;
    },
    rowEnd(bytes, start, limit, state) {
      let index = start + state.scanned;
      for (; index < limit; index++) {
        const byte = bytes[index];
        if (byte === newline && !state.quoted) return index + 1;
        if (state.quoted && byte === escape && escape !== quote) index++;
        else if (byte === quote) state.quoted = !state.quoted; // a doubled quote closes and opens again
      }
      state.scanned = index - start;
      return -1;
    },
    fields(bytes, start, end, visit) {
      for (let index = start; ; index++) {
        const field = index;
        if (bytes[index] === quote && index < end) index = closingQuote(bytes, index, end, { quote, escape }) + 1;
        else while (index < end && bytes[index] !== separator) index++;
        if (index < end && bytes[index] !== separator) throw new TypeError('text after a closing quote');
        visit(field, index);
        if (index >= end) return;
      }
    },
    isNull: (bytes, start, end) => isSame(bytes, start, end, nullBytes),
    isPlain: (bytes, start, end) => (bytes[start] !== quote || start >= end) && !isSame(bytes, start, end, nullBytes),
    decode(bytes, start, end) {
      if (bytes[start] !== quote || start >= end) {
        return isSame(bytes, start, end, nullBytes) ? null : bytes.subarray(start, end);
      }
      const inner = bytes.subarray(start + 1, end - 1);
      if (!inner.includes(escape)) return inner;
      const out = Buffer.allocUnsafe(inner.length);
      let at = 0;
      for (let index = 0; index < inner.length; index++) {
        const next = inner[index + 1];
        if (inner[index] === escape && (next === quote || next === escape)) index++;
        out[at++] = inner[index] ?? 0;
      }
      return out.subarray(0, at);
    },
    encode(value) {
      if (value === null) return nullBytes;
      if (!mustQuote(value)) return value;
      const out = Buffer.allocUnsafe(value.length * 2 + 2);
      let at = 0;
      out[at++] = quote;
      for (const byte of value) {
        if (byte === quote || byte === escape) out[at++] = escape;
        out[at++] = byte;
      }
      out[at++] = quote;
      return out.subarray(0, at);
    },
    mustEncode: (out, from) =>
      out.length === from ||
      out.holds(special, from) ||
      (nullBytes.length > 0 && out.bytes.subarray(from).equals(nullBytes)),
  };
}

function byteSet(isIn: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (isIn(byte) ? 1 : 0));
}

/** The first byte from `start` on that is in the set; `limit` or behind it where none is before that. */
function nextOf(set: Uint8Array, bytes: Buffer, start: number, limit: number): number {
  let index = start;
  while (
    index + 4 <= limit &&
    ((set[bytes[index] ?? 0] ?? 0) |
      (set[bytes[index + 1] ?? 0] ?? 0) |
      (set[bytes[index + 2] ?? 0] ?? 0) |
      (set[bytes[index + 3] ?? 0] ?? 0)) ===
      0
  )
    index += 4;
  while (index < limit && set[bytes[index] ?? 0] === 0) index++;
  return index;
}

/** For so few bytes a loop is faster than a view to compare. */
function isSame(bytes: Buffer, start: number, end: number, other: Buffer): boolean {
  if (end - start !== other.length) return false;
  for (let index = 0; index < other.length; index++) if (bytes[start + index] !== other[index]) return false;
  return true;
}

function closingQuote(
  bytes: Buffer,
  from: number,
  end: number,
  marks: { readonly quote: number; readonly escape: number },
): number {
  for (let index = from + 1; index < end; index++) {
    const byte = bytes[index];
    const next = index + 1 < end ? bytes[index + 1] : undefined;
    if (byte === marks.escape && (next === marks.quote || next === marks.escape)) index++;
    else if (byte === marks.quote) return index;
  }
  throw new TypeError('a quote is not closed');
}

function singleByte(mark: string): number {
  const bytes = Buffer.from(mark);
  const [byte] = bytes;
  if (byte === undefined || bytes.length !== 1) throw new TypeError('COPY delimiters are single bytes');
  return byte;
}
