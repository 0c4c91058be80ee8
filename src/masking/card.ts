import { byteAt, isAlphanumeric, isDigit } from './bytes.js';
import type { Span } from './detectors.js';

const minDigits = 13;
const maxDigits = 19; // ISO/IEC 7812-1

/** First digits (as a range of equally long prefixes) and the lengths an issuer uses. */
interface IssuerRange {
  readonly digits: number;
  readonly from: number;
  readonly to: number;
  readonly lengths: readonly number[];
}

const issuers: readonly IssuerRange[] = [
  { digits: 1, from: 4, to: 4, lengths: [13, 16, 18, 19] }, // Visa
  { digits: 2, from: 51, to: 55, lengths: [16] }, // Mastercard
  { digits: 4, from: 2221, to: 2720, lengths: [16] }, // Mastercard
  { digits: 2, from: 34, to: 34, lengths: [15] }, // American Express
  { digits: 2, from: 37, to: 37, lengths: [15] }, // American Express
  { digits: 4, from: 6011, to: 6011, lengths: [16, 19] }, // Discover
  { digits: 3, from: 644, to: 649, lengths: [16, 19] }, // Discover
  { digits: 2, from: 65, to: 65, lengths: [16, 19] }, // Discover, RuPay
  { digits: 3, from: 300, to: 305, lengths: [14, 16] }, // Diners Club
  { digits: 2, from: 36, to: 36, lengths: [14, 16] }, // Diners Club
  { digits: 2, from: 38, to: 39, lengths: [14, 16] }, // Diners Club
  { digits: 4, from: 3528, to: 3589, lengths: [16, 19] }, // JCB
  { digits: 2, from: 62, to: 62, lengths: [16, 17, 18, 19] }, // UnionPay
  { digits: 2, from: 81, to: 81, lengths: [16] }, // UnionPay
  { digits: 4, from: 2200, to: 2204, lengths: [16] }, // Mir
  { digits: 4, from: 9792, to: 9792, lengths: [16] }, // Troy
  { digits: 4, from: 5018, to: 5018, lengths: [16, 18, 19] }, // Maestro
  { digits: 4, from: 5020, to: 5020, lengths: [16, 18, 19] }, // Maestro
  { digits: 4, from: 5038, to: 5038, lengths: [16, 18, 19] }, // Maestro
  { digits: 4, from: 6304, to: 6304, lengths: [16, 18, 19] }, // Maestro
  { digits: 4, from: 6759, to: 6763, lengths: [16, 18, 19] }, // Maestro
];

/**
 * A card number that starts at the digit at `from`: plain, or in groups of one separator (a space or a hyphen) whose
 * first has four or six digits, as cards are printed. Checked by issuer range, length and Luhn's sum.
 */
export function cardAt(bytes: Buffer, from: number, start: number, end: number): Span | null {
  if (!isNumberStart(bytes, from, start, end) || isShortGroup(bytes, from, start, end)) return null;
  let digits = '';
  let separator = 0;
  let best = -1;
  let index = from;
  for (;;) {
    const group = index;
    while (index < end && index - group <= maxDigits && isDigit(byteAt(bytes, index, start, end))) index++;
    digits += bytes.toString('latin1', group, index);
    if (digits.length > maxDigits) break;
    const next = byteAt(bytes, index, start, end);
    if (!isAlphanumeric(next) && next < 0x80 && digits.length >= minDigits && isCardNumber(digits)) best = index;
    if (group === from && digits.length !== 4 && digits.length !== 6) break;
    if (next !== 0x20 && next !== 0x2d) break;
    if (separator !== 0 && next !== separator) break;
    if (!isDigit(byteAt(bytes, index + 1, start, end))) break;
    separator = next;
    index++;
  }
  return best < 0 ? null : { start: from, end: best, mask: `****${lastDigits(bytes.toString('latin1', from, best))}` };
}

/** A group of four or six digits that no other of four follows: years, times, most numbers of a text. */
function isShortGroup(bytes: Buffer, from: number, start: number, end: number): boolean {
  let index = from;
  while (index - from < minDigits && isDigit(byteAt(bytes, index, start, end))) index++;
  if (index - from === minDigits) return false;
  for (let next = index + 1; next < index + 5; next++) if (!isDigit(byteAt(bytes, next, start, end))) return true;
  return false;
}

/** Not inside a word, a longer number, the fraction of a decimal, a number in groups or a telephone number. */
function isNumberStart(bytes: Buffer, from: number, start: number, end: number): boolean {
  const before = byteAt(bytes, from - 1, start, end);
  if (isAlphanumeric(before) || before >= 0x80 || before === 0x5f) return false;
  if (before === 0x2b) return false;
  return !((before === 0x2e || before === 0x2d) && isDigit(byteAt(bytes, from - 2, start, end)));
}

/** Says whether these 13 to 19 digits are a payment card's number. */
export function isCardNumber(digits: string): boolean {
  const length = digits.length;
  const known = issuers.some(
    ({ digits: count, from, to, lengths }) =>
      lengths.includes(length) && inRange(Number(digits.slice(0, count)), from, to),
  );
  if (!known || !hasLuhnSum(digits)) return false;
  return length !== 13 || !hasEan13Sum(digits); // European article numbers begin with 4 too
}

function inRange(value: number, from: number, to: number): boolean {
  return value >= from && value <= to;
}

function lastDigits(text: string): string {
  return text.replace(/[^0-9]/g, '').slice(-4);
}

/** ISO/IEC 7812-1 annex B. */
function hasLuhnSum(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index++) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 0x30;
    const doubled = digit * 2;
    sum += index % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

function hasEan13Sum(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index++)
    sum += (digits.charCodeAt(index) - 0x30) * (index % 2 === 0 ? 1 : 3);
  return sum % 10 === 0;
}
