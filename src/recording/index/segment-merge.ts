import { ByteWriter } from './byte-writer.js';
import type { IndexDatabase } from './database.js';
import { groupsOf, joinLists } from './posting-list.js';
import { entriesOf, SegmentWriter, type Entry } from './segments.js';

/** So many segments of one level become one of the next. */
const fanIn = 8;
/** Larger segments stay as they are: joining them would win little. */
const maxMergedBytes = 64 * 1024 * 1024;
const checkEvery = 128;

/**
 * Joins segments into one, a slice of time at a time, so that questions and journals come between. Until it is done the
 * old ones count; what a crash leaves of the new one is thrown away at the next start.
 */
export class SegmentMerge {
  readonly #db: IndexDatabase;
  readonly #old: readonly number[];
  readonly #level: number;
  readonly #sources: Source[];
  readonly #writer: SegmentWriter;
  readonly #list = new ByteWriter();
  /** Sessions that are forgotten. */
  readonly #gone: ReadonlySet<number>;

  private constructor(db: IndexDatabase, old: readonly number[], level: number, gone: ReadonlySet<number>) {
    this.#db = db;
    this.#old = old;
    this.#level = level;
    this.#gone = gone;
    this.#sources = old.map((segment) => new Source(db, segment));
    this.#writer = new SegmentWriter(db);
  }

  static isDue(db: IndexDatabase): boolean {
    return db.row('select 1 from forgotten limit 1') !== null || fullLevel(db) !== null;
  }

  /** Inside a transaction, when one is due. What was forgotten leaves every segment. */
  static start(db: IndexDatabase): SegmentMerge {
    const gone = new Set(db.rows<[number]>('select seq from forgotten').map(([seq]) => seq));
    const level = fullLevel(db) ?? 0;
    const old =
      gone.size > 0
        ? db.rows<[number, number]>('select id, level from segments where level >= 0 order by id')
        : db.rows<[number, number]>(
            'select id, level from segments where level = ? and bytes < ? order by id limit ?',
            ...[BigInt(level), BigInt(maxMergedBytes), BigInt(fanIn)],
          );
    const ids = old.map(([id]) => id);
    return new SegmentMerge(db, ids, gone.size > 0 ? Math.max(0, ...old.map(([, each]) => each)) : level + 1, gone);
  }

  /** Inside a transaction. True when it is done. */
  step(until: number): boolean {
    for (let count = 1; ; count++) {
      const term = this.#smallest();
      if (term === null) {
        this.#finish();
        return true;
      }
      this.#write(term);
      if (count % checkEvery === 0 && performance.now() > until) return false;
    }
  }

  #smallest(): string | null {
    let smallest: string | null = null;
    for (const { current } of this.#sources) {
      if (current !== null && (smallest === null || current.term < smallest)) smallest = current.term;
    }
    return smallest;
  }

  #write(term: string): void {
    const entries: Entry[] = [];
    for (const source of this.#sources) {
      if (source.current?.term !== term) continue;
      entries.push(source.current);
      source.advance();
    }
    this.#list.length = 0;
    const [only] = entries;
    if (this.#gone.size > 0)
      joinLists(this.#list, entries.flatMap((entry) => this.#kept(entry))); // prettier-ignore
    else if (entries.length === 1 && only !== undefined) this.#list.bytes(only.bytes.subarray(only.start, only.end));
    else joinLists(this.#list, entries);
    if (this.#list.length > 0) this.#writer.add(term, this.#list.view());
  }

  /** The list without what is forgotten. */
  #kept(entry: Entry): readonly Entry[] {
    const groups = groupsOf(entry.bytes, entry.start, entry.end);
    if (!groups.some(({ session }) => this.#gone.has(session))) return [entry];
    const out = new ByteWriter(entry.end - entry.start + 16);
    let before = 0;
    for (const { session, bytes, start, end } of groups) {
      if (this.#gone.has(session)) continue;
      out.varint(session - before);
      out.varint(end - start);
      out.bytes(bytes.subarray(start, end));
      before = session;
    }
    return [{ term: entry.term, bytes: out.view(), start: 0, end: out.length }];
  }

  #finish(): void {
    this.#writer.finish(this.#level);
    for (const segment of this.#old) {
      this.#db.run('delete from segment_parts where segment = ?', BigInt(segment));
      this.#db.run('delete from segments where id = ?', BigInt(segment));
    }
    for (const seq of this.#gone) this.#db.run('delete from forgotten where seq = ?', BigInt(seq));
  }
}

function fullLevel(db: IndexDatabase): number | null {
  const full = db.row<[number]>(
    `select level from segments where level >= 0 and bytes < ?
     group by level having count(*) >= ? order by level limit 1`,
    ...[BigInt(maxMergedBytes), BigInt(fanIn)],
  );
  return full?.[0] ?? null;
}

/** Reads one segment from its first term to its last. */
class Source {
  readonly #db: IndexDatabase;
  readonly #segment: bigint;
  #part = 0n;
  #entries: Iterator<Entry> | null = null;
  current: Entry | null = null;

  constructor(db: IndexDatabase, segment: number) {
    this.#db = db;
    this.#segment = BigInt(segment);
    this.advance();
  }

  advance(): void {
    for (;;) {
      const next = this.#entries?.next();
      if (next !== undefined && next.done !== true) {
        this.current = next.value;
        return;
      }
      const row = this.#db.row<[number, Buffer]>(
        'select id, body from segment_parts where segment = ? and id > ? order by id limit 1',
        ...[this.#segment, this.#part],
      );
      if (row === null) {
        this.current = null;
        return;
      }
      this.#part = BigInt(row[0]);
      this.#entries = entriesOf(row[1]);
    }
  }
}
