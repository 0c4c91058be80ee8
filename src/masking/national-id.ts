import { byteAt, isAlphanumeric, isDigit } from './bytes.js';
import type { Span } from './detectors.js';
import { nationalForms, type NationalForm } from './national-forms.js';

const longest = 40;

/** The lengths of the runs of digits that begin a number or follow its letters: those that `candidates` knows. */
export const nationalRuns: ReadonlySet<number> = new Set([1, 2, 3, 6, 7, 8, 11, 15, 17, 18]);

const space = 0x20;
const dash = 0x2d;
const dot = 0x2e;

/**
 * A national identity number whose first run of digits is [from, to). The run's length and its neighbours settle almost
 * every number in a text at once; what is left is matched and its check digits are reckoned.
 */
export function nationalIdAt(bytes: Buffer, from: number, to: number, start: number, end: number): Span | null {
  const forms = candidates(bytes, from, to, start, end);
  if (forms === null) return null;
  for (const form of forms) {
    const first = Math.max(start, from - form.lead);
    if (from - first < form.lead) continue;
    const outer = byteAt(bytes, first - 1, start, end);
    if (isAlphanumeric(outer) || outer >= 0x80 || isJoint(outer)) continue;
    const match = form.pattern.exec(bytes.toString('latin1', first, Math.min(end, first + longest)));
    if (match === null || !form.isValid(match[0])) continue;
    const last = first + match[0].length;
    const next = byteAt(bytes, last, start, end);
    if (isAlphanumeric(next) || next >= 0x80 || next === 0x5f) continue;
    if (isJoint(next) && isAlphanumeric(byteAt(bytes, last + 1, start, end))) continue;
    return { start: first, end: last, mask: '***' };
  }
  return null;
}

/** Joins a number to more of the same: part numbers, paths, decimals. */
function isJoint(byte: number): boolean {
  return byte === 0x2d || byte === 0x2e || byte === 0x5f || byte === 0x2f || byte === 0x2b || byte === 0x3d;
}

function isUpper(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

const { bare11, bare15, bare18, dotted3, ssn, belgian, spaced2, spaced1, italian, british, spanish, foreign, dashed6 } =
  nationalForms;
const threeDotted: readonly NationalForm[] = [dotted3];
const threeDashed: readonly NationalForm[] = [ssn];
const twoDotted: readonly NationalForm[] = [belgian];
const lettersThenTwo: readonly NationalForm[] = [italian];
const lettersThenSix: readonly NationalForm[] = [british.compact];
const sixThenMark: readonly NationalForm[] = dashed6;

function candidates(
  bytes: Buffer,
  from: number,
  to: number,
  start: number,
  end: number,
): readonly NationalForm[] | null {
  const next = byteAt(bytes, to, start, end);
  switch (to - from) {
    case 1:
      return next === space &&
        byteAt(bytes, from + 4, start, end) === space &&
        byteAt(bytes, from + 7, start, end) === space
        ? spaced1
        : null;
    case 2:
      if (isUpper(byteAt(bytes, from - 1, start, end))) return isUpper(next) ? lettersThenTwo : null;
      if (next === dot)
        return byteAt(bytes, from + 5, start, end) === dot && byteAt(bytes, from + 8, start, end) === dash
          ? twoDotted
          : null;
      if (next !== space) return null;
      return byteAt(bytes, from + 6, start, end) === space ||
        (byteAt(bytes, from - 1, start, end) === space && isUpper(byteAt(bytes, from - 2, start, end)))
        ? spaced2
        : null;
    case 3:
      if (next === dash) return byteAt(bytes, from + 6, start, end) === dash ? threeDashed : null;
      return next === dot && byteAt(bytes, from + 7, start, end) === dot ? threeDotted : null;
    case 6:
      if (isUpper(byteAt(bytes, from - 1, start, end))) return isUpper(next) ? lettersThenSix : null;
      return next !== space &&
        isDigit(byteAt(bytes, from + 7, start, end)) &&
        isDigit(byteAt(bytes, from + 9, start, end))
        ? sixThenMark
        : null;
    case 7:
      return isUpper(byteAt(bytes, from - 1, start, end)) ? foreign : null;
    case 8:
      return isUpper(next) || (next === dash && isUpper(byteAt(bytes, to + 1, start, end))) ? spanish : null;
    case 11:
      return bare11;
    case 15:
      return bare15;
    case 17:
      return next === 0x58 || next === 0x78 ? bare18 : null;
    case 18:
      return bare18;
    default:
      return null;
  }
}
