import { createHash } from 'node:crypto';

/** What one person's row hides. */
export interface Secrets {
  readonly email: string;
  readonly ssn: string;
  readonly salary: string;
  readonly pin: string;
  readonly card: string;
}

/**
 * Two worlds that differ in nothing but the protected values. What a mask may show (first letter and top-level domain of
 * an e-mail, last four characters) is the same in both; order and length are not. Whoever cannot tell the worlds apart
 * has learnt nothing. None of the values looks like what a detector would find by itself.
 */
export const worlds: readonly [readonly Secrets[], readonly Secrets[]] = [
  [
    {
      email: 'wq7canary@vaultmail.test',
      ssn: 'QXZ-41-7W93',
      salary: '73914.27',
      pin: 'zkqcanaryw',
      card: 'CQKXW-7731-5208',
    },
    {
      email: 'hb2marlow@vaultmail.test',
      ssn: 'RBN-52-1L60',
      salary: '51208.64',
      pin: 'marlowqbtz',
      card: 'CHTRV-1208-7713',
    },
    {
      email: 'tg5orchid@vaultmail.test',
      ssn: 'TMK-63-9D22',
      salary: '88431.09',
      pin: 'orchidvwkz',
      card: 'CPLMZ-6617-9034',
    },
  ],
  [
    {
      email: 'wz9hiddenvj@strongbox.test',
      ssn: 'KVJ-86-7W93',
      salary: '28653.91',
      pin: 'hjvhidden',
      card: 'CZJVHB-2264-5208',
    },
    {
      email: 'hc8walnut@strongbox.test',
      ssn: 'ZPDG-17-1L60',
      salary: '94027.35',
      pin: 'walnutgqjyx',
      card: 'CWQNB-8845-7713',
    },
    {
      email: 'tx4safr@strongbox.test',
      ssn: 'AHG-29-9D22',
      salary: '6175.80',
      pin: 'safronkjxv',
      card: 'CDGKY-3390-9034',
    },
  ],
];

/** Every form in which a value could leave: in part, reversed, encoded, hashed, as a number in text and in binary. */
export function canaryForms(secrets: readonly Secrets[]): readonly Buffer[] {
  const forms = new Set<string>();
  for (const { email, ssn, salary, pin, card } of secrets) {
    const [local = ''] = email.split('@');
    // A mask may show the last four characters, so windows end before them.
    for (const text of [local, email.slice(0, -5), ssn.slice(0, -4), pin, card.slice(0, -4)]) addText(forms, text);
    for (const whole of [email, ssn, pin, card]) for (const hash of hashesOf(whole)) forms.add(hash);
    addNumber(forms, salary);
  }
  return [...forms].map((form) => Buffer.from(form, 'latin1'));
}

const windowLength = 5;

function addText(forms: Set<string>, text: string): void {
  for (const plain of [text, text.toUpperCase(), text.toLowerCase(), text.replaceAll('-', '')]) {
    for (const word of [plain, [...plain].toReversed().join('')]) {
      for (let at = 0; at + windowLength <= word.length; at++) forms.add(word.slice(at, at + windowLength));
      const hex = Buffer.from(word.slice(0, 8)).toString('hex');
      forms.add(hex);
      forms.add(hex.toUpperCase());
      for (let shift = 0; shift < 3; shift++) {
        // Base64 of the same bytes reads otherwise at each of three alignments: keep what does not depend on neighbours.
        const encoded = Buffer.from('\0'.repeat(shift) + word).toString('base64');
        forms.add(encoded.slice(shift === 0 ? 0 : shift + 1, Math.floor(((shift + word.length) * 4) / 3 / 4) * 4));
      }
    }
  }
}

function hashesOf(text: string): readonly string[] {
  return ['md5', 'sha1', 'sha256', 'sha512'].flatMap((algorithm) => {
    const digest = createHash(algorithm).update(text).digest();
    return [digest.toString('hex'), digest.toString('base64'), digest.toString('latin1')];
  });
}

function addNumber(forms: Set<string>, text: string): void {
  const value = Number(text);
  const whole = Math.trunc(value);
  for (const shown of [String(whole), text.replace('.', ''), whole.toString(16).padStart(8, '0')]) {
    forms.add(shown);
    forms.add([...shown].toReversed().join(''));
  }
  const bytes = Buffer.alloc(8);
  bytes.writeInt32BE(whole);
  forms.add(bytes.toString('latin1', 0, 4));
  bytes.writeDoubleBE(value);
  forms.add(bytes.toString('latin1'));
  // numeric in binary: digits of base 10,000. PostgreSQL, numeric_send.
  const digits = Buffer.alloc(6);
  digits.writeInt16BE(Math.floor(whole / 10_000), 0);
  digits.writeInt16BE(whole % 10_000, 2);
  digits.writeInt16BE(Math.round((value - whole) * 10_000), 4);
  forms.add(digits.toString('latin1'));
}

/** The gateway's ids are drawn at random: now and then one has five letters of a canary in it, which tells nothing. */
const randomIds = /\b((?:ses|req|evt)_)[0-9a-hjkmnp-tv-z]{16}(?![0-9A-Za-z_])/g;

/** The canary that stands in these bytes, outside of the gateway's own ids, or null. */
export function findCanary(bytes: Buffer, forms: readonly Buffer[]): string | null {
  const told = Buffer.from(bytes.toString('latin1').replaceAll(randomIds, '$1'), 'latin1');
  for (const form of forms) if (form.length > 3 && told.includes(form)) return form.toString('latin1');
  return null;
}
