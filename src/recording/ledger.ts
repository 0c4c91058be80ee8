import { messageOf, SluiceError } from '../lib/errors.js';
import { ChainQueue, sha256, type BufferPool, type ChainHead } from './chain.js';
import { encodeLedgerEntry } from './ledger-codec.js';
import { ledgerHeader, type CheckpointRecord, type LedgerEntry } from './records.js';
import { isNoSpace, type DiskReserve } from './reserve.js';
import { appendCheckpoint, type SigningKey } from './signing.js';
import type { SyncedFile } from './synced-file.js';

const maxBatch = 256;

interface Waiting {
  readonly entry: LedgerEntry;
  /** Signs this entry's batch and all after it. */
  readonly key: SigningKey | null;
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
  /** Told of every signature that is on the disk. */
  readonly onSigned?: (signed: SignedHead) => void;
}

/** A signature of the ledger's, and the key that made it. */
export interface SignedHead {
  readonly checkpoint: CheckpointRecord;
  readonly key: string;
}

/** The gateway's own chain: which sessions were opened and closed, so that a missing journal shows. */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #queue: ChainQueue;
  #key: SigningKey;
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#key = options.key;
    if (options.from === null) options.file.write(ledgerHeader);
    this.#queue = new ChainQueue(options.pool, options.from ?? { count: 0, hash: sha256(ledgerHeader) });
  }

  /** Resolves when the entry is signed and on the disk. Entries that wait together share one signature and one sync. */
  append(entry: LedgerEntry): Promise<void> {
    return this.#append(entry, null);
  }

  /** Changes the key; the entry must be the `gateway started` that names it, which is the first thing it signs. */
  changeKey(key: SigningKey, entry: LedgerEntry & { readonly type: 'gateway started' }): Promise<void> {
    return this.#append(entry, key);
  }

  #append(entry: LedgerEntry, key: SigningKey | null): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ entry, key, done, failed });
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
      const batch = this.#takeBatch();
      try {
        const signed = this.#write(batch);
        await this.#options.file.sync();
        for (const { done } of batch) done();
        this.#options.onSigned?.(signed);
      } catch (error) {
        this.#settleFailed(batch, error);
      }
    }
    this.#running = null;
  }

  /** What waits, up to where the key changes. */
  #takeBatch(): readonly Waiting[] {
    const change = this.#waiting.findIndex(({ key }, index) => index > 0 && key !== null);
    return this.#waiting.splice(0, change === -1 ? maxBatch : Math.min(change, maxBatch));
  }

  #write(batch: readonly Waiting[]): SignedHead {
    try {
      for (const { entry } of batch) this.#queue.append(encodeLedgerEntry, entry);
      const key = batch[0]?.key ?? this.#key;
      const checkpoint = appendCheckpoint(this.#queue, key, this.#options.clock());
      this.#options.file.write(this.#queue.pending());
      this.#queue.clear();
      this.#key = key;
      return { checkpoint, key: key.id };
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
