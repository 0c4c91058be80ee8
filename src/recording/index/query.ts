import { SluiceError } from '../../lib/errors.js';
import { mark, type Column } from './terms.js';
import { wordsOf } from './words.js';

/** What is looked for, as the index understands it. */
export interface ParsedQuery {
  readonly terms: readonly Term[];
  /** Milliseconds since the epoch, both ends included. */
  readonly since: number | null;
  readonly until: number | null;
}
export type Term = WordsTerm | { readonly mark: string };
export interface WordsTerm {
  readonly mark: null;
  /** Where the words may stand: in an operation, or in who and where. */
  readonly columns: readonly Column[];
  readonly words: readonly string[];
  /** The last word may go on. */
  readonly open: boolean;
}

const anywhere: readonly Column[] = ['any', 'session'];
const columnsOf: Readonly<Record<string, readonly Column[]>> = {
  user: ['user'],
  actor: ['actor'],
  for: ['behalf'],
  person: ['user', 'people'],
  target: ['target'],
  effect: ['effects'],
  policy: ['policies'],
  error: ['error'],
};
const verdicts: Readonly<Record<string, string>> = {
  ...{ allow: 'allow', allowed: 'allow', deny: 'deny', denied: 'deny' },
  ...{ hold: 'hold', held: 'hold' },
};
const maxTerms = 32;
const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * Words and "phrases", all of which must be there, and operators: user: actor: for: person: target: effect: policy:
 * error: verdict: since: until:. Nothing else that is typed is syntax. Words without a letter or digit
 * (`=`, `*`) are not in the index and are left out.
 */
export function parseQuery(query: string, now: number): ParsedQuery {
  const terms: Term[] = [];
  let since: number | null = null;
  let until: number | null = null;
  for (const [whole, name, phrase, word] of query.matchAll(/(?:([a-z]+):(?=[^\s:]))?(?:"([^"]*)"?|([^\s"]+))/gu)) {
    const value = phrase ?? word ?? '';
    const open = phrase === undefined;
    const columns = name === undefined ? undefined : columnsOf[name];
    if (name === 'since') since = timeOf(value, now, 'start');
    else if (name === 'until') until = timeOf(value, now, 'end');
    else if (name === 'verdict') {
      const verdict = verdicts[value.toLowerCase()];
      if (verdict === undefined) throw new SluiceError('usage', `verdict: is allow, deny or hold, not "${value}"`);
      terms.push({ mark: mark.verdict(verdict) });
    } else if (name === 'error' && (value === '*' || value === 'any')) {
      terms.push({ mark: mark.failed });
    } else if (columns !== undefined) terms.push({ mark: null, columns, words: wordsOf(value), open });
    else terms.push({ mark: null, columns: anywhere, words: wordsOf(name === undefined ? value : whole), open });
  }
  const meant = terms.filter((term) => term.mark !== null || term.words.length > 0);
  if (meant.length === 0 && since === null && until === null) {
    throw new SluiceError('usage', 'search for at least one word or number');
  }
  if (meant.length > maxTerms) throw new SluiceError('usage', `search for at most ${maxTerms} words`);
  return { terms: meant, since, until };
}

/** `2h` ago, a day (its first or last moment), or a moment with its zone. UTC where none is given. */
function timeOf(value: string, now: number, edge: 'start' | 'end'): number {
  const ago = /^(\d{1,6})([smhdw])$/.exec(value);
  if (ago !== null) return now - Number(ago[1]) * (unitMs[ago[2] ?? ''] ?? 0);
  const isDay = /^\d{4}-\d\d-\d\d$/.test(value);
  const isMoment = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/.test(value);
  const zoned = isMoment && !/(Z|[+-]\d\d:\d\d)$/.test(value) ? `${value}Z` : value;
  const at = isDay || isMoment ? Date.parse(zoned) : NaN;
  if (Number.isNaN(at)) {
    throw new SluiceError('usage', `a time is like 2h, 7d, 2026-11-23 or 2026-11-23T10:00Z, not "${value}"`);
  }
  return isDay && edge === 'end' ? at + (unitMs['d'] ?? 0) - 1 : at;
}
