import { byteAt, isAlphanumeric, isDigit, isLetter } from './bytes.js';
import type { Span } from './detectors.js';

/** Whole lengths by country, from the SWIFT IBAN registry. */
const lengths: ReadonlyMap<string, number> = new Map(
  [
    [15, 'NO'],
    [16, 'BE'],
    [18, 'DK FO FI GL NL SD FK'],
    [19, 'MK SI'],
    [20, 'AT BA EE KZ XK LT LU MN'],
    [21, 'HR LV LI CH'],
    [22, 'BH BG CR GE DE IE ME RS GB VA'],
    [23, 'GI IQ IL OM TL AE SO'],
    [24, 'AD CZ MD PK RO SA SK ES SE TN VG'],
    [25, 'LY PT ST'],
    [26, 'IS TR'],
    [27, 'BI DJ FR GR IT MC MR SM'],
    [28, 'AL AZ BY CY DO GT HU LB NI PL SV'],
    [29, 'BR EG PS QA UA'],
    [30, 'JO KW MU YE'],
    [31, 'MT SC'],
    [32, 'LC'],
    [33, 'RU'],
  ].flatMap(([length, countries]) =>
    String(countries)
      .split(' ')
      .map((country) => [country, Number(length)]),
  ),
);

/** Countries whose account part is digits alone, which a checksum of one in 97 is glad to hear. */
const numeric = new Set(
  'BE DK FO FI GL SD NO SI AT BA EE LT HR CR DE ME RS TL AE SO CZ SK ES SE TN PT ST PL HU IS MN'.split(' '),
);

/** The same by two letters of either case: the length, 0 where there is no such country; and `isNumeric`. */
const countryLengths = new Uint8Array(26 * 26);
const isNumeric = new Uint8Array(26 * 26);
for (const [country, length] of lengths) {
  const place = placeOf(country.charCodeAt(0), country.charCodeAt(1));
  countryLengths[place] = length;
  isNumeric[place] = numeric.has(country) ? 1 : 0;
}

/** Whether these two letters are a country that has IBANs. */
export function isCountry(first: number, second: number): boolean {
  return countryLengths[placeOf(first, second)] !== 0;
}

function placeOf(first: number, second: number): number {
  return ((first | 0x20) - 0x61) * 26 + (second | 0x20) - 0x61;
}

/**
 * An IBAN whose two check digits begin the run of digits at `from`: two letters, two digits, then the country's own
 * number of letters and digits, plain or in groups of four. ISO 13616-1, checked by length and ISO 7064's mod 97-10.
 */
export function ibanAt(bytes: Buffer, from: number, start: number, end: number): Span | null {
  const first = from - 2;
  if (first < start || !isLetter(bytes[first] ?? 0) || !isLetter(bytes[first + 1] ?? 0)) return null;
  const country = placeOf(bytes[first] ?? 0, bytes[first + 1] ?? 0);
  const length = countryLengths[country] ?? 0;
  if (length === 0) return null;
  const before = byteAt(bytes, first - 1, start, end);
  if (isAlphanumeric(before) || before >= 0x80 || before === 0x5f) return null;
  const needsDigits = isNumeric[country] === 1;
  let characters = 2;
  let rest = 0; // of the account
  let index = from;
  for (; characters < length; index++) {
    const byte = byteAt(bytes, index, start, end);
    if (isDigit(byte) || (isLetter(byte) && characters >= 4 && !needsDigits)) {
      if (characters >= 4) rest = withDigits(rest, byte);
      characters++;
    } else if ((byte !== 0x20 && byte !== 0x2d) || characters % 4 !== 0) return null;
    else if (!isAlphanumeric(byteAt(bytes, index + 1, start, end))) return null;
  }
  const next = byteAt(bytes, index, start, end);
  if (isAlphanumeric(next) || next >= 0x80 || next === 0x5f) return null;
  // ISO 7064 mod 97-10: country and check digits come last.
  for (let at = first; at < first + 4; at++) rest = withDigits(rest, bytes[at] ?? 0);
  return rest === 1 ? { start: first, end: index, mask: `****${lastFour(bytes, index)}` } : null;
}

/** The remainder by 97 once this digit, or letter counting from 10, is written behind the number. */
function withDigits(rest: number, byte: number): number {
  return (isDigit(byte) ? rest * 10 + byte - 0x30 : rest * 100 + (byte | 0x20) - 0x57) % 97;
}

/** The last four characters of an IBAN that ends there. */
function lastFour(bytes: Buffer, end: number): string {
  return bytes
    .toString('latin1', end - 5, end)
    .replace(/[ -]/, '')
    .slice(-4);
}
