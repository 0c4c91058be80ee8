import { within } from './deadline.js';

interface Stop {
  readonly begin: () => Promise<void>;
  readonly cut: () => void;
}

/** What must be closed, in which order, when the gateway ends or fails to start. */
export class Shutdown {
  readonly #stops: Stop[] = [];
  readonly #drains: ((graceMs: number) => Promise<void>)[] = [];
  readonly #closes: (() => Promise<void> | void)[] = [];
  #done: Promise<void> | null = null;

  /** Stops taking anything new. `begin` may wait for what is under way; `cut` ends that when its time is over. */
  stop(begin: () => Promise<void>, cut: () => void): void {
    this.#stops.push({ begin, cut });
  }

  /** Ends what is under way, within the grace. */
  drain(work: (graceMs: number) => Promise<void>): void {
    this.#drains.push(work);
  }

  /** Closes what everything else stood on; the last opened is closed first. */
  close(work: () => Promise<void> | void): void {
    this.#closes.unshift(work);
  }

  /** Idempotent. Every step runs, whatever another one throws; the first failure is thrown at the end. */
  run(graceMs: number): Promise<void> {
    this.#done ??= this.#run(graceMs);
    return this.#done;
  }

  async #run(graceMs: number): Promise<void> {
    const failures: unknown[] = [];
    const attempt = async (work: () => Promise<void> | void): Promise<void> => {
      try {
        await work();
      } catch (error) {
        failures.push(error);
      }
    };
    const stopping = Promise.all(this.#stops.map(({ begin }) => attempt(begin)));
    for (const drain of this.#drains) await attempt(() => drain(graceMs));
    // Requests that drained sessions were answering end now; what does not is cut.
    await within(stopping, Math.min(graceMs, 1_000), undefined);
    for (const { cut } of this.#stops) await attempt(cut);
    await stopping;
    for (const close of this.#closes) await attempt(close);
    if (failures.length > 0) throw failures[0];
  }
}
