import { ByteReader, ByteWriter } from './byte-writer.js';
import type { IndexDatabase } from './database.js';
import { groupsOf, type Group } from './posting-list.js';
import type { TermRange } from './terms.js';

/** A list longer than this has a part of its own, so that nobody else's search reads it. */
const longList = 4096;
const partBytes = 8192;
/** The level of a segment that is being written. */
const unfinished = -1;

/**
 * A segment is a sorted list of terms, each with where it stands, written once and cut into parts.
 * part: (varint(bytes of the term) term varint(bytes of its list) list)…
 * Parts are found by their first term, kept as UTF-16BE so that bytes sort as JavaScript's strings do.
 */
export class SegmentWriter {
  readonly #db: IndexDatabase;
  readonly #segment: number;
  readonly #part = new ByteWriter(2 * partBytes);
  #first: string | null = null;
  #bytes = 0;

  constructor(db: IndexDatabase) {
    this.#db = db;
    this.#segment = db.run('insert into segments (level, bytes) values (?, 0)', unfinished);
  }

  /** Terms come in order. */
  add(term: string, list: Buffer): void {
    if (list.length > longList || this.#part.length >= partBytes) this.#endPart();
    this.#first ??= term;
    this.#part.varint(Buffer.byteLength(term));
    this.#part.text(term);
    this.#part.varint(list.length);
    this.#part.bytes(list);
    if (list.length > longList) this.#endPart();
  }

  /** From now on the segment is part of the index. */
  finish(level: number): void {
    this.#endPart();
    this.#db.run('update segments set level = ?, bytes = ? where id = ?', level, this.#bytes, this.#segment);
  }

  #endPart(): void {
    if (this.#first === null) return;
    this.#bytes += this.#part.length;
    this.#db.run(
      'insert into segment_parts (segment, first, body) values (?, ?, ?)',
      ...[this.#segment, keyOf(this.#first), this.#part.take()],
    );
    this.#first = null;
  }
}

export interface Entry {
  readonly term: string;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** The terms of a part, in order. */
export function* entriesOf(part: Buffer): Generator<Entry> {
  const reader = new ByteReader(part);
  while (!reader.isDone) {
    const termBytes = reader.varint();
    const at = reader.skip(termBytes);
    const term = part.toString('utf8', at, at + termBytes);
    const length = reader.varint();
    const start = reader.skip(length);
    yield { term, bytes: part, start, end: start + length };
  }
}

/** Where any of these terms stands: the groups of each session, older segments first. */
export function lookUp(db: IndexDatabase, { from, to }: TermRange): ReadonlyMap<number, readonly Group[]> {
  const found = new Map<number, Group[]>();
  for (const [segment] of db.rows<[number]>('select id from segments where level >= 0 order by id')) {
    const id = BigInt(segment);
    const parts = db.rows<[Buffer]>(
      `select body from segment_parts where segment = ? and first < ?
       and first >= coalesce((select max(first) from segment_parts where segment = ? and first <= ?), x'')
       order by first`,
      ...[id, keyOf(to), id, keyOf(from)],
    );
    for (const [part] of parts) {
      for (const { term, bytes, start, end } of entriesOf(part)) {
        if (term >= to) break;
        if (term >= from) for (const group of groupsOf(bytes, start, end)) put(found, group);
      }
    }
  }
  return found;
}

function put(found: Map<number, Group[]>, group: Group): void {
  const groups = found.get(group.session);
  if (groups === undefined) found.set(group.session, [group]);
  else groups.push(group);
}

function keyOf(term: string): Buffer {
  return Buffer.from(term, 'utf16le').swap16();
}
