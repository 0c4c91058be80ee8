import type { SessionFilter } from '../types.js';
import { blockOf } from './batch.js';
import type { IndexDatabase, SqlValue } from './database.js';
import { inAll, TermMatcher } from './matching.js';
import { blockIdBits, rowInBlock } from './operation-block.js';
import type { OperationRow } from './operation-row.js';
import { operationsOf, type Group } from './posting-list.js';
import { sessionColumns, type SessionRow } from './queries.js';
import type { ParsedQuery } from './query.js';
import { lookUp } from './segments.js';
import { mark, rangeOf } from './terms.js';
import type { SessionWords } from './writer.js';

export interface SearchedSession {
  readonly seq: number;
  readonly row: SessionRow;
  readonly words: () => SessionWords;
  /** Between these its operations began. */
  readonly fromAt: number;
  readonly toAt: number;
}

const blockScale = 2 ** blockIdBits;

/** Finds a query's matches one session at a time, so that a page of them costs no more than the page. */
export class SessionMatcher {
  readonly #db: IndexDatabase;
  readonly #terms: readonly TermMatcher[];
  readonly #wanted: ReadonlySet<number> | null;
  readonly #since: number;
  readonly #until: number;
  readonly #changed: ReadonlyMap<number, readonly Group[]>;
  #all: ReadonlyMap<number, readonly Group[]> | null = null;
  #block: { readonly id: number; readonly body: string | null } | null = null;
  /** Blocks of operations that had to be read. */
  read = 0;

  constructor(db: IndexDatabase, { terms, since, until }: ParsedQuery, filter: SessionFilter) {
    this.#db = db;
    this.#terms = terms.map((term) => new TermMatcher(db, term));
    this.#since = since ?? -Infinity;
    this.#until = until ?? Infinity;
    this.#wanted = wantedSessions(db, filter, since, until);
    this.#changed = lookUp(db, rangeOf(mark.changed));
  }

  /** Those that can have a match, newest first. */
  sessions(): readonly number[] {
    const sets = this.#terms.map((term) => term.sessions());
    if (this.#wanted !== null) sets.push(this.#wanted);
    const [smallest, ...others] = sets.toSorted((one, other) => one.size - other.size);
    return [...(smallest ?? [])].filter((seq) => others.every((set) => set.has(seq))).sort((one, other) => other - one);
  }

  /** Null when it is there no more. */
  session(seq: number): SearchedSession | null {
    const found = this.#db.row<readonly [...SessionRow, string, number | null, number | null]>(
      `select ${sessionColumns}, who, from_at, to_at from sessions where seq = ?`,
      BigInt(seq),
    );
    if (found === null) return null;
    const [who, fromAt, toAt] = found.slice(-3) as [string, number | null, number | null];
    return {
      ...{ seq, row: found as unknown as SessionRow, words: () => JSON.parse(who) as SessionWords },
      ...{ fromAt: fromAt ?? Infinity, toAt: toAt ?? -Infinity },
    };
  }

  /**
   * Its operations that match all of the query, ascending. Once so many blocks have been read, no more than `atLeast` that
   * need reading: then they are not complete.
   */
  matchesIn(
    session: SearchedSession,
    { atLeast, readAtMost }: { readonly atLeast: number; readonly readAtMost: number },
  ): { readonly matches: readonly number[]; readonly complete: boolean } {
    const { seq } = session;
    const open = this.#terms.filter((term) => !term.isOfSession(seq, session.words));
    if (open.length > 1) open.sort((one, other) => one.sizeIn(seq) - other.sizeIn(seq));
    let matches: readonly number[] | null = null;
    let isExact = true;
    for (const term of open) {
      const { operations, exact } = term.operations(seq);
      isExact &&= exact;
      matches = matches === null ? operations : inAll([matches, operations]);
      // The longer lists need not be read then.
      if (matches.length === 0) return { matches, complete: true };
    }
    matches ??= this.#allOf(seq);
    if (session.fromAt < this.#since || session.toAt > this.#until) matches = this.#inTime(seq, matches);
    const changed = new Set(operationsOf(this.#changed.get(seq) ?? []));
    if (isExact && changed.size === 0) return { matches, complete: true };
    const checked: number[] = [];
    for (const op of matches) {
      if (!isExact || changed.has(op)) {
        if (checked.length >= atLeast && this.read >= readAtMost) return { matches: checked, complete: false };
        const row = this.operation(seq, op);
        if (row === null || !open.every((term) => term.holds(row))) continue;
      }
      checked.push(op);
    }
    return { matches: checked, complete: true };
  }

  operation(seq: number, op: number): OperationRow | null {
    const id = seq * blockScale + blockOf(op);
    if (this.#block?.id !== id) {
      this.read++;
      const found = this.#db.row<[string]>('select body from blocks where id = ?', BigInt(id));
      this.#block = { id, body: found?.[0] ?? null };
    }
    return this.#block.body === null ? null : rowInBlock(this.#block.body, op);
  }

  #allOf(seq: number): readonly number[] {
    this.#all ??= lookUp(this.#db, rangeOf(mark.all));
    return operationsOf(this.#all.get(seq) ?? []);
  }

  /** Only where a block reaches over an end of the time that is asked for, its operations have to be read. */
  #inTime(seq: number, operations: readonly number[]): readonly number[] {
    const first = BigInt(seq) << BigInt(blockIdBits);
    const blocks = this.#db.rows<[number, number, number]>(
      'select id, from_at, to_at from blocks where id >= ? and id < ? and to_at >= ? and from_at <= ?',
      ...[first, first + BigInt(blockScale), ...[this.#since, this.#until].map(whole)],
    );
    const partly = new Map<number, boolean>();
    for (const [id, fromAt, toAt] of blocks) {
      partly.set(id - seq * blockScale, fromAt < this.#since || toAt > this.#until);
    }
    return operations.filter((op) => {
      const isPartly = partly.get(blockOf(op));
      if (isPartly !== true) return isPartly === false;
      const at = this.operation(seq, op)?.at ?? NaN;
      return at >= this.#since && at <= this.#until;
    });
  }
}

/** Sessions that filter and times leave; null when they leave all. */
function wantedSessions(
  db: IndexDatabase,
  { target, user, state, owner }: SessionFilter,
  since: number | null,
  until: number | null,
): ReadonlySet<number> | null {
  const conditions = (
    [
      ['target = ?', target],
      ['user = ?', user],
      ['state = ?', state],
      ['subject = ?', owner],
      ['to_at >= ?', since ?? undefined],
      ['from_at <= ?', until ?? undefined],
    ] as const
  ).filter(
    (condition): condition is readonly [string, string | number] & typeof condition => condition[1] !== undefined,
  );
  if (conditions.length === 0) return null;
  const found = db.row<[string]>(
    `select json_group_array(seq) from sessions where ${conditions.map(([condition]) => condition).join(' and ')}`,
    ...conditions.map(([, value]): SqlValue => (typeof value === 'number' ? whole(value) : value)),
  );
  return new Set(JSON.parse(found?.[0] ?? '[]') as number[]);
}

function whole(at: number): bigint {
  if (at === Infinity) return 1n << 62n;
  return at === -Infinity ? -(1n << 62n) : BigInt(Math.trunc(at));
}
