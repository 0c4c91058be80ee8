import { messageOf, SluiceError } from '../lib/errors.js';
import { ChainQueue, sha256, type BufferPool, type ChainHead } from './chain.js';
import { encodeLedgerEntry } from './ledger-codec.js';
import { ledgerHeader, type LedgerEntry } from './records.js';
import { isNoSpace, type DiskReserve } from './reserve.js';
import { appendCheckpoint, type SigningKey } from './signing.js';
import type { SyncedFile } from './synced-file.js';

const maxBatch = 256;

interface Waiting {
  readonly entry: LedgerEntry;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export interface LedgerOptions {
  readonly file: SyncedFile;
  /** Where the chain stands; null for a new file. */
  readonly from: ChainHead | null;
  readonly key: SigningKey;
  readonly pool: BufferPool;
  readonly reserve: DiskReserve;
  readonly clock: () => number;
}

/** The gateway's own chain: which sessions were opened and closed, so that a missing journal shows. */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #queue: ChainQueue;
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;

  constructor(options: LedgerOptions) {
    this.#options = options;
    if (options.from === null) options.file.write(ledgerHeader);
    this.#queue = new ChainQueue(options.pool, options.from ?? { count: 0, hash: sha256(ledgerHeader) });
  }

  /** Resolves when the entry is signed and on the disk. Entries that wait together share one signature and one sync. */
  append(entry: LedgerEntry): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ entry, done, failed });
      this.#running ??= this.#run();
    });
  }

  /** Waits for what was appended, then closes the file. */
  async close(): Promise<void> {
    while (this.#running !== null) await this.#running;
    await this.#options.file.close();
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // whoever appends in this same turn joins the batch
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, maxBatch);
      try {
        this.#write(batch.map(({ entry }) => entry));
        await this.#options.file.sync();
        for (const { done } of batch) done();
      } catch (error) {
        this.#settleFailed(batch, error);
      }
    }
    this.#running = null;
  }

  #write(entries: readonly LedgerEntry[]): void {
    try {
      for (const entry of entries) this.#queue.append(encodeLedgerEntry, entry);
      appendCheckpoint(this.#queue, this.#options.key, this.#options.clock());
      this.#options.file.write(this.#queue.pending());
      this.#queue.clear();
    } catch (error) {
      this.#queue.rollback();
      throw error;
    }
  }

  /** On a full disk no session is opened; that one closed is still written, into the space kept back for that. */
  #settleFailed(batch: readonly Waiting[], error: unknown): void {
    const retry = isNoSpace(error) && !this.#options.reserve.isFull;
    if (retry) this.#options.reserve.release();
    const again: Waiting[] = [];
    for (const waiting of batch) {
      if (retry && waiting.entry.type !== 'session opened') again.push(waiting);
      else waiting.failed(ledgerFailed(error));
    }
    this.#waiting.unshift(...again);
  }
}

function ledgerFailed(cause: unknown): SluiceError {
  return isNoSpace(cause)
    ? new SluiceError('unavailable', 'the disk for recordings is full', { decider: 'gateway', retryable: true, cause })
    : new SluiceError('recorder_failed', `the ledger of recordings cannot be written: ${messageOf(cause)}`, {
        decider: 'gateway',
        cause,
      });
}
