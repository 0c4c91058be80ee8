import { clipWord, isNumber, isPrefix, wordsOf } from './words.js';

/**
 * What lists of operations are kept for. A term begins with a letter that says where the words stand: small for one word,
 * capital for two in a row, so that most phrases need no second look. Numbers are in no pair: nearly each is another one,
 * and a number narrows a search enough by itself.
 *
 * Sessions have terms of their own (operation 0): who and where is not repeated for each of its operations.
 */
export type Column =
  'any' | 'effects' | 'policies' | 'error' | 'people' | 'session' | 'user' | 'actor' | 'behalf' | 'target';

const letters: Readonly<Record<Column, string>> = {
  any: 'a',
  effects: 'e',
  policies: 'p',
  error: 'x',
  people: 'n',
  session: 's',
  user: 'u',
  actor: 'c',
  behalf: 'b',
  target: 't',
};

/** Marks that no text can be taken for. */
export const mark = {
  /** Every operation there is. */
  all: '*',
  /** What was said of it has changed since: its row has the last word. */
  changed: '~',
  failed: 'f',
  verdict: (verdict: string) => `v${verdict}`,
};

/** Where else words of a column are looked for. */
const alsoIn: Readonly<Record<Column, Column | null>> = {
  ...{ any: null, effects: 'any', policies: 'any', error: 'any', people: 'any' },
  ...{ session: null, user: 'session', target: 'session', actor: null, behalf: null },
};

/** Every term of a text in a column. */
export function termsOf(column: Column, text: string): string[] {
  const words = wordsOf(text);
  const also = alsoIn[column];
  const own = termsIn(letters[column], words);
  return also === null ? own : [...own, ...termsIn(letters[also], words)];
}

/** The terms of a number that stands in a column. */
export function numberTerms(column: Column, digits: string): readonly string[] {
  const also = alsoIn[column];
  const word = clipWord(digits);
  return also === null ? [letters[column] + word] : [letters[column] + word, letters[also] + word];
}

function termsIn(letter: string, words: readonly string[]): string[] {
  const terms: string[] = [];
  let before: string | null = null;
  for (const word of words) {
    terms.push(letter + word);
    const paired = isNumber(word) ? null : word;
    if (before !== null && paired !== null) terms.push(pairOf(letter, before, paired));
    before = paired;
  }
  return terms;
}

function pairOf(letter: string, one: string, other: string): string {
  return `${letter.toUpperCase()}${one} ${other}`;
}

/** Terms from one up to, not including, another. */
export interface TermRange {
  readonly from: string;
  readonly to: string;
}

/** What must all be there for words in a row to be, the last one perhaps going on. */
export interface PhraseTerms {
  readonly ranges: readonly TermRange[];
  /** False when the words could also stand apart: the text has the last word. */
  readonly exact: boolean;
}

export function phraseTerms(column: Column, words: readonly string[], open: boolean): PhraseTerms {
  const letter = letters[column];
  const ranges: TermRange[] = [];
  const last = words.length - 1;
  const goesOn = open && isPrefix(words[last] ?? '');
  let covered = -1;
  for (let index = 0; index <= last; index++) {
    const word = words[index] ?? '';
    const next = words[index + 1];
    if (next !== undefined && !isNumber(word) && !isNumber(next)) {
      ranges.push(rangeOf(pairOf(letter, word, next), goesOn && index + 1 === last));
      covered = index + 1;
    } else if (covered < index) ranges.push(rangeOf(letter + word, goesOn && index === last));
  }
  return { ranges, exact: ranges.length === 1 };
}

export function rangeOf(term: string, goesOn = false): TermRange {
  return { from: term, to: goesOn ? `${term}\uffff` : `${term}\u0000` };
}
