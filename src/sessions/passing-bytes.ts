import type { SessionRecorder } from '../recording/events.js';

const stepBytes = 1024 * 1024;
const everyMs = 10_000;

export interface PassingBytesOptions {
  readonly recorder: SessionRecorder;
  /** The operation whose record stands for the first MiB. */
  readonly op: number;
  /** "of input", "through it": what the bytes are. */
  readonly what: string;
  readonly now: () => number;
}

/**
 * Bytes that are counted and not kept. That they may pass is on record before they do, MiB by MiB and after a while: so a
 * record that cannot be written stops them, and one that ends early says how many there were at most.
 */
export class PassingBytes {
  readonly #options: PassingBytesOptions;
  #total = 0;
  #noted = stepBytes;
  #notedAt: number;

  constructor(options: PassingBytesOptions) {
    this.#options = options;
    this.#notedAt = options.now();
  }

  get total(): number {
    return this.#total;
  }

  /** These are about to pass; whoever calls commits before they do. */
  add(bytes: number): void {
    const { recorder, op, what, now } = this.#options;
    const at = now();
    this.#total += bytes;
    if (this.#total <= this.#noted && at - this.#notedAt < everyMs) return;
    this.#noted = Math.max(this.#noted, Math.ceil(this.#total / stepBytes) * stepBytes);
    this.#notedAt = at;
    recorder.append({
      type: 'notice',
      at,
      op,
      code: 'passing',
      message: `at most ${this.#noted} bytes ${what} so far`,
    });
  }
}
