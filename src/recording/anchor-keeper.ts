import { messageOf } from '../lib/errors.js';
import { anchorOf, type LedgerAnchor } from './anchor.js';
import type { SignedHead } from './ledger.js';
import type { Schedule } from './types.js';

/** A place outside where anchors are kept: a file elsewhere, a webhook, an object store. */
export interface AnchorSink {
  /** For messages; holds no secret. */
  readonly name: string;
  /** Resolves when the anchor is kept there. Called with one at a time. */
  put(anchor: LedgerAnchor, signal: AbortSignal): Promise<void>;
  close?(): void;
}

export interface AnchorKeeperOptions {
  readonly sinks: readonly AnchorSink[];
  readonly gateway: string;
  readonly intervalMs: number;
  readonly schedule: Schedule;
  readonly onProblem: (message: string, cause: unknown) => void;
}

const putMs = 10_000;
const lastPutMs = 5_000;

interface Kept {
  readonly sink: AnchorSink;
  /** Records of the last anchor that it has. */
  records: number;
  running: Promise<void> | null;
  failing: boolean;
}

/**
 * Tells every sink the ledger's newest signed head: at once after a start, then at most once an interval while the
 * ledger grows, and at the end. A sink that fails is tried again with the newest head, which vouches for all before.
 */
export class AnchorKeeper {
  readonly #options: AnchorKeeperOptions;
  readonly #kept: readonly Kept[];
  #newest: LedgerAnchor | null = null;
  #cancel: (() => void) | null = null;

  constructor(options: AnchorKeeperOptions) {
    this.#options = options;
    this.#kept = options.sinks.map((sink) => ({ sink, records: 0, running: null, failing: false }));
  }

  note(signed: SignedHead): void {
    if (this.#kept.length === 0) return;
    const first = this.#newest === null;
    this.#newest = anchorOf(signed, this.#options.gateway);
    if (first) this.#putAll(putMs);
    else this.#wait();
  }

  /** Tells every sink once more; one that does not answer is not waited for long. */
  async close(): Promise<void> {
    this.#cancel?.();
    await this.#settled();
    this.#putAll(lastPutMs);
    await this.#settled();
    this.#cancel?.();
    for (const { sink } of this.#kept) sink.close?.();
  }

  async #settled(): Promise<void> {
    for (const { running } of this.#kept) await running;
  }

  #wait(): void {
    this.#cancel ??= this.#options.schedule(() => {
      this.#cancel = null;
      this.#putAll(putMs);
    }, this.#options.intervalMs);
  }

  #putAll(ms: number): void {
    const anchor = this.#newest;
    if (anchor === null) return;
    for (const kept of this.#kept) {
      if (kept.running !== null || kept.records >= anchor.records) continue;
      kept.running = this.#put(kept, anchor, ms).finally(() => (kept.running = null));
    }
  }

  async #put(kept: Kept, anchor: LedgerAnchor, ms: number): Promise<void> {
    try {
      await kept.sink.put(anchor, AbortSignal.timeout(ms));
      kept.records = anchor.records;
      kept.failing = false;
    } catch (error) {
      // Said once, not with every try.
      if (!kept.failing) this.#options.onProblem(`${kept.sink.name} does not take anchors: ${messageOf(error)}`, error);
      kept.failing = true;
    }
    if ((this.#newest?.records ?? 0) > kept.records) this.#wait();
  }
}
