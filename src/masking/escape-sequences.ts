/** A piece of terminal output, taken apart: its visible bytes, and where each stands. */
export interface VisibleBytes {
  readonly bytes: Buffer;
  readonly places: Places;
  /** Where an escape sequence begins that is not complete; the piece's length when there is none. */
  readonly whole: number;
}

/** Where visible bytes stand in the raw piece: runs of them with nothing in between, each one's first byte in both. */
export class Places {
  readonly #visible: number[] = [];
  readonly #raw: number[] = [];

  add(visible: number, raw: number): void {
    this.#visible.push(visible);
    this.#raw.push(raw);
  }

  /** Index in the raw piece of a visible byte. */
  of(index: number): number {
    let low = 0;
    let high = this.#visible.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#visible[middle] ?? 0) <= index) low = middle + 1;
      else high = middle;
    }
    return (this.#raw[low - 1] ?? 0) + index - (this.#visible[low - 1] ?? 0);
  }
}

const escape = 0x1b;
const maxSequence = 64;

/**
 * Finds what is text in terminal output (ECMA-48). Only control sequences and short escapes are left out: what a title or a
 * device string holds is text, for it can be read.
 */
export function visibleBytes(raw: Buffer): VisibleBytes {
  const places = new Places();
  let next = raw.indexOf(escape);
  if (next < 0) return { bytes: raw, places, whole: raw.length };
  const bytes = Buffer.allocUnsafe(raw.length);
  let count = 0;
  let index = 0;
  let whole = raw.length;
  for (;;) {
    const until = next < 0 ? raw.length : next;
    if (until > index) {
      places.add(count, index);
      count += raw.copy(bytes, count, index, until);
    }
    if (next < 0) break;
    index = sequenceEnd(raw, next);
    if (index < 0) {
      whole = next;
      break;
    }
    next = raw.indexOf(escape, index);
  }
  return { bytes: bytes.subarray(0, count), places, whole };
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
