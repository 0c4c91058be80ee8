/** One way a country writes its identity numbers. */
export interface NationalForm {
  /** Bytes in front of the first run of digits. */
  readonly lead: number;
  /** Anchored at the start of the number. */
  readonly pattern: RegExp;
  readonly isValid: (text: string) => boolean;
}

const form = (pattern: RegExp, isValid: (text: string) => boolean, lead = 0): NationalForm => ({
  lead,
  pattern,
  isValid,
});
const digitsOf = (text: string): readonly number[] => [...text.replace(/[^0-9]/g, '')].map(Number);
const weigh = (digits: readonly number[], weights: readonly number[]): number =>
  weights.reduce((sum, weight, index) => sum + weight * (digits[index] ?? 0), 0);
/** The remainder of a decimal too long for a number. */
const modulo = (text: string, by: number): number =>
  [...text].reduce((rest, digit) => (rest * 10 + Number(digit)) % by, 0);
const isDate = (month: number, day: number): boolean => month >= 1 && month <= 12 && day >= 1 && day <= 31;

/** Brazil, CPF: two check digits mod 11; eleven equal digits pass the sum and are no number. */
export function isCpf(text: string): boolean {
  const digits = digitsOf(text);
  if (digits.every((digit) => digit === digits[0])) return false;
  const check = (count: number): number => {
    const rest =
      (weigh(
        digits,
        Array.from({ length: count }, (_, index) => count + 1 - index),
      ) *
        10) %
      11;
    return rest === 10 ? 0 : rest;
  };
  return digits[9] === check(9) && digits[10] === check(10);
}

