import type { SessionFilter } from '../types.js';
import { blockOf } from './batch.js';
import type { IndexDatabase, SqlValue } from './database.js';
import { TermMatcher, type Found } from './matching.js';
import { blockIdBits, rowInBlock } from './operation-block.js';
import type { OperationRow } from './operation-row.js';
import { operationsOf, type Group } from './posting-list.js';
import { sessionColumns, type SessionRow } from './queries.js';
import type { ParsedQuery } from './query.js';
import { lookUp } from './segments.js';
import { mark, rangeOf } from './terms.js';
import type { SessionWords } from './writer.js';

type StoredSession = readonly [...SessionRow, string, number | null, number | null];

/** One session of the index. Its row is read when it is asked for: of most that a search looks at, the lists say enough. */
export class SearchedSession {
  readonly seq: number;
  readonly #db: IndexDatabase;
  #stored: StoredSession | null | undefined;

  constructor(db: IndexDatabase, seq: number) {
    this.#db = db;
    this.seq = seq;
  }

  /** Null when it is there no more. */
  get row(): SessionRow | null {
    return this.#read() as unknown as SessionRow | null;
  }

  /** Who and where, as text. */
  get words(): SessionWords | null {
    const who = this.#read()?.at(-3);
    return typeof who === 'string' ? (JSON.parse(who) as SessionWords) : null;
  }

  /** Whether all of its operations began between these; one without any did. */
  isWithin(since: number, until: number): boolean {
    const stored = this.#read();
    if (stored === null) return true;
    const [fromAt, toAt] = stored.slice(-2) as [number | null, number | null];
    return (fromAt ?? Infinity) >= since && (toAt ?? -Infinity) <= until;
  }

  #read(): StoredSession | null {
    if (this.#stored !== undefined) return this.#stored;
    this.#stored = this.#db.row<StoredSession>(
      `select ${sessionColumns}, who, from_at, to_at from sessions where seq = ?`,
      BigInt(this.seq),
    );
    return this.#stored;
  }
}

const blockScale = 2 ** blockIdBits;

/** Finds a query's matches one session at a time, so that a page of them costs no more than the page. */
export class SessionMatcher {
  readonly #db: IndexDatabase;
  readonly #terms: readonly TermMatcher[];
  readonly #wanted: ReadonlySet<number> | null;
  readonly #since: number;
  readonly #until: number;
  readonly #isTimed: boolean;
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
    this.#isTimed = since !== null || until !== null;
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

  session(seq: number): SearchedSession {
    return new SearchedSession(this.#db, seq);
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
    const open = this.#terms.filter((term) => !term.isOfSession(seq, session));
    if (open.length > 1) open.sort((one, other) => one.sizeIn(seq) - other.sizeIn(seq));
    let matches: readonly number[] | null = null;
    let isExact = true;
    for (const term of open) {
      const found: Found = matches === null ? term.operations(seq) : term.keep(seq, matches);
      isExact &&= found.exact;
      matches = found.operations;
      // The longer lists need not be read then.
      if (found.operations.length === 0) return { matches: [], complete: true };
    }
    matches ??= this.#allOf(seq);
    if (this.#isTimed && !session.isWithin(this.#since, this.#until)) matches = this.#inTime(seq, matches);
    const changes = this.#changed.get(seq);
    if (isExact && changes === undefined) return { matches, complete: true };
    const changed = new Set(operationsOf(changes ?? []));
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
  { target, user, onBehalfOf, state, owner }: SessionFilter,
  since: number | null,
  until: number | null,
): ReadonlySet<number> | null {
  const conditions = (
    [
      ['target = ?', target],
      ['user = ?', user],
      ['behalf_name = ?', onBehalfOf],
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
