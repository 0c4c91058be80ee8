import { byteAt, isDigit, isLetter } from './bytes.js';
import { cardAt } from './card.js';
import { emailAround } from './email.js';
import { ibanAt } from './iban.js';
import { nationalIdAt } from './national-id.js';
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
  readonly rules: RuleTable;
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
const none: readonly PrefixRule[] = [];

/** Rules by their trigger byte. */
type RuleTable = readonly (readonly PrefixRule[])[];

/** A result is masked for one row as often as for a million, so nothing of this is built for each. */
const ruleTables: Readonly<Record<'none' | 'keys' | 'tokens' | 'both', RuleTable>> = {
  none: byTrigger([]),
  keys: byTrigger(privateKeyRules),
  tokens: byTrigger(tokenRules),
  both: byTrigger([...privateKeyRules, ...tokenRules]),
};

function byTrigger(rules: readonly PrefixRule[]): RuleTable {
  return Array.from({ length: 256 }, (_, byte) => rules.filter(({ prefix, trigger }) => prefix[trigger] === byte));
}

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
  for (let byte = 0; byte < 256; byte++) if (rules[byte]?.length !== 0) triggers[byte] = rulesTrigger;
  if (digits) triggers.fill(digitTrigger, 0x30, 0x3a);
  if (numbers.phone) triggers[0x2b] = plusTrigger;
  if (emails) triggers[0x40] = emailTrigger;
  return { triggers, rules, numbers };
}

/**
 * Finds secrets in bytes [start, end), in order and without overlap; null when there are none, and then nothing was
 * allocated. One pass: only a byte that can belong to a secret is looked at twice.
 */
export function findSpans(bytes: Buffer, start: number, end: number, detectors: Detectors): Span[] | null {
  const { triggers, rules } = detectors;
  let spans: Span[] | null = null;
  let free = start; // end of the last span
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? 0;
    const trigger = triggers[byte] ?? 0;
    if (trigger === 0) continue;
    let span: Span | null = null;
    if (trigger === digitTrigger) {
      let group = index + 1;
      while (group < end && isDigit(bytes[group] ?? 0)) group++;
      span = numberAt(bytes, index, group, { start: free, end }, detectors.numbers);
      if (span === null) index = group - 1;
    } else if (trigger === plusTrigger) {
      span = internationalPhoneAt(bytes, index, free, end);
    } else if (trigger === emailTrigger) {
      span = emailAround(bytes, index, free, end);
    } else {
      const candidates = rules[byte] ?? none;
      const before = bytes[index - 1] ?? 0;
      for (let rule = 0; rule < candidates.length && span === null; rule++) {
        const candidate = candidates[rule];
        if (candidate?.before === before) span = secretAt(bytes, index, { start: free, end }, candidate);
      }
    }
    if (span === null) continue;
    (spans ??= []).push(span);
    free = span.end;
    index = span.end - 1;
  }
  return spans;
}

/** What the run of digits [from, to) begins, or lies in; most runs are told apart by their length and one neighbour. */
function numberAt(
  bytes: Buffer,
  from: number,
  to: number,
  { start, end }: { readonly start: number; readonly end: number },
  numbers: Detectors['numbers'],
): Span | null {
  const digits = to - from;
  let span: Span | null = null;
  if (numbers.iban && digits > 1 && isLetter(byteAt(bytes, from - 1, start, end)))
    span = ibanAt(bytes, from, start, end);
  if (span === null && numbers.card && (digits >= 13 || digits === 4 || digits === 6))
    span = cardAt(bytes, from, start, end);
  if (span === null && numbers.national && digits < 19) span = nationalIdAt(bytes, from, to, start, end);
  if (span === null && numbers.phone && (digits === 3 || digits === 4 || digits === 5)) {
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
