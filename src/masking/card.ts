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

const ranges: readonly IssuerRange[] = [
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

/** The same by the first four digits: which lengths are in use, a bit each. */
const issuers = ranges.map(({ digits, from, to, lengths }) => {
  const scale = 10 ** (4 - digits);
  return {
    from: from * scale,
    to: (to + 1) * scale,
    lengths: lengths.reduce((bits, length) => bits | (1 << length), 0),
  };
});
/** Whether any issuer's numbers begin with this digit. */
const begins = Uint8Array.from({ length: 10 }, (_, digit) =>
  issuers.some(({ from, to }) => from < (digit + 1) * 1000 && to > digit * 1000) ? 1 : 0,
);

/**
 * A card number that starts with the run of digits [from, to): plain, or in groups of one separator (a space or a hyphen)
 * whose first has four or six digits, as cards are printed. Checked by issuer range, length and Luhn's sum.
 */
export function cardAt(bytes: Buffer, from: number, to: number, start: number, end: number): Span | null {
  if (begins[(bytes[from] ?? 0) - 0x30] !== 1 || to - from > maxDigits) return null;
  if (!isNumberStart(bytes, from, start, end) || isShortGroup(bytes, from, to, start, end)) return null;
  let digits = to - from;
  let separator = 0;
  let best = -1;
  let index = to;
  for (;;) {
    const next = byteAt(bytes, index, start, end);
    if (digits >= minDigits && !isAlphanumeric(next) && next < 0x80 && isCard(bytes, from, index, digits)) best = index;
    if (index === to && digits !== 4 && digits !== 6) break;
    if (next !== 0x20 && next !== 0x2d) break;
    if (separator !== 0 && next !== separator) break;
    separator = next;
    const group = index + 1;
    index = group;
    while (index < end && index - group <= maxDigits && isDigit(bytes[index] ?? 0)) index++;
    digits += index - group;
    if (index === group || digits > maxDigits) break;
  }
  return best < 0 ? null : { start: from, end: best, mask: `****${lastDigits(bytes.toString('latin1', from, best))}` };
}

/** A group of four or six digits that no other of four follows: years, times, most numbers of a text. */
function isShortGroup(bytes: Buffer, from: number, to: number, start: number, end: number): boolean {
  if (to - from >= minDigits) return false;
  for (let next = to + 1; next < to + 5; next++) if (!isDigit(byteAt(bytes, next, start, end))) return true;
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
  return isCard(Buffer.from(digits), 0, digits.length, digits.length);
}

/** The same of [from, to), where so many digits stand and separators may between the first of them and the others. */
function isCard(bytes: Buffer, from: number, to: number, digits: number): boolean {
  let first = 0;
  for (let index = from; index < from + 4; index++) first = first * 10 + (bytes[index] ?? 0) - 0x30;
  const known = issuers.some((issuer) => first >= issuer.from && first < issuer.to && (issuer.lengths >> digits) & 1);
  if (!known) return false;
  // ISO/IEC 7812-1 annex B (Luhn), and the sum of European article numbers, which begin with 4 too.
  let luhn = 0;
  let ean = 0;
  let odd = true;
  for (let index = to - 1; index >= from; index--) {
    const digit = (bytes[index] ?? 0) - 0x30;
    if (digit < 0) continue;
    luhn += odd ? digit : digit > 4 ? digit * 2 - 9 : digit * 2;
    ean += odd ? digit : digit * 3;
    odd = !odd;
  }
  return luhn % 10 === 0 && (digits !== 13 || ean % 10 !== 0);
}

function lastDigits(text: string): string {
  return text.replace(/[^0-9]/g, '').slice(-4);
}
