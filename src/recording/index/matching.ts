import type { IndexDatabase } from './database.js';
import type { OperationRow } from './operation-row.js';
import { keepIn, operationsOf, type Group } from './posting-list.js';
import type { Term, WordsTerm } from './query.js';
import { lookUp } from './segments.js';
import { unionOf } from './union.js';
import { mark, phraseTerms, rangeOf, type Column } from './terms.js';
import { isPrefix, wordsOf } from './words.js';
import type { SessionWords } from './writer.js';

type Lists = ReadonlyMap<number, readonly Group[]>;
const none: readonly Group[] = [];

/** Lists that must all hold what is looked for. */
interface Candidates {
  readonly lists: readonly Lists[];
  readonly exact: boolean;
}

/** Operations of one session that may say a term, ascending, and whether all of them do. */
export interface Found {
  readonly operations: readonly number[];
  readonly exact: boolean;
}

/** One term of a query with everything the index has for it. */
export class TermMatcher {
  readonly #term: Term;
  readonly #operations: readonly Candidates[];
  readonly #sessions: readonly Candidates[];

  constructor(db: IndexDatabase, term: Term) {
    this.#term = term;
    if (term.mark !== null) {
      this.#operations = [{ lists: [lookUp(db, rangeOf(term.mark))], exact: true }];
      this.#sessions = [];
      return;
    }
    const candidatesIn = (columns: readonly Column[]): readonly Candidates[] =>
      columns.map((column) => {
        const { ranges, exact } = phraseTerms(column, term.words, term.open);
        return { lists: ranges.map((range) => lookUp(db, range)), exact };
      });
    this.#operations = candidatesIn(term.columns.filter((column) => !isOfSession(column)));
    this.#sessions = candidatesIn(term.columns.filter(isOfSession));
  }

  /** Sessions in which it can stand at all. */
  sessions(): ReadonlySet<number> {
    const found = new Set<number>();
    for (const { lists } of [...this.#operations, ...this.#sessions]) {
      const [first, ...others] = lists.toSorted((one, other) => one.size - other.size);
      for (const session of first?.keys() ?? []) if (others.every((list) => list.has(session))) found.add(session);
    }
    return found;
  }

  /** Whether the session itself says it, so that each of its operations does. */
  isOfSession(session: number, said: { readonly words: SessionWords | null }): boolean {
    return this.#sessions.some(
      ({ lists, exact }) =>
        lists.every((list) => list.has(session)) && (exact || sessionSays(said.words, this.#term as WordsTerm)),
    );
  }

  /** About how much it takes to read where it stands in the session. */
  sizeIn(session: number): number {
    let size = 0;
    for (const { lists } of this.#operations) {
      for (const list of lists) for (const { start, end } of list.get(session) ?? none) size += end - start;
    }
    return size;
  }

  /** The session's operations that may say it, and whether all of them do. */
  operations(session: number): Found {
    let exact = true;
    const found = this.#operations.map((candidates) => {
      exact &&= candidates.exact;
      return inAll(candidates.lists.map((list) => operationsOf(list.get(session) ?? none)));
    });
    const [first = [], second] = found;
    return { operations: second === undefined ? first : unionOf([first, second]), exact };
  }

  /** Those of these operations of the session that may say it, and whether all of them do: the lists are only walked. */
  keep(session: number, operations: readonly number[]): Found {
    let exact = true;
    const found = this.#operations.map((candidates) => {
      exact &&= candidates.exact;
      return candidates.lists.reduce((left, list) => keepIn(left, list.get(session) ?? none), operations);
    });
    const [first = [], second] = found;
    return { operations: second === undefined ? first : unionOf([first, second]), exact };
  }

  /** Whether the operation itself says it. */
  holds(row: OperationRow): boolean {
    return this.#term.mark !== null ? hasMark(row, this.#term.mark) : operationSays(row, this.#term);
  }
}

function isOfSession(column: Column): boolean {
  return ['session', 'user', 'actor', 'behalf', 'target'].includes(column);
}

function hasMark({ verdict, error }: OperationRow, wanted: string): boolean {
  return (verdict !== null && wanted === mark.verdict(verdict)) || (error !== null && wanted === mark.failed);
}

function operationSays(row: OperationRow, { columns, words, open }: WordsTerm): boolean {
  const { text, parameters, effects, policies, error, people, request } = row;
  const says = (value: string | null): boolean => value !== null && hasPhrase(value, words, open);
  return columns.some((column) => {
    switch (column) {
      case 'any':
        return [text, ...parameters, ...effects, ...policies, error, people, request].some(says);
      case 'effects':
        return effects.some(says);
      case 'policies':
        return policies.some(says);
      case 'error':
        return says(error);
      case 'people':
        return says(people);
      case 'session':
      case 'user':
      case 'actor':
      case 'behalf':
      case 'target':
        return false;
    }
  });
}

function sessionSays(said: SessionWords | null, { columns, words, open }: WordsTerm): boolean {
  if (said === null) return false;
  const { actor, behalf, target, other } = said;
  const texts: Partial<Record<Column, readonly string[]>> = {
    session: [actor, behalf, target, other],
    user: [actor, behalf],
    actor: [actor],
    behalf: [behalf],
    target: [target],
  };
  return columns.some((column) => texts[column]?.some((text) => hasPhrase(text, words, open)) === true);
}

function hasPhrase(text: string, words: readonly string[], open: boolean): boolean {
  const end = open && isPrefix(words.at(-1) ?? '') ? '' : ' ';
  return ` ${wordsOf(text).join(' ')} `.includes(` ${words.join(' ')}${end}`);
}

/** What is in each of the lists; all ascend. */
function inAll(lists: readonly (readonly number[])[]): readonly number[] {
  const [shortest, ...others] = lists.toSorted((one, other) => one.length - other.length);
  return others.reduce(inBoth, shortest ?? []);
}

function inBoth(one: readonly number[], other: readonly number[]): readonly number[] {
  const both: number[] = [];
  for (let i = 0, j = 0; i < one.length && j < other.length;) {
    const left = one[i] ?? 0;
    const right = other[j] ?? 0;
    if (left === right) both.push(left);
    if (left <= right) i++;
    if (right <= left) j++;
  }
  return both;
}
