import { closeSync, fdatasync, openSync, writeSync } from 'node:fs';
import { encodeCommits, type CommitPart } from './commit-frame.js';

const defaultCapacity = 8 * 1024 * 1024;
const zeros = Buffer.alloc(256 * 1024);

/** A journal as the log needs it: its place, and a way to make all of it safe where it is. */
export interface CommittingJournal {
  /** Relative to the folder of the log, with slashes. */
  readonly place: string;
  syncFile(): Promise<void>;
}

/** How many writes were made safe, and with how many syncs. */
export interface CommitCounts {
  readonly commits: number;
  readonly syncs: number;
}

interface Batch {
  readonly parts: CommitPart[];
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export type SyncFile = (file: number, done: (error: Error | null) => void) => void;

/**
 * Group commit: what sessions have written to their own journals is written once more, one behind the other, into this
 * one file of fixed size, so that a single fdatasync makes the records of all of them safe: those of mode `durable`
 * before anything goes on, those of mode `strict` a moment later. The journals' own pages reach the disk when the operating system likes, at the latest before the log begins anew. After
 * a power cut `replayCommits` puts back what the journals lack. docs/recording-format.md, "commit.log"
 */
export class CommitLog {
  readonly #file: number;
  readonly #capacity: number;
  readonly #sync: SyncFile;
  /** Journals with something in this generation of the log that may not be on the disk in their own file. */
  #dirty = new Set<CommittingJournal>();
  #batch: Batch | null = null;
  #running: Promise<void> | null = null;
  #generation = 1;
  #position = 0;
  #broken = false;
  #commits = 0;
  #syncs = 0;

  private constructor(file: number, capacity: number, sync: SyncFile) {
    this.#file = file;
    this.#capacity = capacity;
    this.#sync = sync;
  }

  /** Takes its whole space at once, so that a full disk cannot stop it and a sync has no size to write down. */
  static create(path: string, capacity = defaultCapacity, sync: SyncFile = fdatasync): CommitLog {
    const file = openSync(path, 'wx', 0o600);
    try {
      for (let at = 0; at < capacity;) at += writeSync(file, zeros, 0, Math.min(zeros.length, capacity - at), at);
    } catch (error) {
      closeSync(file);
      throw error;
    }
    return new CommitLog(file, capacity, sync);
  }

  /** More bytes than this at once are made safe in their own file. */
  get mostBytes(): number {
    return this.#capacity / 16;
  }

  get counts(): CommitCounts {
    return { commits: this.#commits, syncs: this.#syncs };
  }

  /**
   * Resolves when these bytes, already written to the journal at `offset`, are on the disk. The bytes are copied. What
   * would fill too much of the log, and everything once the log itself has failed, is made safe in its own file.
   */
  add(journal: CommittingJournal, offset: number, bytes: Uint8Array): Promise<void> {
    this.#commits++;
    if (this.#broken || bytes.length > this.mostBytes) return this.#direct(journal);
    this.#dirty.add(journal);
    const batch = (this.#batch ??= newBatch());
    batch.parts.push({ place: journal.place, offset, bytes: Buffer.from(bytes) });
    this.#running ??= this.#run();
    return batch.done;
  }

  /** The journal is on the disk as a whole, or is given up. */
  forget(journal: CommittingJournal): void {
    this.#dirty.delete(journal);
  }

  /** Waits for what was added, then closes the file. */
  async close(): Promise<void> {
    while (this.#running !== null) await this.#running;
    closeSync(this.#file);
  }

  async #direct(journal: CommittingJournal): Promise<void> {
    this.#syncs++;
    await journal.syncFile();
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // whoever commits in this same turn joins the batch
    for (let batch = this.#batch; batch !== null; batch = this.#batch) {
      this.#batch = null;
      await this.#settle(batch);
    }
    this.#running = null;
  }

  async #settle(batch: Batch): Promise<void> {
    try {
      await this.#write(batch);
      batch.resolve();
      return;
    } catch {
      this.#broken = true; // what a failed sync has kept nobody knows: from now on every journal is synced by itself
    }
    try {
      await this.#syncJournals();
      batch.resolve();
    } catch (error) {
      batch.reject(error);
    }
  }

  async #write({ parts }: Batch): Promise<void> {
    const frame = encodeCommits(this.#generation, parts);
    if (this.#broken || this.#position + frame.length > this.#capacity) {
      await this.#syncJournals(); // this batch's with them
      this.#generation++;
      this.#position = 0;
      return;
    }
    for (let at = 0; at < frame.length;) {
      at += writeSync(this.#file, frame, at, frame.length - at, this.#position + at);
    }
    await this.#syncFile();
    this.#position += frame.length;
  }

  #syncFile(): Promise<void> {
    this.#syncs++;
    return new Promise((resolve, reject) => {
      this.#sync(this.#file, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  async #syncJournals(): Promise<void> {
    const journals = this.#dirty;
    this.#dirty = new Set();
    this.#syncs += journals.size;
    await Promise.all([...journals].map((journal) => journal.syncFile()));
  }
}

function newBatch(): Batch {
  let resolve: Batch['resolve'] = () => undefined;
  let reject: Batch['reject'] = () => undefined;
  const done = new Promise<void>((settle, fail) => {
    resolve = settle;
    reject = fail;
  });
  return { parts: [], done, resolve, reject };
}
