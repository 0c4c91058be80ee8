import { byteAt, isAlphanumeric, isDigit, isLetter } from './bytes.js';
import { cardAt } from './card.js';
import { userInfoAround } from './connection-string.js';
import { emailAround } from './email.js';
import { ibanAt, isCountry } from './iban.js';
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
  /** What each byte value is: `letter`, `digit`, `upper`, `marked` in a word, else `sign`, or 0 where it means nothing. */
  readonly classes: Uint8Array;
  readonly rules: RuleTable;
  /** By a run's number of digits (`longRun` stands for all longer ones): what it can begin, `card`, `national`, `phone`. */
  readonly runs: Uint8Array;
  /** What an at sign may stand in. */
  readonly atSign: { readonly email: boolean; readonly userInfo: boolean };
  /** What a run of digits may begin. */
  readonly numbers: {
    readonly card: boolean;
    readonly iban: boolean;
    readonly phone: boolean;
    readonly national: boolean;
  };
}

const letter = 1;
const digit = 2;
const upper = 4;
/** A letter that some rule looks at. */
const marked = 8;
const word = letter | digit;
/** Something else that may stand in a secret: an at sign, a plus sign, or what some rule looks at. */
const sign = 16;

/** What secrets are found by: all else in them is letters, or stands around these. */
const matters = digit | marked | sign;

const atSign = 0x40;
const plusSign = 0x2b;

const card = 1;
const national = 2;
const phone = 4;

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

function byteClasses(rules: RuleTable, atSigns: boolean, phones: boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => {
    const hasRule = rules[byte] !== undefined;
    if (isDigit(byte)) return digit;
    if (isLetter(byte)) return letter | (byte < 0x61 ? upper : 0) | (hasRule ? marked : 0);
    return hasRule || (atSigns && byte === atSign) || (phones && byte === plusSign) ? sign : 0;
  });
}

function runsThatMatter(numbers: Detectors['numbers']): Uint8Array {
  return Uint8Array.from({ length: longRun + 1 }, (_, digits) => {
    if (digits === 0) return 0;
    const begins = (numbers.card && isCardRun(digits) ? card : 0) | (numbers.phone && isPhoneRun(digits) ? phone : 0);
    return begins | (numbers.national && nationalRuns.has(digits) ? national : 0);
  });
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
  const classes = byteClasses(rules, emails || tokens, numbers.phone);
  return { classes, rules, runs: runsThatMatter(numbers), numbers, atSign: { email: emails, userInfo: tokens } };
}

/**
 * Finds secrets in bytes [start, end), in order and without overlap; null when there are none, and then nothing was
 * allocated. A word is passed over in one go unless something in it can belong to a secret.
 */
export function findSpans(bytes: Buffer, start: number, end: number, detectors: Detectors): Span[] | null {
  const { classes, runs, rules } = detectors;
  let spans: Span[] | null = null;
  let free = start; // behind the last span
  let looked = start; // up to here words have been judged
  let index = start;
  while (index < end) {
    const kind = classes[bytes[index] ?? 0] ?? 0;
    if (kind === 0) {
      index++;
      continue;
    }
    if (kind !== sign && index >= looked) {
      let kinds = kind;
      looked = index + 1;
      for (let next = 0; looked < end && ((next = classes[bytes[looked] ?? 0] ?? 0) & word) !== 0; looked++)
        kinds |= next;
      if (!mayHoldSecret(bytes, index, looked, kinds, detectors)) {
        // Where one word is letters alone, more will be.
        index = (kinds & matters) === 0 ? nextThatMatters(bytes, looked, end, classes) : looked;
        continue;
      }
    }
    let next = index + 1;
    let span: Span | null = null;
    if (kind === digit) {
      while (next < end && isDigit(bytes[next] ?? 0)) next++;
      if (isLetter(byteAt(bytes, index - 1, free, end)))
        span = numberInWord(bytes, index, next, free, end, detectors.numbers);
      else {
        const begins = runs[Math.min(next - index, longRun)] ?? 0;
        if (begins !== 0) span = numberAt(bytes, index, next, free, end, begins);
      }
    } else if ((kind & (sign | marked)) !== 0) {
      const candidates = rules[bytes[index] ?? 0]?.[bytes[index - 1] ?? 0];
      if (candidates !== undefined) span = secretOf(bytes, index, free, end, candidates);
      else if (bytes[index] === atSign) span = aroundAtSign(bytes, index, free, end, detectors.atSign);
      else if (bytes[index] === plusSign) span = internationalPhoneAt(bytes, index, free, end);
    }
    if (span !== null) {
      (spans ??= []).push(span);
      free = span.end;
      next = span.end;
    }
    index = next;
  }
  return spans;
}

