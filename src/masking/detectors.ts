import { byteAt, isAlphanumeric, isDigit, isLetter } from './bytes.js';
import { cardAt } from './card.js';
import { emailAround } from './email.js';
import { ibanAt } from './iban.js';
import { nationalIdAt, nationalRuns } from './national-id.js';
import { internationalPhoneAt, northAmericanPhoneAt } from './phone.js';
import { privateKeyRules, secretAt, tokenRules, type PrefixRule } from './token.js';
import type { Classification } from './types.js';

/** A found secret: bytes [start, end) and what stands in for them (ASCII without quotes, commas, braces or backslashes). */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly mask: string;
}

/** Detectors ready to run. */
export interface Detectors {
  /** What to do at each byte value: 0 nothing, 1 e-mail, 2 a run of digits, 3 the rules of that byte, 4 a plus sign. */
  readonly triggers: Uint8Array;
  /** What each byte value means to a word: `letter`, `digit`, `upper`, `marked`, or 0 where it ends one. */
  readonly classes: Uint8Array;
  readonly rules: RuleTable;
  /** By a run's number of digits (`longRun` stands for all longer ones): whether it can begin anything at all. */
  readonly runs: Uint8Array;
  /** What a run of digits may begin. */
  readonly numbers: {
    readonly card: boolean;
    readonly iban: boolean;
    readonly phone: boolean;
    readonly national: boolean;
  };
}

const emailTrigger = 1;
const digitTrigger = 2;
const rulesTrigger = 3;
const plusTrigger = 4;

const letter = 1;
const digit = 2;
const upper = 4;
/** Some rule looks at this byte. */
const marked = 8;

/** Rules by their trigger byte and the one before it; most bytes have none. */
type RuleTable = readonly (readonly (readonly PrefixRule[] | undefined)[] | undefined)[];

/** No detector looks for a longer run of digits. */
const longRun = 20;

/** A result is masked for one row as often as for a million, so nothing of this is built for each. */
const ruleTables: Readonly<Record<'none' | 'keys' | 'tokens' | 'both', RuleTable>> = {
  none: byTrigger([]),
  keys: byTrigger(privateKeyRules),
  tokens: byTrigger(tokenRules),
  both: byTrigger([...privateKeyRules, ...tokenRules]),
};

function byTrigger(rules: readonly PrefixRule[]): RuleTable {
  const table: (PrefixRule[] | undefined)[][] = [];
  for (const rule of rules) {
    const byBefore = (table[rule.prefix[rule.trigger] ?? 0] ??= []);
    (byBefore[rule.before] ??= []).push(rule);
  }
  return Array.from({ length: 256 }, (_, byte) => {
    const byBefore = table[byte];
    return byBefore && Array.from({ length: 256 }, (_none, before) => byBefore[before]);
  });
}

function wordClasses(rules: RuleTable): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => {
    if (isDigit(byte)) return digit;
    if (!isLetter(byte)) return 0;
    return letter | (byte < 0x61 ? upper : 0) | (rules[byte] === undefined ? 0 : marked);
  });
}

function runsThatMatter({ card, national, phone }: Detectors['numbers']): Uint8Array {
  const runs = new Uint8Array(longRun + 1);
  for (let digits = 1; digits <= longRun; digits++) {
    const matters =
      (card && isCardRun(digits)) || (national && nationalRuns.has(digits)) || (phone && isPhoneRun(digits));
    runs[digits] = matters ? 1 : 0;
  }
  return runs;
}

const isCardRun = (digits: number): boolean => digits >= 13 || digits === 4 || digits === 6;
const isPhoneRun = (digits: number): boolean => digits === 3 || digits === 4 || digits === 5;

/** Prepares the detectors that classification turns on; null when it turns on none. */
export function compileDetectors(detectors: Classification['detectors']): Detectors | null {
  const keys = detectors['private-key'] === 'mask';
  const tokens = detectors.token === 'mask';
  const emails = detectors.email === 'mask';
  const numbers = {
    card: detectors.card === 'mask',
    iban: detectors.iban === 'mask',
    phone: detectors.phone === 'mask',
    national: detectors['national-id'] === 'mask',
  };
  const digits = numbers.card || numbers.iban || numbers.phone || numbers.national;
  if (!keys && !tokens && !emails && !digits) return null;
  const rules = ruleTables[keys ? (tokens ? 'both' : 'keys') : tokens ? 'tokens' : 'none'];
  const triggers = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) if (rules[byte] !== undefined) triggers[byte] = rulesTrigger;
  if (digits) triggers.fill(digitTrigger, 0x30, 0x3a);
  if (numbers.phone) triggers[0x2b] = plusTrigger;
  if (emails) triggers[0x40] = emailTrigger;
  return { triggers, classes: wordClasses(rules), rules, runs: runsThatMatter(numbers), numbers };
}

/**
 * Finds secrets in bytes [start, end), in order and without overlap; null when there are none, and then nothing was
 * allocated. A word is passed over in one go unless something in it can belong to a secret.
 */