/** Poland, PESEL: birth date with the century in the month, weighted sum mod 10. */
export function isPesel(text: string): boolean {
  const digits = digitsOf(text);
  if (!isDate(Number(text.slice(2, 4)) % 20, Number(text.slice(4, 6)))) return false;
  return weigh(digits, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0;
}

/** Türkiye, T.C. kimlik no: two check digits. */
export function isTurkish(text: string): boolean {
  const digits = digitsOf(text);
  if (digits[0] === 0) return false;
  const odd = weigh(digits, [1, 0, 1, 0, 1, 0, 1, 0, 1]);
  const even = weigh(digits, [0, 1, 0, 1, 0, 1, 0, 1]);
  return (odd * 7 - even + 100) % 10 === digits[9] && (odd + even + (digits[9] ?? 0)) % 10 === digits[10];
}

/** Germany, Steuer-ID: one digit two or three times among the first ten, ISO 7064 mod 11,10. */
export function isGermanTaxId(text: string): boolean {
  const digits = digitsOf(text);
  if (digits[0] === 0) return false;
  const counts = Array.from(
    { length: 10 },
    (_, digit) => digits.slice(0, 10).filter((other) => other === digit).length,
  );
  const repeated = counts.filter((count) => count > 1);
  if (repeated.length !== 1 || (repeated[0] ?? 0) > 3) return false;
  let product = 10;
  for (const digit of digits.slice(0, 10)) product = (((digit + product) % 10 || 10) * 2) % 11;
  return (11 - product) % 10 === digits[10];
}

/** Belgium, rijksregisternummer: birth date, then 97 less the rest of the first nine digits (2 before them from 2000 on). */
export function isBelgian(text: string): boolean {
  const digits = text.replace(/[^0-9]/g, '');
  if (!isDate(Number(digits.slice(2, 4)), Number(digits.slice(4, 6)))) return false;
  const check = Number(digits.slice(9));
  return [digits.slice(0, 9), `2${digits.slice(0, 9)}`].some((body) => 97 - modulo(body, 97) === check);
}

/** France, NIR: sex, year, month, place, order, and 97 less the rest of those thirteen. */
export function isFrench(text: string): boolean {
  const digits = text.replace(/[^0-9]/g, '');
  const month = Number(digits.slice(3, 5));
  if (!/^[12]/.test(digits) || month < 1 || (month > 12 && month < 20) || (month > 42 && month < 50)) return false;
  return 97 - modulo(digits.slice(0, 13), 97) === Number(digits.slice(13));
}

/** China, resident identity card (GB 11643): birth date, ISO 7064 mod 11-2. */
export function isChinese(text: string): boolean {
  if (!/^[1-8]\d{5}(?:19|20)\d\d/.test(text) || !isDate(Number(text.slice(10, 12)), Number(text.slice(12, 14))))
    return false;
  const rest = weigh(digitsOf(text.slice(0, 17)), [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11;
  return text.slice(17).toUpperCase() === '10X98765432'[rest];
}

/** Spain, DNI, and NIE with X, Y or Z for its first digit: the letter is the number mod 23. */
export function isSpanish(text: string): boolean {
  const number = text
    .slice(0, -1)
    .replace('-', '')
    .replace(/^[XYZ]/, (letter) => String('XYZ'.indexOf(letter)));
  return 'TRWAGMYFPDXBNJZSQVHLCKE'[Number(number.replace(/[^0-9]/g, '')) % 23] === text.at(-1);
}

/** Singapore, NRIC and FIN. */
export function isSingaporean(text: string): boolean {
  const sum = weigh(digitsOf(text), [2, 7, 6, 5, 4, 3, 2]) + (/^[TG]/.test(text) ? 4 : 0);
  return (/^[ST]/.test(text) ? 'JZIHGFEDCBA' : 'XWUTRQPNMLK')[sum % 11] === text.at(-1);
}

/** Finland, HETU: birth date, century mark, and the number mod 31. */
export function isFinnish(text: string): boolean {
  if (!isDate(Number(text.slice(2, 4)), Number(text.slice(0, 2)))) return false;
  return '0123456789ABCDEFHJKLMNPRSTUVWXY'[Number(text.slice(0, 6) + text.slice(7, 10)) % 31] === text.at(-1);
}

/** South Korea, resident registration number: birth date, century and sex, weighted sum mod 11. */
export function isKorean(text: string): boolean {
  const digits = digitsOf(text);
  if (!isDate(Number(text.slice(2, 4)), Number(text.slice(4, 6)))) return false;
  return (11 - (weigh(digits, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11)) % 10 === digits[12];
}

/** Italy, codice fiscale: a table for odd places, mod 26. */
export function isItalian(text: string): boolean {
  const odd = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
  let sum = 0;
  for (let index = 0; index < 15; index++) {
    const char = text.charCodeAt(index);
    const value = char < 0x3a ? char - 0x30 : char - 0x41;
    sum += index % 2 === 0 ? (odd[value] ?? 0) : value;
  }
  return String.fromCharCode(0x41 + (sum % 26)) === text[15];
}

/** United States, SSN: no check digit, but areas, groups and serials that were never given. */
function isAmerican(text: string): boolean {
  return !/^(?:000|666|9)|-00-|-0000$/.test(text);
}

const always = (): boolean => true;
/** United Kingdom, National Insurance number: letters that are in use (HMRC NIM39110), no check digit. */
const britishPrefix = '(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]';

/** Forms by the run of digits that comes first in them. */
export const nationalForms = {
  bare11: [isCpf, isTurkish, isGermanTaxId, isPesel, isBelgian].map((check) => form(/^\d{11}/, check)),
  bare15: [form(/^\d{15}/, isFrench)],
  bare18: [form(/^\d{17}[\dXx]/, isChinese)],
  dotted3: form(/^\d{3}\.\d{3}\.\d{3}-\d\d/, isCpf),
  ssn: form(/^\d{3}-\d\d-\d{4}/, isAmerican),
  belgian: form(/^\d\d\.\d\d\.\d\d-\d{3}\.\d\d/, isBelgian),
  spaced2: [
    form(/^\d\d \d{3} \d{3} \d{3}/, isGermanTaxId),
    form(new RegExp(`^${britishPrefix} \\d\\d \\d\\d \\d\\d [A-D]`), always, 3),
  ],
  spaced1: [form(/^\d \d\d \d\d \d\d \d{3} \d{3} \d\d/, isFrench)],
  italian: form(/^[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]/, isItalian, 6),
  british: { compact: form(new RegExp(`^${britishPrefix}\\d{6}[A-D]`), always, 2) },
  spanish: [form(/^\d{8}-?[A-Z]/, isSpanish)],
  foreign: [form(/^[XYZ]\d{7}-?[A-Z]/, isSpanish, 1), form(/^[STFG]\d{7}[A-Z]/, isSingaporean, 1)],
  dashed6: [form(/^\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]/, isFinnish), form(/^\d{6}-[1-8]\d{6}/, isKorean)],
} as const;
