import { isSluiceError, messageOf, SluiceError } from '../lib/errors.js';
import { ChainQueue, sha256, type BufferPool, type ChainHead } from './chain.js';
import type { CommitLog, CommittingJournal } from './commit-log.js';
import type { Recipient } from './encryption/recipients.js';
import { RecordCipher } from './encryption/record-cipher.js';
import { newSessionKey, wrapSessionKey } from './encryption/session-key.js';
import { encodeBinding, encodeEvent, encodeRecipients } from './event-encoder.js';
import type { EndEvent, OpenEvent, SessionEvent } from './events.js';
import type { Pulse } from './pulse.js';
import { formatVersion, journalHeader } from './records.js';
import { isNoSpace, type DiskReserve } from './reserve.js';
import { appendCheckpoint, type SigningKey } from './signing.js';
import { SyncedFile, type WriteSome } from './synced-file.js';

const recordsPerCheckpoint = 1000;
/** More than this is written ahead of its commit, so that a careless engine cannot fill memory. */
const maxQueuedBytes = 256 * 1024;
/** How often a journal that is written to looks whether its file is still there. */
const lookEveryMs = 100;
/** Of what could not be written, this much is tried again at the end; the reserve must do for every session. */
const maxRescuedBytes = 16 * 1024;

/** What journals share within one gateway. */
export interface JournalServices {
  readonly key: SigningKey;
  readonly gateway: string;
  readonly pool: BufferPool;
  readonly reserve: DiskReserve;
  readonly clock: () => number;
  /** Journals whose last writes are not on the disk yet. */
  readonly unsynced: Pulse<Journal>;
  /** Journals whose last records are not signed yet. */
  readonly unsigned: Pulse<Journal>;
  readonly writeSome?: WriteSome;
  /** Who can read what is recorded; none: it is not encrypted. */
  readonly recipients?: readonly Recipient[];
}

/** Where a journal's writes are made safe with those of others. */
interface Group {
  /** Null where there is none: then each journal is synced by itself. */
  readonly log: () => CommitLog | null;
  /** The journal's path relative to the log's folder, with slashes. */
  readonly place: string;
  /** Nothing goes on before it is safe; otherwise it is a moment later, by itself. */
  readonly isDurable: boolean;
}

export interface JournalOptions extends JournalServices {
  readonly path: string;
  /** Null: writes reach the disk a moment later, in this file alone. */
  readonly group?: Group | null;
}

/** The file of one session, being written: header, then chained records, with signatures among them. */
export class Journal implements CommittingJournal {
  readonly path: string;
  /** Chain hash of the first record, which the ledger keeps. */
  readonly firstHash: Buffer;
  readonly #file: SyncedFile;
  readonly #queue: ChainQueue;
  readonly #services: JournalServices;
  /** Its binding names it, so a journal keeps it to its end whatever key others are signed with by then. */
  readonly #key: SigningKey;
  readonly #group: Group | null;
  readonly #isDurable: boolean;
  /** Has been given some of this journal's bytes. */
  #log: CommitLog | null = null;
  /** Up to here the file is on the disk, or is about to be and fails the journal otherwise. */
  #syncedTo = 0;
  /** Resolves when everything written so far is safe; null when it is. */
  #safe: Promise<void> | null = null;
  #signedCount = 0;
  /** Rounds of `unsynced` and `unsigned` that this one is already in. */
  #syncRound = 0;
  #signRound = 0;
  #broken: SluiceError | null = null;
  #ended = false;
  #lookedAt: number;

