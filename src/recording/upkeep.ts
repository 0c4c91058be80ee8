import { join } from 'node:path';
import { ledgerName } from './layout.js';
import { readLedger } from './ledger-read.js';
import type { Archive, ArchivedSession } from './objects/archive.js';
import type { Retention } from './retention/retention.js';
import type { Sealer } from './sealing/sealer.js';
import type { Schedule } from './types.js';

const soonMs = 1000;
const firstRetryMs = 5000;
const lastRetryMs = 300_000;
const roundMs = 3_600_000;

/** What one round of upkeep did, in sessions. */
export interface UpkeepReport {
  readonly deleted: number;
  readonly sealed: number;
  /** Stored in the object store and read back. */
  readonly stored: number;
  /** Removed from this disk, being in the object store. */
  readonly offloaded: number;
  /** Still to be stored. */
  readonly left: number;
}

export interface UpkeepParts {
  readonly dir: string;
  readonly retention: Retention;
  readonly sealer: Sealer;
  readonly archive: Archive | null;
  readonly schedule: Schedule;
  readonly onProblem: (message: string, cause: unknown) => void;
}

/**
 * What a recordings folder needs from time to time: what expired is deleted, what is old is packed, everything is stored
 * elsewhere too. A round over the whole ledger at the start and every hour; a short one when a session has ended.
 */
export class Upkeep {
  readonly #parts: UpkeepParts;
  /** To be stored elsewhere. */
  readonly #waiting = new Map<string, ArchivedSession>();
  #turn: Promise<unknown> = Promise.resolve();
  #cancelRound: (() => void) | null = null;
  #cancelShort: (() => void) | null = null;
  #retryMs = firstRetryMs;
  #stopped = false;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  /** Begins the first round soon, and one after the other from then on. */
  start(afterMs = soonMs): void {
    if (this.#stopped) return;
    this.#cancelRound = this.#parts.schedule(() => {
      const failed = (error: unknown): void =>
        this.#parts.onProblem('the upkeep of recordings failed; it is tried again', error);
      void this.run()
        .catch(failed)
        .finally(() => this.start(roundMs));
    }, afterMs);
  }

  /** A session has ended: it is stored elsewhere within seconds. */
  sessionClosed(session: ArchivedSession): void {
    if (this.#parts.archive === null) return;
    this.#waiting.set(session.id, session);
    this.#storeIn(soonMs);
  }

  /** A whole round, after the one under way. */
  run(): Promise<UpkeepReport> {
    return this.#alone(async () => {
      const { dir, retention, sealer, archive } = this.#parts;
      const deleted = await retention.run();
      const { sessions } = await readLedger(join(dir, ledgerName), new Map(), 'none');
      const sealed = await sealer.run(sessions.values());
      if (archive === null) return { deleted, sealed, stored: 0, offloaded: 0, left: 0 };
      const { stored, removedHere: offloaded, left } = await archive.run(sessions.values());
      for (const session of sessions.values()) {
        if (session.closed !== null && session.deleted === null) this.#waiting.set(session.id, session);
      }
      this.#forgetStored(archive);
      return { deleted, sealed, stored, offloaded, left };
    });
  }

  /** No more rounds; waits for the one under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRound?.();
    this.#cancelShort?.();
    await this.#turn;
    this.#parts.archive?.close();
  }

  #storeIn(ms: number): void {
    if (this.#stopped || this.#cancelShort !== null) return;
    this.#cancelShort = this.#parts.schedule(() => {
      this.#cancelShort = null;
      void this.#alone(() => this.#storeWaiting());
    }, ms);
  }

  async #storeWaiting(): Promise<void> {
    const { archive } = this.#parts;
    if (archive === null) return;
    await archive.run(this.#waiting.values());
    this.#forgetStored(archive);
  }

  #forgetStored(archive: Archive): void {
    for (const { id, path, closed } of this.#waiting.values()) {
      if (path === null || closed?.head === null || archive.isStored(path)) this.#waiting.delete(id);
    }
    if (this.#waiting.size === 0) this.#retryMs = firstRetryMs;
    else {
      this.#storeIn(this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, lastRetryMs);
    }
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work, work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }
}
