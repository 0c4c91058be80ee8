import { createHash } from 'node:crypto';
import { SluiceError } from '../../lib/errors.js';
import type { IndexDatabase } from './database.js';
import { isPrefix, wordsOf } from './words.js';

/** What is looked for, as the index understands it. */
export interface ParsedQuery {
  readonly terms: readonly Term[];
  /** Milliseconds since the epoch, both ends included. */
  readonly since: number | null;
  readonly until: number | null;
}
interface Term {
  /** Null: anywhere. */
  readonly columns: readonly string[] | null;
  readonly words: readonly string[];
  /** The last word may go on. */
  readonly open: boolean;
}

const columnsOf: Readonly<Record<string, readonly string[]>> = {
  user: ['user'],
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
/** A beginning that more words share is looked up by the full-text index itself, which takes longer. */
const maxAlternatives = 128;
const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Marks in the index that no text can hold. */
export const mark = {
  verdict: (verdict: string) => `§v${verdict}`,
  failed: '§failed',
  owner: (subject: string) => `§o${createHash('sha256').update(subject).digest('hex').slice(0, 20)}`,
};

/**
 * Words and "phrases", all of which must be there, and operators: user: person: target: effect: policy: error: verdict:
 * since: until:. Full-text syntax stays ours: nothing that is typed is taken for it. Words without a letter or digit
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
      terms.push({ columns: ['other'], words: [mark.verdict(verdict)], open: false });
    } else if (name === 'error' && (value === '*' || value === 'any')) {
      terms.push({ columns: ['other'], words: [mark.failed], open: false });
    } else if (columns !== undefined) terms.push({ columns, words: wordsOf(value), open });
    else terms.push({ columns: null, words: wordsOf(name === undefined ? value : whole), open });
  }
  const meant = terms.filter(({ words }) => words.length > 0);
  if (meant.length === 0 && since === null && until === null) {
    throw new SluiceError('usage', 'search for at least one word or number');
  }
  if (meant.length > maxTerms) throw new SluiceError('usage', `search for at most ${maxTerms} words`);
  return { terms: meant, since, until };
}

/** The query as FTS5 takes it; every word is quoted. Null when it asks for times alone. */
export function matchExpression(db: IndexDatabase, { terms }: ParsedQuery): string | null {
  return terms.length === 0 ? null : terms.map((term) => expressionOf(db, term)).join(' AND ');
}

/** A term that must be there word for word: a filter of ours. */
export function exactTerm(column: string, text: string): Term | null {
  const words = text.startsWith('§') ? [text] : wordsOf(text);
  return words.length === 0 ? null : { columns: [column], words, open: false };
}

function expressionOf(db: IndexDatabase, { columns, words, open }: Term): string {
  const head = words.slice(0, -1);
  const last = words.at(-1) ?? '';
  const expression = open && isPrefix(last) ? alternativesOf(db, head, last) : quoted(words);
  return columns === null ? `(${expression})` : `({${columns.join(' ')}} : (${expression}))`;
}

function alternativesOf(db: IndexDatabase, head: readonly string[], beginning: string): string {
  const found = db.rows<[string]>(
    'select word from vocabulary where word >= ? and word < ? limit ?',
    ...[beginning, `${beginning}\u{10ffff}`, BigInt(maxAlternatives + 1)],
  );
  if (found.length > maxAlternatives) return `${quoted([...head, beginning])} *`;
  // The word itself is asked for even where the vocabulary lacks it: it costs nothing, and what follows needs a term.
  const words = new Set([beginning, ...found.map(([word]) => word)]);
  return [...words].map((word) => quoted([...head, word])).join(' OR ');
}

/** Words hold no quotation marks. */
function quoted(words: readonly string[]): string {
  return `"${words.join(' ')}"`;
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
