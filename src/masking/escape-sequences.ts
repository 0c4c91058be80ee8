/** A piece of terminal output, taken apart: its visible bytes, and where each stands. */
export interface VisibleBytes {
  readonly bytes: Buffer;
  /** Index in the raw piece of each visible byte; null when they are the same. */
  readonly places: Uint32Array | null;
  /** Where an escape sequence begins that is not complete; the piece's length when there is none. */
  readonly whole: number;
}

const escape = 0x1b;
const maxSequence = 64;

/**
 * Finds what is text in terminal output (ECMA-48). Only control sequences and short escapes are left out: what a title or a
 * device string holds is text, for it can be read.
 */
export function visibleBytes(raw: Buffer): VisibleBytes {
  if (!raw.includes(escape)) return { bytes: raw, places: null, whole: raw.length };
  const bytes = Buffer.allocUnsafe(raw.length);
  const places = new Uint32Array(raw.length);
  let count = 0;
  let index = 0;
  while (index < raw.length) {
    const byte = raw[index] ?? 0;
    if (byte !== escape) {
      places[count] = index;
      bytes[count++] = byte;
      index++;
      continue;
    }
    const end = sequenceEnd(raw, index);
    if (end < 0) return { bytes: bytes.subarray(0, count), places: places.subarray(0, count), whole: index };
    index = end;
  }
  return { bytes: bytes.subarray(0, count), places: places.subarray(0, count), whole: raw.length };
}

/** The index behind the sequence that begins at `start`, or -1 when its end has not come yet. */
function sequenceEnd(raw: Buffer, start: number): number {
  const second = raw[start + 1];
  if (second === undefined) return -1;
  if (second === 0x5b) {
    // CSI: parameters 0x30–0x3f, intermediates 0x20–0x2f, final 0x40–0x7e. Anything else is no part of it.
    for (let index = start + 2; index < raw.length; index++) {
      const byte = raw[index] ?? 0;
      if (byte >= 0x40 && byte <= 0x7e) return index + 1;
      if (byte < 0x20 || byte > 0x3f || index - start > maxSequence) return index;
    }
    return raw.length - start > maxSequence ? raw.length : -1;
  }
  // nF escapes: intermediates, then one final byte.
  if (second >= 0x20 && second <= 0x2f) return raw.length > start + 2 ? start + 3 : -1;
  return start + 2;
}
