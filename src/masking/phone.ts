import { byteAt, isAlphanumeric, isDigit } from './bytes.js';
import type { Span } from './detectors.js';

const plus = 0x2b;
const maxBytes = 32;
const minBytes = 9;
const isDecimal = /^\+\d{1,3}\.\d+(?![\d.])/;
const lastGroup = /[ ./-]?\(?\d+\)?$/;

/** Country calling codes of ITU-T E.164, by their length; 1 and 7 are whole zones. */
const twoDigits = new Set(
  '20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98'.split(
    ' ',
  ),
);
const threeDigits = /^(2[1-69]\d|3[578]\d|42\d|5[09]\d|6[789]\d|8[058]\d|9[679]\d)/;

/** The longest form that is looked at: digits, one separator or one bracket at a time, no letters. */
const international = /^(?:\+|00(?=[1-9]\d?\d?[ .-]))[1-9]\d{0,3}(?:[ ./-]?\(?\d{1,5}\)?){1,8}/;
/** (NXX) NXX-XXXX, NXX-NXX-XXXX, NXX.NXX.XXXX, each with a 1 before it or not. ATIS-0300051. */
const northAmerican =
  /^(?:1[ .-])?(?:\([2-9]\d\d\) ?[2-9]\d\d[ .-]\d{4}|[2-9]\d\d-[2-9]\d\d-\d{4}|[2-9]\d\d\.[2-9]\d\d\.\d{4})/;

/** A number in international form that starts at the `+`, or at digits that begin with 00, at `from`. */
export function internationalPhoneAt(bytes: Buffer, from: number, start: number, end: number): Span | null {
  const before = byteAt(bytes, from - 1, start, end);
  if (isAlphanumeric(before) || before >= 0x80 || before === plus || before === 0x2e) return null;
  // A group of zeros inside a longer number is no prefix.
  if (bytes[from] !== plus && before === 0x20 && isDigit(byteAt(bytes, from - 2, start, end))) return null;
  // Offsets of time zones are the plus signs that stand in most tables.
  const first = byteAt(bytes, from + 1, start, end);
  if (!isDigit(first) || (first === 0x30 && bytes[from] === plus)) return null;
  const text = international.exec(bytes.toString('latin1', from, Math.min(end, from + maxBytes)))?.[0] ?? '';
  // A group too many belongs to what stands behind the number.
  for (let length = text.length; length >= minBytes; length = lastGroup.exec(text.slice(0, length))?.index ?? 0) {
    const shorter = text.slice(0, length);
    if (isDecimal.test(shorter)) return null;
    if (isInternational(shorter.replace(/^00|[^0-9]/g, '')) && isEnd(bytes, from + length, start, end))
      return found(from, shorter);
  }
  return null;
}

/** A number as North America writes it, whose three-digit area code begins at `from`. */
export function northAmericanPhoneAt(bytes: Buffer, from: number, start: number, end: number): Span | null {
  let first = from;
  // (NXX) NXX-XXXX brings its own bracket; (NXX-NXX-XXXX) stands in somebody else's.
  if (byteAt(bytes, first - 1, start, end) === 0x28 && byteAt(bytes, from + 3, start, end) === 0x29) first--;
  const mark = byteAt(bytes, first - 1, start, end);
  if ((mark === 0x20 || mark === 0x2d || mark === 0x2e) && byteAt(bytes, first - 2, start, end) === 0x31) {
    const outer = byteAt(bytes, first - 3, start, end);
    if (!isAlphanumeric(outer) && outer !== 0x2d && outer !== 0x2e) first -= 2;
  }
  const before = byteAt(bytes, first - 1, start, end);
  if (isAlphanumeric(before) || before >= 0x80 || before === 0x2d || before === 0x2e || before === 0x5f) return null;
  const text = northAmerican.exec(bytes.toString('latin1', first, Math.min(end, first + maxBytes)))?.[0];
  return text === undefined || !isEnd(bytes, first + text.length, start, end) ? null : found(first, text);
}

function isInternational(digits: string): boolean {
  if (digits.length < 8 || digits.length > 15) return false;
  if (digits.startsWith('1')) return /^1[2-9]\d\d[2-9]\d{6}$/.test(digits);
  if (digits.startsWith('7')) return digits.length === 11;
  return twoDigits.has(digits.slice(0, 2)) || threeDigits.test(digits);
}

/** Not followed by more of a word or a longer number. */
function isEnd(bytes: Buffer, at: number, start: number, end: number): boolean {
  const next = byteAt(bytes, at, start, end);
  if (isAlphanumeric(next) || next >= 0x80 || next === 0x5f || next === plus || next === 0x3d) return false;
  return !((next === 0x2d || next === 0x2e || next === 0x2f) && isAlphanumeric(byteAt(bytes, at + 1, start, end)));
}

function found(start: number, text: string): Span {
  return { start, end: start + text.length, mask: `****${text.replace(/[^0-9]/g, '').slice(-4)}` };
}