  private constructor(file: SyncedFile, open: OpenEvent, { path, group = null, ...services }: JournalOptions) {
    this.path = path;
    this.#group = group;
    this.#isDurable = group?.isDurable ?? false;
    this.#key = services.key;
    this.#file = file;
    this.#services = services;
    this.#lookedAt = services.clock();
    this.#queue = new ChainQueue(services.pool, { count: 0, hash: sha256(journalHeader) });
    this.#queue.append(encodeBinding, {
      at: open.at,
      version: formatVersion,
      session: open.session,
      gateway: services.gateway,
      key: this.#key.id,
    });
    this.firstHash = this.#queue.head();
    this.#queue.append(encodeEvent, open);
    this.#encryptFor(services.recipients ?? [], open);
  }

  /** The key is made here and kept in memory only: once the session is over, only the recipients have it. */
  #encryptFor(recipients: readonly Recipient[], { session, at }: OpenEvent): void {
    if (recipients.length === 0) return;
    const key = newSessionKey();
    const keys = recipients.map((recipient) => wrapSessionKey(key, session, recipient));
    this.#queue.append(encodeRecipients, { at, keys });
    const cipher = new RecordCipher(key);
    this.#queue.sealBodiesWith((out, start, time) => cipher.seal(out, start, time));
  }

  /** Creates the file with its binding, opening and first signature, and syncs it. Throws what the file system throws. */
  static async create(open: OpenEvent, options: JournalOptions): Promise<Journal> {
    const file = SyncedFile.create(options.path, options.writeSome);
    try {
      const journal = new Journal(file, open, options);
      file.write(journalHeader);
      journal.#sign();
      file.write(journal.#queue.pending());
      journal.#queue.clear();
      await file.sync();
      journal.#syncedTo = file.position;
      return journal;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Bytes of whole records in the file. */
  get bytes(): number {
    return this.#file.position;
  }
  get place(): string {
    return this.#group?.place ?? '';
  }
  get written(): ChainHead {
    return this.#queue.written;
  }
  get broken(): SluiceError | null {
    return this.#broken;
  }

  /** Queues an event. A failure shows at the next `flush`. */
  append(event: SessionEvent): void {
    if (this.#broken !== null || this.#ended) return;
    try {
      this.#queue.join(event);
      if (this.#queue.bytes > maxQueuedBytes) this.flush();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Writes everything queued in one go. Throws recorder_failed, for ever after the first time. */
  flush(): void {
    if (this.#broken !== null) throw this.#broken;
    if (this.#ended) throw new SluiceError('recorder_failed', 'the record of this session is closed');
    if (this.#queue.bytes === 0) return;
    if (this.#services.reserve.isFull && !this.#services.reserve.restore()) throw this.#fail(noSpaceLeft());
    try {
      this.#lookForFile();
      if (this.#queue.count - this.#signedCount >= recordsPerCheckpoint) this.#sign();
      this.#writeQueued();
    } catch (error) {
      throw this.#fail(error);
    }
    const { unsynced, unsigned } = this.#services;
    if (!this.#isDurable && this.#syncRound !== unsynced.round) {
      this.#syncRound = unsynced.round;
      unsynced.add(this);
    }
    if (this.#signRound !== unsigned.round) {
      this.#signRound = unsigned.round;
      unsigned.add(this);
    }
  }

  /**
   * Of a durable journal: a promise that resolves when everything flushed survives a power cut and rejects with
   * recorder_failed; undefined when it does already.
   */
  safe(): Promise<void> | undefined {
    return this.#safe ?? undefined;
  }

  /** Resolves when everything written is on the disk; rejects with recorder_failed. */
  async sync(): Promise<void> {
    if (this.#broken !== null) throw this.#broken;
    this.#services.unsynced.remove(this);
    this.#syncRound = 0;
    this.#syncedTo = this.#file.position;
    try {
      await this.#file.sync();
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** As `sync`, at the cost of one sync for all that do it now. */
  async syncWithOthers(): Promise<void> {
    if (this.#broken !== null) throw this.#broken;
    const from = this.#syncedTo;
    const to = this.#file.position;
    const log = this.#group?.log() ?? null;
    if (log === null || to - from > log.mostBytes) return await this.sync();
    this.#log = log;
    this.#syncedTo = to;
    try {
      await log.add(this, from, this.#file.readBack(from));
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Brings the file itself to the disk, for the commit log. */
  syncFile(): Promise<void> {
    return this.#file.sync();
  }

  /** Signs what is not signed yet; a failure shows at the next `flush`. */
  checkpoint(): void {
    if (this.#broken !== null || this.#ended || this.#queue.count === this.#signedCount) return;
    try {
      this.#sign();
      this.flush();
    } catch (error) {
      this.#fail(error);
    }
    this.#services.unsigned.remove(this);
    this.#signRound = 0;
  }

  /** Closes the file as it is: the session has not begun. */
  async abandon(): Promise<void> {
    this.#ended = true;
    this.#queue.rollback();
    await this.#close();
  }

  /** Writes the end and its signature, syncs and closes. Rejects when even that cannot be written; then recovery does it. */
  async end(event: EndEvent): Promise<ChainHead> {
    this.#ended = true;
    this.#services.unsynced.remove(this);
    this.#services.unsigned.remove(this);
    try {
      this.#writeEnd(event);
      await this.#file.sync();
      return this.#queue.written;
    } finally {
      this.#queue.rollback();
      await this.#close();
    }
  }

  async #close(): Promise<void> {
    this.#log?.forget(this);
    await this.#file.close();
  }

  #writeEnd(event: EndEvent): void {
    if (this.#broken !== null && this.#queue.bytes > maxRescuedBytes) this.#queue.rollback();
    try {
      this.#appendEnd(event);
      this.#writeQueued();
    } catch (error) {
      // Once more, with the reserve and without what was never confirmed as recorded.
      this.#fail(error);
      this.#queue.rollback();
      this.#appendEnd({ ...event, reason: 'recorder failed', detail: messageOf(error) });
      this.#writeQueued();
    }
  }

  #lookForFile(): void {
    const now = this.#services.clock();
    if (Math.abs(now - this.#lookedAt) < lookEveryMs) return;
    this.#lookedAt = now;
    if (!this.#file.isInPlace) throw new Error('its file is gone');
  }

  #appendEnd(event: EndEvent): void {
    this.#queue.append(encodeEvent, event);
    this.#sign();
  }

  #sign(): void {
    appendCheckpoint(this.#queue, this.#key, this.#services.clock());
    this.#signedCount = this.#queue.count;
  }

  #writeQueued(): void {
    const bytes = this.#queue.pending();
    const offset = this.#file.position;
    this.#file.write(bytes);
    // The end is synced in the file itself, whatever the mode.
    if (this.#isDurable && !this.#ended) this.#makeSafe(offset, bytes);
    this.#queue.clear();
  }

  #makeSafe(offset: number, bytes: Uint8Array): void {
    this.#log ??= this.#group?.log() ?? null;
    const added = this.#log === null ? this.#file.sync() : this.#log.add(this, offset, bytes);
    const safe = (this.#safe === null ? added : Promise.all([this.#safe, added]).then(() => undefined)).then(
      () => {
        if (this.#safe === safe) this.#safe = null;
      },
      (error: unknown) => {
        throw this.#fail(error);
      },
    );
    safe.catch(() => undefined); // whoever commits sees it
    this.#safe = safe;
  }

  #fail(error: unknown): SluiceError {
    if (isNoSpace(error)) this.#services.reserve.release();
    this.#broken ??= isSluiceError(error, 'recorder_failed') ? error : recorderFailed(error);
    return this.#broken;
  }
}

/** Brings what these journals have written to the disk; a failure shows at a journal's next `flush`. */
export function syncTogether(journals: ReadonlySet<Journal>): void {
  const others = journals.size > 1;
  for (const journal of journals) (others ? journal.syncWithOthers() : journal.sync()).catch(() => undefined);
}

function noSpaceLeft(): Error {
  return Object.assign(new Error('no space left on the device'), { code: 'ENOSPC' });
}

function recorderFailed(cause: unknown): SluiceError {
  const why = isNoSpace(cause) ? 'the disk for recordings is full' : messageOf(cause);
  return new SluiceError('recorder_failed', `This session cannot go on: its record cannot be written (${why}).`, {
    decider: 'gateway',
    retryable: isNoSpace(cause),
    cause,
  });
}
