import type { Draw } from './draw.js';

const two = (value: number): string => String(value).padStart(2, '0');
/** Tries every ending until the country's own rule, written here a second time, holds. */
function complete(body: string, endings: readonly string[], holds: (whole: string) => boolean): string | null {
  for (const ending of endings) if (holds(body + ending)) return body + ending;
  return null;
}
function until(make: () => string | null): string {
  for (;;) {
    const made = make();
    if (made !== null) return made;
  }
}
const hundred = Array.from({ length: 100 }, (_, value) => two(value));
const ten = [...'0123456789'];
const sum = (text: string, weights: readonly number[]): number =>
  weights.reduce((total, weight, at) => total + weight * Number(text[at]), 0);
const birth = (draw: Draw): readonly [string, string, string] => [
  two(draw.between(0, 99)),
  two(draw.between(1, 12)),
  two(draw.between(1, 28)),
];

const cpf = (draw: Draw): string =>
  until(() =>
    complete(draw.digits(9), hundred, (whole) => {
      const first = ((sum(whole, [10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10;
      const second = ((sum(whole, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10;
      return whole.endsWith(`${first}${second}`) && !/^(\d)\1*$/.test(whole);
    }),
  );
const steuerId = (draw: Draw): string =>
  until(() => {
    const order = [...'0123456789']
      .map((digit) => [draw.between(0, 1e6), digit] as const)
      .toSorted((a, b) => a[0] - b[0]);
    const digits = order.map(([, digit]) => digit);
    digits[draw.between(0, 4)] = digits[draw.between(5, 9)] ?? '';
    if (digits[0] === '0') return null;
    let product = 10;
    for (const digit of digits) {
      const rest = (Number(digit) + product) % 10;
      product = ((rest === 0 ? 10 : rest) * 2) % 11;
    }
    return `${digits.join('')}${(11 - product) % 10}`;
  });
const pesel = (draw: Draw): string =>
  until(() => {
    const [year, month, day] = birth(draw);
    return complete(
      year + month + day + draw.digits(4),
      ten,
      (whole) => sum(whole, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0,
    );
  });
const turkish = (draw: Draw): string =>
  until(() =>
    complete(`${draw.between(1, 9)}${draw.digits(8)}`, hundred, (whole) => {
      const digits = [...whole].map(Number);
      const at = (index: number): number => digits[index] ?? 0;
      const odd = at(0) + at(2) + at(4) + at(6) + at(8);
      const even = at(1) + at(3) + at(5) + at(7);
      return (((odd * 7 - even) % 10) + 10) % 10 === at(9) && (odd + even + at(9)) % 10 === at(10);
    }),
  );
const nir = (draw: Draw): string => {
  const body = `${draw.pick(['1', '2'])}${two(draw.between(0, 99))}${two(draw.between(1, 12))}${two(draw.between(1, 95))}${draw.digits(6)}`;
  return `${body}${two(97 - Number(BigInt(body) % 97n))}`;
};
const chinese = (draw: Draw): string =>
  until(() =>
    complete(
      `${draw.pick(['110101', '310104', '440305'])}${draw.pick(['19', '20'])}${birth(draw).join('')}${draw.digits(3)}`,
      [...ten, 'X'],
      (whole) =>
        (sum(whole, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) +
          (whole.endsWith('X') ? 10 : Number(whole.at(-1)))) %
          11 ===
        1,
    ),
  );
const letterOf = (number: number): string => 'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23] ?? '';
const dni = (draw: Draw): string => {
  const number = draw.digits(8);
  return number + letterOf(Number(number));
};
const nie = (draw: Draw): string => {
  const first = draw.between(0, 2);
  const rest = draw.digits(7);
  return `${'XYZ'[first] ?? ''}${rest}${letterOf(Number(`${first}${rest}`))}`;
};
const nric = (draw: Draw): string => {
  const digits = draw.digits(7);
  return `S${digits}${'JZIHGFEDCBA'[sum(digits, [2, 7, 6, 5, 4, 3, 2]) % 11] ?? ''}`;
};
const hetu = (draw: Draw): string => {
  const [year, month, day] = birth(draw);
  const serial = String(draw.between(2, 899)).padStart(3, '0');
  return `${day}${month}${year}${draw.pick(['-', 'A'])}${serial}${'0123456789ABCDEFHJKLMNPRSTUVWXY'[Number(day + month + year + serial) % 31] ?? ''}`;
};
const korean = (draw: Draw): string =>
  until(() =>
    complete(`${birth(draw).join('')}${draw.between(1, 4)}${draw.digits(5)}`, ten, (whole) => {
      const rest = sum(whole, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11;
      return (11 - rest) % 10 === Number(whole.at(-1));
    }),
  ).replace(/^(\d{6})/, '$1-');
const belgian = (draw: Draw): string => {
  const body = `${birth(draw).join('')}${String(draw.between(1, 997)).padStart(3, '0')}`;
  return `${body}${two(97 - (Number(draw.pick(['', '2']) + body) % 97))}`;
};
const italian = (draw: Draw): string => {
  const capital = (count: number): string => draw.letters(count).toUpperCase();
  const body = `${capital(6)}${draw.digits(2)}${draw.pick([...'ABCDEHLMPRST'])}${two(draw.between(1, 31))}${capital(1)}${draw.digits(3)}`;
  const odd: Readonly<Record<string, number>> = Object.fromEntries(
    'BAKPLCQDREVOSFTGUHMINJWZYX'.split('').map((letter, value) => [letter, value]),
  );
  const value = (char: string, at: number): number => {
    const letter = /\d/.test(char) ? ('ABCDEFGHIJ'[Number(char)] ?? '') : char;
    return at % 2 === 0 ? (odd[letter] ?? 0) : letter.charCodeAt(0) - 65;
  };
  const total = [...body].reduce((all, char, at) => all + value(char, at), 0);
  return body + String.fromCharCode(65 + (total % 26));
};
const ssn = (draw: Draw): string =>
  `${String(draw.pick([draw.between(1, 665), draw.between(667, 899)])).padStart(3, '0')}-${two(draw.between(1, 99))}-${String(draw.between(1, 9999)).padStart(4, '0')}`;
const ninoPrefix = (draw: Draw): string => draw.pick(['AB', 'CE', 'HJ', 'JG', 'PX', 'SR', 'WM', 'YY']);

/** Identity numbers of many countries, in the forms people write them. */
export const nationalIds: readonly ((draw: Draw) => string)[] = [
  ssn,
  cpf,
  (draw) => cpf(draw).replace(/^(\d{3})(\d{3})(\d{3})/, '$1.$2.$3-'),
  steuerId,
  (draw) => steuerId(draw).replace(/^(\d\d)(\d{3})(\d{3})/, '$1 $2 $3 '),
  pesel,
  turkish,
  nir,
  (draw) => nir(draw).replace(/^(\d)(\d\d)(\d\d)(\d\d)(\d{3})(\d{3})/, '$1 $2 $3 $4 $5 $6 '),
  chinese,
  dni,
  nie,
  nric,
  hetu,
  korean,
  belgian,
  (draw) => belgian(draw).replace(/^(\d\d)(\d\d)(\d\d)(\d{3})/, '$1.$2.$3-$4.'),
  italian,
  (draw) => `${ninoPrefix(draw)}${draw.digits(6)}${draw.pick(['A', 'B', 'C', 'D'])}`,
  (draw) =>
    `${ninoPrefix(draw)} ${draw.digits(2)} ${draw.digits(2)} ${draw.digits(2)} ${draw.pick(['A', 'B', 'C', 'D'])}`,
];
