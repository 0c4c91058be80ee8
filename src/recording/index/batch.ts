import type { IndexDatabase } from './database.js';
import { blockBits, blockIdBits, decodeBlock, encodeBlock, type EncodedBlock } from './operation-block.js';
import type { OperationRow } from './operation-row.js';
import { Postings } from './postings.js';
import { SegmentWriter } from './segments.js';
import { mark } from './terms.js';

const blockScale = 2 ** blockIdBits;

/** Something that has rows of its own to write. */
interface Unwritten {
  write(): void;
}

/** What was read from journals and is not in the database yet: blocks of operations, terms, and whose sessions they are. */
export class IndexBatch {
  readonly postings = new Postings();
  readonly #db: IndexDatabase;
  readonly #blocks = new Map<number, EncodedBlock>();
  readonly #sessions = new Set<Unwritten>();

  constructor(db: IndexDatabase) {
    this.#db = db;
  }

  get isEmpty(): boolean {
    return this.#sessions.size === 0;
  }

  /** Numbers in memory, about what it takes to write them. */
  get size(): number {
    return this.postings.size;
  }

  /** A session that has to be written with the rest. */
  add(session: Unwritten): void {
    this.#sessions.add(session);
  }

  /** The operations of one block, as they are now. */
  load(session: number, block: number): OperationRow[] {
    const id = session * blockScale + block;
    const body =
      this.#blocks.get(id)?.body ?? this.#db.row<[string]>('select body from blocks where id = ?', BigInt(id))?.[0];
    return body === undefined ? [] : decodeBlock(body);
  }

  store(session: number, block: number, rows: ReadonlyMap<number, OperationRow>): void {
    for (const row of rows.values()) this.#index(session, row);
    this.#blocks.set(session * blockScale + block, encodeBlock(rows.values()));
  }

  /** What was said of an operation no longer holds, as when it turns out to be another one's preparation. */
  doubt(session: number, op: number): void {
    this.postings.addMark(mark.changed, session, op);
  }

  #index(session: number, row: OperationRow): void {
    if (row.indexed === 'yes') return;
    const { op } = row;
    const { postings } = this;
    if (row.indexed === 'no') {
      postings.addTexts('effects', row.effects, session, op);
      for (const parameter of row.parameters) if (parameter !== null) postings.addText('any', parameter, session, op);
    } else if (row.kind !== 'terminal') this.doubt(session, op);
    postings.addText('any', row.text, session, op);
    postings.addMark(row.verdict === null ? mark.all : mark.verdict(row.verdict), session, op);
    postings.addTexts('policies', row.policies, session, op);
    if (row.error !== null) {
      postings.addMark(mark.failed, session, op);
      postings.addText('error', row.error, session, op);
    }
    postings.addText('people', row.people, session, op);
    if (row.request !== null) postings.addText('any', row.request, session, op);
    row.indexed = 'yes';
  }

  /** Inside a transaction: writes everything and begins anew. */
  write(): void {
    for (const session of this.#sessions) session.write();
    for (const [id, { body, fromAt, toAt }] of this.#blocks) {
      const isEmpty = fromAt > toAt;
      if (isEmpty) this.#db.run('delete from blocks where id = ?', BigInt(id));
      else {
        this.#db.run('insert or replace into blocks (id, from_at, to_at, body) values (?, ?, ?, ?)', BigInt(id), fromAt, toAt, body); // prettier-ignore
      }
    }
    if (this.postings.size > 0) {
      const segment = new SegmentWriter(this.#db);
      this.postings.drain((term, list) => segment.add(term, list));
      segment.finish(0);
    }
    this.#sessions.clear();
    this.#blocks.clear();
  }

  /** What was gathered will be read again. */
  forget(): void {
    this.postings.clear();
    this.#sessions.clear();
    this.#blocks.clear();
  }
}

/** Which block an operation stands in. */
export function blockOf(op: number): number {
  return op >> blockBits;
}
