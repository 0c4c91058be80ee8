import { join } from 'node:path';
import { ledgerName } from './layout.js';
import { readLedger } from './ledger-read.js';
import type { Retention } from './retention/retention.js';
import type { Sealer } from './sealing/sealer.js';
import type { Schedule } from './types.js';

/** What one round of upkeep did, in sessions. */
export interface UpkeepReport {
  readonly deleted: number;
  readonly sealed: number;
}

export interface UpkeepParts {
  readonly dir: string;
  readonly retention: Retention;
  readonly sealer: Sealer;
  readonly schedule: Schedule;
  readonly everyMs: number;
  readonly onProblem: (message: string, cause: unknown) => void;
}

/** What a recordings folder needs from time to time: what expired is deleted, what is old is packed. One round at a time. */
export class Upkeep {
  readonly #parts: UpkeepParts;
  #running: Promise<UpkeepReport> | null = null;
  #cancel: (() => void) | null = null;
  #stopped = false;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  /** Begins the first round soon, and one after the other from then on. */
  start(afterMs: number): void {
    if (this.#stopped) return;
    this.#cancel = this.#parts.schedule(() => {
      const { onProblem, everyMs } = this.#parts;
      void this.run()
        .catch((error: unknown) => onProblem('the upkeep of recordings failed; it is tried again', error))
        .finally(() => this.start(everyMs));
    }, afterMs);
  }

  /** A round now, or the one under way. */
  run(): Promise<UpkeepReport> {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** No more rounds; waits for the one under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#running?.catch(() => undefined);
  }

  async #run(): Promise<UpkeepReport> {
    const { dir, retention, sealer } = this.#parts;
    const deleted = await retention.run();
    const { sessions } = await readLedger(join(dir, ledgerName), new Map(), 'none');
    return { deleted, sealed: await sealer.run(sessions.values()) };
  }
}
