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

/**
 * An IBAN whose two check digits begin the run of digits at `from`: two letters, two digits, then the country's own
 * number of letters and digits, plain or in groups of four. ISO 13616-1, checked by length and ISO 7064's mod 97-10.
 */
export function ibanAt(bytes: Buffer, from: number, start: number, end: number): Span | null {
  const first = from - 2;
  if (first < start || !isLetter(bytes[first] ?? 0) || !isLetter(bytes[first + 1] ?? 0)) return null;
  const before = byteAt(bytes, first - 1, start, end);
  if (isAlphanumeric(before) || before >= 0x80 || before === 0x5f) return null;
  const country = bytes.toString('latin1', first, from).toUpperCase();
  const length = lengths.get(country);
  if (length === undefined) return null;
  let text = country;
  let index = from;
  for (; text.length < length; index++) {
    const byte = byteAt(bytes, index, start, end);
    if (isDigit(byte) || (isLetter(byte) && text.length >= 4)) text += String.fromCharCode(byte);
    else if ((byte !== 0x20 && byte !== 0x2d) || text.length % 4 !== 0) return null;
    else if (!isAlphanumeric(byteAt(bytes, index + 1, start, end))) return null;
  }
  const next = byteAt(bytes, index, start, end);
  if (isAlphanumeric(next) || next >= 0x80 || next === 0x5f) return null;
  if (numeric.has(country) && !/^..[0-9]+$/.test(text)) return null;
  return hasValidSum(text) ? { start: first, end: index, mask: `****${text.slice(-4)}` } : null;
}

/** ISO 7064 mod 97-10 over the text with its first four characters moved to the end, letters counting from 10. */
function hasValidSum(iban: string): boolean {
  let rest = 0;
  for (const char of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(char, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}
