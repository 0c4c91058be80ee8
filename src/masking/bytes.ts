/** Byte classes of the scanners. Bytes from 0x80 up are parts of UTF-8 characters. */
export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

export function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

export function isAlphanumeric(byte: number): boolean {
  return isDigit(byte) || isLetter(byte);
}

/** The byte at `index`, or 0 outside of [start, end): NUL occurs in no PostgreSQL text. */
export function byteAt(bytes: Buffer, index: number, start: number, end: number): number {
  return index < start || index >= end ? 0 : (bytes[index] ?? 0);
}

/** Says whether `byte` occurs in [start, end); unlike indexOf it does not run on into the rest of the row. */
export function hasByte(bytes: Buffer, byte: number, start: number, end: number): boolean {
  for (let index = start; index < end; index++) if (bytes[index] === byte) return true;
  return false;
}
