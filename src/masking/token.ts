import { byteAt, isAlphanumeric, isDigit, isLetter } from './bytes.js';
import { passwordEnd } from './connection-string.js';
import type { Span } from './detectors.js';

type ByteTest = (byte: number) => boolean;

/** A secret recognised by its fixed beginning. */
export interface PrefixRule {
  readonly prefix: Buffer;
  /** Index in `prefix` of its rarest byte, at which the scanner looks. */
  readonly trigger: number;
  /** The byte before the trigger: most candidates end there. */
  readonly before: number;
  readonly mask: string;
  /** What may not stand right before it. No rule can begin twice in one run of its bytes: that keeps the scan linear. */
  readonly notAfter: ByteTest;
  /** End of the secret that continues at `from`, or -1 when it is none; what stands around it lies in [start, end). */
  readonly match: (bytes: Buffer, from: number, end: number, start: number) => number;
}

const word: ByteTest = (byte) => isAlphanumeric(byte) || byte === 0x5f;
const urlSafe: ByteTest = (byte) => isAlphanumeric(byte) || byte === 0x5f || byte === 0x2d;
const base64: ByteTest = (byte) => isAlphanumeric(byte) || byte === 0x2b || byte === 0x2f || byte === 0x3d;
const upper: ByteTest = (byte) => isDigit(byte) || (byte >= 0x41 && byte <= 0x5a);
const dotted: ByteTest = (byte) => urlSafe(byte) || byte === 0x2e;

/** At least `min` bytes of the class, and then not a letter or digit. All of the run is taken, however long. */
function run(test: ByteTest, min: number): PrefixRule['match'] {
  return (bytes, from, end) => {
    let index = from;
    while (index < end && test(byteAt(bytes, index, from, end))) index++;
    return index - from >= min && !isAlphanumeric(byteAt(bytes, index, from, end)) ? index : -1;
  };
}

/** Exactly `count` bytes of the class, and then not a letter or digit. */
function exactly(test: ByteTest, count: number): PrefixRule['match'] {
  const match = run(test, count);
  return (bytes, from, end, start) => (match(bytes, from, end, start) === from + count ? from + count : -1);
}

/** Like `run`, and with a letter and a digit in it: `sk-` also begins ordinary words. */
function mixedRun(test: ByteTest, min: number): PrefixRule['match'] {
  const match = run(test, min);
  return (bytes, from, end, start) => {
    const to = match(bytes, from, end, start);
    if (to < 0) return -1;
    let digits = 0;
    let letters = 0;
    for (let index = from; index < to; index++) {
      const byte = byteAt(bytes, index, from, to);
      if (isDigit(byte)) digits++;
      else if (isLetter(byte)) letters++;
    }
    return digits >= 2 && letters >= 2 ? to : -1;
  };
}

/** Parts of URL-safe base 64 with at least `dots` dots between them: JSON Web Tokens (RFC 7515 3.1) and their like. */
function dottedRun(min: number, dots: number): PrefixRule['match'] {
  const match = run(dotted, min);
  return (bytes, from, end, start) => {
    const to = match(bytes, from, end, start);
    if (to < 0) return -1;
    return bytes.toString('latin1', from, to).split('.').length > dots ? to : -1;
  };
}

/** Through the END line (RFC 7468), or to the end of the text where there is none; only private keys. */
function privateKey(bytes: Buffer, from: number, end: number): number {
  const label = /^[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/.exec(
    bytes.toString('latin1', from, Math.min(end, from + 64)),
  );
  if (label === null) return -1;
  const body = bytes.subarray(from, end);
  const last = body.indexOf(`-----END ${label[0]}`, 0, 'latin1');
  return last < 0 ? end : from + last + 9 + label[0].length;
}

function rule(prefix: string, trigger: string, match: PrefixRule['match'], notAfter: ByteTest = word): PrefixRule {
  const bytes = Buffer.from(prefix);
  const at = prefix.lastIndexOf(trigger);
  return { prefix: bytes, trigger: at, before: bytes[at - 1] ?? 0, mask: `${prefix}***`, notAfter, match };
}

export const privateKeyRules: readonly PrefixRule[] = [
  { ...rule('-----BEGIN ', 'B', privateKey, () => false), mask: '[private key]' },
  rule('AGE-SECRET-KEY-1', '-', run(upper, 50)),
];

export const tokenRules: readonly PrefixRule[] = [
  ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].map((prefix) => rule(prefix, '_', run(word, 36))),
  rule('github_pat_', '_', run(word, 22)),
  rule('glpat-', '-', run(urlSafe, 20)),
  ...['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_'].map((prefix) => rule(prefix, '_', run(word, 10))),
  rule('whsec_', '_', run(base64, 24)),
  rule('npm_', '_', run(word, 36)),
  rule('hf_', '_', mixedRun(word, 30)),
  rule('dop_v1_', '_', run(word, 40)),
  ...['shpat_', 'shpss_', 'shppa_', 'shpca_'].map((prefix) => rule(prefix, '_', run(word, 32))),
  rule('pypi-', '-', run(urlSafe, 50)),
  ...['xoxa-', 'xoxb-', 'xoxe-', 'xoxo-', 'xoxp-', 'xoxr-', 'xoxs-', 'xapp-'].map((prefix) =>
    rule(prefix, '-', run(urlSafe, 10)),
  ),
  rule('sk-', '-', mixedRun(urlSafe, 20), urlSafe),
  rule('AKIA', 'K', exactly(upper, 16)),
  rule('ASIA', 'S', exactly(upper, 16)),
  rule('AIza', 'z', run(urlSafe, 35)),
  rule('eyJ', 'J', dottedRun(20, 2), dotted),
  rule('SG.', 'G', dottedRun(32, 1)),
  rule('hvs.', '.', run(urlSafe, 24)),
  ...['password=', 'Password=', 'PASSWORD=', 'Pwd=', 'pwd='].map((prefix) =>
    rule(prefix, '=', passwordEnd, () => false),
  ),
];

/** The secret whose prefix has its trigger byte at `at`, or null. */
export function secretAt(
  bytes: Buffer,
  at: number,
  bounds: { readonly start: number; readonly end: number },
  rule: PrefixRule,
): Span | null {
  const { start, end } = bounds;
  const { prefix } = rule;
  const from = at - rule.trigger;
  const body = from + prefix.length;
  if (from < start || body > end) return null;
  for (let index = 0; index < prefix.length; index++) if (bytes[from + index] !== prefix[index]) return null;
  if (rule.notAfter(byteAt(bytes, from - 1, start, end))) return null;
  const to = rule.match(bytes, body, end, start);
  return to < 0 ? null : { start: from, end: to, mask: rule.mask };
}
