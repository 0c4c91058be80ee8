import { join } from 'node:path';
import { messageOf } from '../../lib/errors.js';
import { JournalOpener } from '../encryption/journal-opener.js';
import type { Identity } from '../encryption/recipients.js';
import { isJournalPath, ledgerName } from '../layout.js';
import { readLedger, type LedgerSession } from '../ledger-read.js';
import { JournalBytes } from '../sealing/journal-bytes.js';
import { IndexBatch } from './batch.js';
import type { IndexDatabase } from './database.js';
import { EventReader } from './event-reader.js';
import { forgetSession } from './forget.js';
import type { Grown, IndexNote } from './messages.js';
import { SegmentMerge } from './segment-merge.js';
import { JournalTail } from './tail.js';
import { SessionWriter, type SessionCounters } from './writer.js';

/** A question waits no longer than this for what is being read. */
const stepMs = 50;
const mergeMs = 20;
/** With so many numbers in memory what was read is written, even while there is more. */
const maxBatch = 1_000_000;

interface Following {
  readonly id: string;
  readonly path: string;
  tail: JournalTail;
  /** Null until the opening has been read. */
  writer: SessionWriter | null;
  bytes: number;
  /** No more will come once everything up to `bytes` is read. */
  over: boolean;
}

/**
 * Reads journals into the index as they grow. A `step` is short, so that questions come between. What was read is in memory
 * until `write`, and is read again from the journals if it is lost there.
 */
export class Indexer {
  readonly #db: IndexDatabase;
  readonly #batch: IndexBatch;
  readonly #dir: string;
  readonly #onProblem: (problem: string) => void;
  readonly #identities: readonly Identity[];
  readonly #following = new Map<string, Following>();
  /** Those with something to read. */
  readonly #behind = new Set<Following>();
  /** What the ledger knows and the index has yet to look at, newest first. */
  #backlog: LedgerSession[] = [];
  #merge: SegmentMerge | null = null;
  readonly #reader = new EventReader();

  constructor(
    db: IndexDatabase,
    dir: string,
    onProblem: (problem: string) => void,
    identities: readonly Identity[] = [],
  ) {
    this.#db = db;
    this.#batch = new IndexBatch(db);
    this.#dir = dir;
    this.#onProblem = onProblem;
    this.#identities = identities;
  }

  get isBehind(): boolean {
    return this.#behind.size > 0;
  }

  get hasBacklog(): boolean {
    return this.#backlog.length > 0;
  }

  /** Something was read and not written. */
  get hasUnwritten(): boolean {
    return !this.#batch.isEmpty;
  }

