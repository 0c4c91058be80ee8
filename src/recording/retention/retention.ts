import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SluiceError } from '../../lib/errors.js';
import { isJournalPath, journalPaths, ledgerName, sessionOfPath } from '../layout.js';
import type { Ledger } from '../ledger.js';
import { readLedger, type LedgerSession } from '../ledger-read.js';
import { syncFolder } from '../sealing/seal.js';
import { sealedSuffix } from '../sealing/sealed-file.js';
import { daysKept, isExpired, type RetentionPolicy } from './policy.js';

/** Tombstones that share one signature. */
const batch = 100;

export interface RetentionParts {
  readonly dir: string;
  readonly ledger: Ledger;
  readonly policy: RetentionPolicy;
  readonly clock: () => number;
  readonly onProblem: (message: string, cause: unknown) => void;
  /** The session's tombstone is signed and its journal gone. */
  readonly onDeleted: (session: string, path: string) => Promise<void>;
}

/**
 * Deletes what is older than policy keeps it. The ledger is what decides, not a list beside it: only sessions that it
 * has closed, never one under a legal hold, and always the tombstone first.
 */
export class Retention {
  readonly #parts: RetentionParts;
  /** Tombstoned and on its way out: verification must not take the file that is still there for a forgery. */
  readonly #deleting = new Set<string>();
  /** Deleted since this began: who read the ledger a moment before knows no tombstone. */
  readonly #gone = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  wasDeleted(session: string): boolean {
    return this.#gone.has(session);
  }

  isDeleting(session: string): boolean {
    return this.#deleting.has(session);
  }

  /** Begins or ends a legal hold, signed in the ledger. One at a time with deleting: a hold is never a moment too late. */
  setHold(session: string, held: boolean, by: string, reason: string): Promise<void> {
    return this.#alone(async () => {
      const found = (await this.#sessions()).get(session);
      if (found === undefined) throw new SluiceError('not_found', `no session ${session}`);
      if (found.deleted !== null) {
        throw new SluiceError('conflict', `session ${session} was deleted: ${found.deleted.reason}`);
      }
      if (found.held === held) {
        throw new SluiceError('conflict', `session ${session} is ${held ? 'held already' : 'not held'}`, {
          decider: 'gateway',
          next: [{ command: `sluice sessions show ${session}`, when: 'to see it' }],
        });
      }
      const type = held ? 'session held' : 'session released';
      await this.#parts.ledger.append({ type, at: this.#parts.clock(), session, by, reason });
    });
  }

  /** Deletes what has expired, and what a crash between tombstone and deletion left. Returns how many. */
  run(): Promise<number> {
    return this.#alone(async () => {
      const sessions = await this.#sessions();
      const deleted = await this.#sweep(sessions);
      const { policy, clock } = this.#parts;
      const expired = [...sessions.values()].filter(
        ({ path, closed, held, deleted: tombstone, target }) =>
          path !== null &&
          isJournalPath(path) &&
          !held &&
          tombstone === null &&
          closed !== null &&
          isExpired(policy, target, closed.at, clock()),
      );
      for (let at = 0; at < expired.length; at += batch) await this.#delete(expired.slice(at, at + batch));
      return deleted + expired.length;
    });
  }

  #sessions(): Promise<ReadonlyMap<string, LedgerSession>> {
    // Its signatures were checked when it was opened; since then this process alone has written it.
    return readLedger(join(this.#parts.dir, ledgerName), new Map(), 'none').then(({ sessions }) => sessions);
  }

  async #delete(expired: readonly LedgerSession[]): Promise<void> {
    const { ledger, clock, policy } = this.#parts;
    for (const { id } of expired) this.#deleting.add(id);
    try {
      await Promise.all(
        expired.map(({ id, target, closed }) =>
          ledger.append({
            ...{ type: 'session deleted', at: clock(), session: id },
            ...{ records: closed?.records ?? 0, head: closed?.head ?? null },
            reason: `kept for ${daysKept(policy, target)} days`,
          }),
        ),
      );
      for (const { id, path } of expired) await this.#remove(id, path ?? '');
    } finally {
      for (const { id } of expired) this.#deleting.delete(id);
    }
  }

  async #sweep(sessions: ReadonlyMap<string, LedgerSession>): Promise<number> {
    let swept = 0;
    for await (const path of journalPaths(this.#parts.dir)) {
      const known = sessions.get(sessionOfPath(path));
      if (known?.path !== path || known.deleted === null) continue;
      await this.#remove(known.id, path);
      swept++;
    }
    return swept;
  }

  async #remove(id: string, path: string): Promise<void> {
    const { dir, onDeleted, onProblem } = this.#parts;
    const file = join(dir, path);
    try {
      this.#gone.add(id);
      for (const each of [file, `${file}${sealedSuffix}`, `${file}.torn`]) await rm(each, { force: true });
      await syncFolder(dirname(file));
      await onDeleted(id, path);
    } catch (error) {
      onProblem(`${id} is to be deleted and could not be; it is tried again`, error);
    }
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#turn;
    const mine = before.then(work, work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }
}