/** The first sign, or the beginning of the first word that is more than letters, in [from, end); `end` when all is prose. */
function nextThatMatters(bytes: Buffer, from: number, end: number, classes: Uint8Array): number {
  let index = from;
  while (
    index + 4 <= end &&
    (((classes[bytes[index] ?? 0] ?? 0) |
      (classes[bytes[index + 1] ?? 0] ?? 0) |
      (classes[bytes[index + 2] ?? 0] ?? 0) |
      (classes[bytes[index + 3] ?? 0] ?? 0)) &
      matters) ===
      0
  )
    index += 4;
  while (index < end && ((classes[bytes[index] ?? 0] ?? 0) & matters) === 0) index++;
  if (index === end || ((classes[bytes[index] ?? 0] ?? 0) & word) === 0) return index;
  while (index > from && ((classes[bytes[index - 1] ?? 0] ?? 0) & word) !== 0) index--;
  return index;
}

/** Shorter words of letters and digits are no national number: of those with letters a Spanish foreigner's is the shortest. */
const shortestNational = 8;

/**
 * Whether the word [from, to) of these kinds of bytes is worth a look at each. Letters alone are not, nor are most words
 * of letters and digits, as UUIDs and hashes are made of.
 */
function mayHoldSecret(
  bytes: Buffer,
  from: number,
  to: number,
  kinds: number,
  { classes, runs, numbers }: Pick<Detectors, 'classes' | 'runs' | 'numbers'>,
): boolean {
  if ((kinds & marked) !== 0) return true;
  if ((kinds & digit) === 0) return false;
  if ((kinds & letter) === 0) return runs[Math.min(to - from, longRun)] !== 0;
  // National numbers with letters are written in capitals, but for an x behind 17 digits.
  if (numbers.national && (((kinds & upper) !== 0 && to - from >= shortestNational) || to - from === 18)) return true;
  if (!numbers.iban || to - from < 4) return false;
  const letters = (classes[bytes[from] ?? 0] ?? 0) & (classes[bytes[from + 1] ?? 0] ?? 0) & letter;
  const digits = (classes[bytes[from + 2] ?? 0] ?? 0) & (classes[bytes[from + 3] ?? 0] ?? 0) & digit;
  return letters + digits === word && isCountry(bytes[from] ?? 0, bytes[from + 1] ?? 0);
}

/** Digits right behind a letter, as most of a UUID or a hash: only what begins with letters can have begun before them. */
function numberInWord(
  bytes: Buffer,
  from: number,
  to: number,
  start: number,
  end: number,
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
function numberAt(bytes: Buffer, from: number, to: number, start: number, end: number, begins: number): Span | null {
  let span: Span | null = null;
  if ((begins & card) !== 0) span = cardAt(bytes, from, to, start, end);
  if (span === null && (begins & national) !== 0) span = nationalIdAt(bytes, from, to, start, end);
  if (span === null && (begins & phone) !== 0) {
    if (to - from === 3) {
      const next = byteAt(bytes, to, start, end);
      if (next === 0x2d || next === 0x2e || next === 0x29) span = northAmericanPhoneAt(bytes, from, start, end);
    } else if (bytes[from] === 0x30 && bytes[from + 1] === 0x30) span = internationalPhoneAt(bytes, from, start, end);
  }
  return span;
}

function aroundAtSign(bytes: Buffer, at: number, start: number, end: number, finds: Detectors['atSign']): Span | null {
  const span = finds.userInfo ? userInfoAround(bytes, at, start, end) : null;
  return span ?? (finds.email ? emailAround(bytes, at, start, end) : null);
}

/** The secret of the first of these rules that has one whose prefix has its trigger at `at`. */
function secretOf(bytes: Buffer, at: number, start: number, end: number, rules: readonly PrefixRule[]): Span | null {
  for (const rule of rules) {
    // Most are told apart here.
    if (bytes[at - rule.trigger] !== rule.prefix[0]) continue;
    const span = secretAt(bytes, at, { start, end }, rule);
    if (span !== null) return span;
  }
  return null;
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
