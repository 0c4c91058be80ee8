import type { UsageBook } from '../sessions/usage.js';
import type { UsageStore } from '../sessions/usage-store.js';

const tickMs = 5_000;
const minuteMs = 60_000;
const keptMinutes = 60;

export interface UsageKeeperParts {
  readonly store: UsageStore;
  /** Whose counts these are: the gateway's public URL. */
  readonly gateway: string;
  readonly book: UsageBook;
  readonly clock: () => number;
  readonly onProblem: (message: string, cause: unknown) => void;
}

/**
 * Keeps what identities did in the last hour over a restart. Counting is in memory; every few seconds, and at the end,
 * what has changed goes to the store. A gateway that is killed forgets those seconds.
 */
export class UsageKeeper {
  readonly #parts: UsageKeeperParts;
  readonly #timer: NodeJS.Timeout;

  constructor(parts: UsageKeeperParts) {
    this.#parts = parts;
    const { store, gateway, book, clock } = parts;
    for (const { identity, minute, counts } of store.load(gateway, this.#oldest()))
      book.of(identity).restore([[minute, ...counts]], clock());
    this.#timer = setInterval(() => this.save(), tickMs).unref();
  }

  /** Never throws: what could not be written is written with the next. */
  save(): void {
    const { store, gateway, book, clock, onProblem } = this.#parts;
    book.forget(clock());
    const changed = book.changed(clock());
    if (changed.length === 0) return;
    try {
      store.save(gateway, changed, this.#oldest());
      book.kept();
    } catch (error) {
      onProblem('what identities did in the last hour cannot be written', error);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.save();
  }

  /** The last minute that counts no more. */
  #oldest(): number {
    return Math.floor(this.#parts.clock() / minuteMs) - keptMinutes;
  }
}
