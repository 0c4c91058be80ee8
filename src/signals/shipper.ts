import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sink } from './sinks.js';
import type { Spool, SpoolPosition } from './spool.js';

const firstRetryMs = 500;
const maxRetryMs = 60_000;

export interface ShipperOptions {
  readonly dir: string;
  readonly spool: Spool;
  readonly onDelivered: () => void;
  readonly onProblem: (message: string, cause: unknown) => void;
}

/** Brings everything in the spool to one sink, in order, again and again until it has arrived. */
export class Shipper {
  readonly #sink: Sink;
  readonly #options: ShipperOptions;
  readonly #stop = new AbortController();
  #at: SpoolPosition = { sequence: 0, segment: null, offset: 0 };
  #wake: (() => void) | null = null;
  #running: Promise<void> | null = null;
  #failures = 0;
  #draining = false;

  private constructor(sink: Sink, options: ShipperOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  static async start(sink: Sink, options: ShipperOptions): Promise<Shipper> {
    const shipper = new Shipper(sink, options);
    const saved = await readFile(shipper.#cursor, 'utf8').catch(() => '0');
    shipper.#at = { sequence: Number.parseInt(saved, 10) || 0, segment: null, offset: 0 };
    shipper.#running = shipper.#run();
    return shipper;
  }

  /** Everything up to here has arrived. */
  get delivered(): number {
    return this.#at.sequence;
  }

  wake(): void {
    if (this.#failures === 0) this.#wakeNow();
  }

  /** Stops after one last try at what is left; what does not arrive now does after the next start. */
  async stop(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#abort(), graceMs);
    this.#draining = true;
    if (this.#failures > 0) this.#abort();
    else this.#wakeNow();
    await this.#running;
    clearTimeout(timer);
  }
  #abort(): void {
    this.#stop.abort();
    this.#wakeNow();
  }

  #wakeNow(): void {
    this.#wake?.();
    this.#wake = null;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const moved = await this.#deliverSome(signal);
      if (moved) continue;
      if (this.#draining && this.#failures === 0) return;
      await this.#wait(this.#failures === 0 ? null : backoffMs(this.#failures));
    }
  }

  async #deliverSome(signal: AbortSignal): Promise<boolean> {
    const { spool, onDelivered, onProblem } = this.#options;
    try {
      const { lines, next } = await spool.read(this.#at);
      const [first, last] = [lines.at(0), lines.at(-1)];
      if (first === undefined || last === undefined) return false;
      await this.#sink.deliver({ first: first.sequence, last: last.sequence, lines }, signal);
      this.#at = next;
      await writeFile(`${this.#cursor}.new`, `${last.sequence}\n`, { mode: 0o600 });
      await rename(`${this.#cursor}.new`, this.#cursor);
      this.#failures = 0;
      onDelivered();
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (this.#failures++ === 0)
        onProblem(`audit events do not reach ${this.#sink.id}; they are kept and sent again`, error);
      return false;
    }
  }

  #wait(ms: number | null): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = ms === null ? undefined : setTimeout(() => this.#wakeNow(), ms).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (ms === null && this.#options.spool.state.sequence > this.delivered) this.#wakeNow();
    });
  }

  get #cursor(): string {
    return join(this.#options.dir, `${this.#sink.id}.cursor`);
  }
}

/** Doubling, with a little chance, so that many gateways do not come back in step. */
function backoffMs(failures: number): number {
  return Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(failures - 1, 10)) * (0.75 + Math.random() / 2);
}