export function findSpans(bytes: Buffer, start: number, end: number, detectors: Detectors): Span[] | null {
  const { triggers, classes, rules, runs, numbers } = detectors;
  let spans: Span[] | null = null;
  const free = { start, end }; // behind the last span
  let looked = start; // up to here words have been judged
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? 0;
    let kinds = classes[byte] ?? 0;
    if (kinds !== 0 && index >= looked) {
      looked = index + 1;
      for (let kind = 0; looked < end && (kind = classes[bytes[looked] ?? 0] ?? 0) !== 0; looked++) kinds |= kind;
      if (!mayHoldSecret(bytes, index, looked, kinds, numbers)) {
        index = looked - 1;
        continue;
      }
    }
    const trigger = triggers[byte] ?? 0;
    if (trigger === 0) continue;
    let span: Span | null = null;
    if (trigger === digitTrigger) {
      let group = index + 1;
      while (group < end && isDigit(bytes[group] ?? 0)) group++;
      const before = byteAt(bytes, index - 1, free.start, end);
      if (isLetter(before)) span = numberInWord(bytes, index, group, free, numbers);
      else if (runs[Math.min(group - index, longRun)] === 1) span = numberAt(bytes, index, group, free, numbers);
      if (span === null) index = group - 1;
    } else if (trigger === plusTrigger) {
      span = internationalPhoneAt(bytes, index, free.start, end);
    } else if (trigger === emailTrigger) {
      span = emailAround(bytes, index, free.start, end);
    } else {
      const candidates = rules[byte]?.[bytes[index - 1] ?? 0];
      if (candidates === undefined) continue;
      for (let rule = 0; rule < candidates.length && span === null; rule++) {
        const candidate = candidates[rule];
        if (candidate !== undefined) span = secretAt(bytes, index, free, candidate);
      }
    }
    if (span === null) continue;
    (spans ??= []).push(span);
    free.start = span.end;
    index = span.end - 1;
  }
  return spans;
}

/**
 * Whether the word [from, to) of these kinds of bytes is worth a look at each. Letters alone are not, nor are most words
 * of letters and digits, as UUIDs and hashes are made of.
 */
function mayHoldSecret(bytes: Buffer, from: number, to: number, kinds: number, numbers: Detectors['numbers']): boolean {
  if ((kinds & marked) !== 0) return true;
  if ((kinds & digit) === 0) return false;
  if ((kinds & letter) === 0) return true;
  // National numbers with letters are written in capitals, but for an x behind 17 digits.
  if (numbers.national && ((kinds & upper) !== 0 || to - from === 18)) return true;
  return numbers.iban && isLetter(bytes[from] ?? 0) && isLetter(bytes[from + 1] ?? 0) && isDigit(bytes[from + 2] ?? 0);
}

type Bounds = { readonly start: number; readonly end: number };

/** Digits right behind a letter, as most of a UUID or a hash: only what begins with letters can have begun before them. */
function numberInWord(
  bytes: Buffer,
  from: number,
  to: number,
  { start, end }: Bounds,
  numbers: Detectors['numbers'],
): Span | null {
  let span: Span | null = null;
  // Two letters begin an IBAN, so they begin a word.
  if (numbers.iban && to - from > 1 && !isAlphanumeric(byteAt(bytes, from - 3, start, end)))
    span = ibanAt(bytes, from, start, end);
  if (span === null && numbers.national && (bytes[from - 1] ?? 0) < 0x61)
    span = nationalIdAt(bytes, from, to, start, end);
  return span;
}

/** What the run of digits [from, to) begins, or lies in; most runs are told apart by their length and one neighbour. */
function numberAt(
  bytes: Buffer,
  from: number,
  to: number,
  { start, end }: Bounds,
  numbers: Detectors['numbers'],
): Span | null {
  const digits = to - from;
  let span: Span | null = null;
  if (numbers.card && isCardRun(digits)) span = cardAt(bytes, from, start, end);
  if (span === null && numbers.national && digits < 19) span = nationalIdAt(bytes, from, to, start, end);
  if (span === null && numbers.phone && isPhoneRun(digits)) {
    const next = byteAt(bytes, to, start, end);
    if (digits === 3) {
      if (next === 0x2d || next === 0x2e || next === 0x29) span = northAmericanPhoneAt(bytes, from, start, end);
    } else if (bytes[from] === 0x30 && bytes[from + 1] === 0x30) span = internationalPhoneAt(bytes, from, start, end);
  }
  return span;
}

/** Copies [start, end) with every span replaced by its mask. */
export function replaceSpans(bytes: Buffer, start: number, end: number, spans: readonly Span[]): Buffer {
  const parts: Buffer[] = [];
  let from = start;
  for (const span of spans) {
    parts.push(bytes.subarray(from, span.start), Buffer.from(span.mask, 'latin1'));
    from = span.end;
  }
  parts.push(bytes.subarray(from, end));
  return Buffer.concat(parts);
}

/** The text with every secret masked; the very same string when it holds none. */
export function maskText(text: string, detectors: Detectors): string {
  const bytes = Buffer.from(text);
  const spans = findSpans(bytes, 0, bytes.length, detectors);
  return spans === null ? text : replaceSpans(bytes, 0, bytes.length, spans).toString();
}