  note(note: Exclude<IndexNote, { type: 'catch up' }>): void {
    switch (note.type) {
      case 'grown':
        for (const grown of note.sessions) this.#follow(grown, false);
        return;
      case 'unrecorded opened':
        this.write();
        this.#inTransaction(() => {
          forgetSession(this.#db, note.open.session);
          SessionWriter.create(this.#db, this.#batch, note.open, null).apply(note.open);
        });
        return;
      case 'unrecorded closed':
        this.#endSession(note.id, note.at, note.reason);
        return;
      case 'deleted':
        this.#following.delete(note.id);
        this.write();
        this.#inTransaction(() => forgetSession(this.#db, note.id));
        return;
      case 'abandoned': {
        const following = this.#following.get(note.id);
        this.#inTransaction(() => {
          while (following !== undefined && this.#behind.has(following)) this.#read(following);
        });
        this.write();
        this.#following.delete(note.id);
        this.#endSession(note.id, note.at, note.reason);
        return;
      }
    }
  }

  /** Reads for a while: first the journals that have grown, then those of the backlog. */
  step(forMs = stepMs): void {
    const until = performance.now() + forMs;
    this.#inTransaction(() => {
      do {
        const [next] = this.#behind;
        if (next !== undefined) this.#read(next);
        else {
          const session = this.#backlog.pop();
          if (session === undefined) return;
          this.#catchUpWith(session);
        }
      } while (performance.now() < until && this.#batch.size < maxBatch);
    });
    if (this.#batch.size >= maxBatch) this.write();
  }

  /** From now on what was read can be found, and is not read again. */
  write(): void {
    if (!this.#batch.isEmpty) this.#inTransaction(() => this.#batch.write());
  }

  /** Joins segments for a while, if there are many. False when there is nothing to do. */
  tidy(forMs = mergeMs): boolean {
    const until = performance.now() + forMs;
    if (this.#merge === null && !SegmentMerge.isDue(this.#db)) return false;
    this.#inTransaction(() => {
      const merge = (this.#merge ??= SegmentMerge.start(this.#db));
      if (merge.step(until)) this.#merge = null;
    });
    return true;
  }

  /** What was read and not kept is read again, from where the index is. */
  #inTransaction(work: () => void): void {
    try {
      this.#db.transaction(work);
    } catch (error) {
      this.#following.clear();
      this.#behind.clear();
      this.#batch.forget();
      this.#merge = null;
      throw error;
    }
  }

  /** Finds every session that the ledger knows and the index has not read to its end. Returns how many the ledger has. */
  async catchUp(live: ReadonlySet<string>): Promise<number> {
    const { sessions } = await readLedger(join(this.#dir, ledgerName), new Map(), 'none');
    this.write();
    const states = this.#db.rows<[string, string]>('select id, state from sessions');
    const known = new Set(states.map(([id]) => id));
    const done = new Set(states.flatMap(([id, state]) => (state === 'live' ? [] : [id])));
    for (const { id, deleted } of sessions.values()) {
      if (deleted !== null && known.has(id)) this.#inTransaction(() => forgetSession(this.#db, id));
    }
    this.#backlog = [...sessions.values()]
      .filter(({ id, deleted }) => deleted === null && !done.has(id) && !live.has(id))
      .reverse();
    return sessions.size;
  }

  /** Sessions to be read, newest first; those that were given before are read first. */
  give(sessions: readonly LedgerSession[]): void {
    this.#backlog = [...sessions, ...this.#backlog];
  }

  /** What is yet to be looked at is somebody else's now. */
  takeBacklog(): readonly LedgerSession[] {
    const backlog = this.#backlog;
    this.#backlog = [];
    return backlog;
  }

  #catchUpWith({ id, path, target, user, openedAt, closed }: LedgerSession): void {
    if (path !== null && isJournalPath(path)) {
      const { size } = new JournalBytes(join(this.#dir, path));
      if (size !== null) this.#follow({ id, path, bytes: size }, true);
      return;
    }
    // Mode `off`: the ledger is all there is.
    this.#db.run(
      `insert or ignore into sessions (id, target, user, user_kind, client, via, started_at, state, recording, who)
       values (?, ?, ?, 'human', '', 'tunnel', ?, 'live', 'off', '{}')`,
      ...[id, target, user, openedAt],
    );
    if (closed !== null) this.#endSession(id, closed.at, closed.reason);
  }

  /** Ends a session whose journal says nothing of its end. */
  #endSession(id: string, at: number, reason: string): void {
    this.#db.run(
      `update sessions set state = ?, ended_at = ?, end_reason = ? where id = ? and state = 'live'`,
      ...[reason === 'interrupted' ? 'interrupted' : 'closed', Math.trunc(at), reason, id],
    );
  }

  /** Forgets what is being followed; `IndexDatabase.clear` has emptied the tables. */
  reset(): void {
    this.#following.clear();
    this.#behind.clear();
    this.#backlog = [];
    this.#batch.forget();
    this.#merge = null;
  }

  #follow({ id, path, bytes }: Grown, over: boolean): void {
    let following = this.#following.get(id);
    if (following === undefined) {
      following = this.#open(id, path);
      this.#following.set(id, following);
    }
    following.bytes = Math.max(following.bytes, bytes);
    following.over ||= over;
    this.#behind.add(following);
  }

  #open(id: string, path: string): Following {
    type Known = [
      seq: number,
      ops: number,
      denied: number,
      rows: number,
      fromAt: number | null,
      toAt: number | null,
      bytes: number,
      records: number,
      hash: Buffer | null,
    ];
    const known = this.#db.row<Known>(
      `select seq, operations, denied, rows, from_at, to_at, indexed_bytes, indexed_records, indexed_hash
       from sessions where id = ?`,
      id,
    );
    const file = join(this.#dir, path);
    const opener = new JournalOpener(file, this.#identities);
    if (known === null) {
      const tail = new JournalTail(file, { bytes: 0, records: 0, hash: null }, opener, this.#reader);
      return { id, path, tail, writer: null, bytes: 0, over: false };
    }
    const [seq, operations, denied, rows, fromAt, toAt, bytes, records, hash] = known;
    const counters: SessionCounters = { seq, operations, denied, rows, fromAt, toAt };
    const tail = new JournalTail(file, { bytes, records, hash }, opener, this.#reader);
    return { id, path, tail, writer: new SessionWriter(this.#db, this.#batch, counters), bytes: 0, over: false };
  }

  /** Inside a transaction. What is sound of a damaged journal is kept: it may be all that tells of it. */
  #read(following: Following): void {
    let damage: string | null = null;
    let more = false;
    try {
      more = following.tail.read(following.bytes, !following.over, (event) => {
        if (event.type === 'open') {
          following.writer ??= SessionWriter.create(this.#db, this.#batch, event, following.path);
        }
        following.writer?.apply(event);
      });
    } catch (error) {
      damage = messageOf(error);
    }
    following.writer?.settle(following.tail.position);
    if (!more) this.#behind.delete(following);
    if (damage !== null) this.#onProblem(`${following.id} cannot be indexed: ${damage}`);
    if (damage !== null || (following.over && !more)) this.#following.delete(following.id);
  }
}
