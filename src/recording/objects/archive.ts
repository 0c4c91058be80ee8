import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isJournalPath, ledgerName } from '../layout.js';
import type { LedgerSession } from '../ledger-read.js';
import { chunksOf } from '../scan.js';
import { locateJournal } from '../sealing/locate.js';
import { syncFolder } from '../sealing/seal.js';
import { sealedSuffix } from '../sealing/sealed-file.js';
import { nextLedgerPart } from './ledger-parts.js';
import { Receipts, type Receipt } from './receipts.js';
import { storeFailure } from './s3.js';
import type { ObjectContent, ObjectStore } from './store.js';

const dayMs = 86_400_000;
/** After so many failures in a row the store is taken to be away, and the round ends. */
const maxFailures = 3;
/** What was fetched back to be read stays this long at least. */
const keepFetchedMs = 3_600_000;

export interface ArchiveParts {
  readonly dir: string;
  readonly store: ObjectStore;
  /** Days after a session's end that its journal stays on this disk too; null: for good. */
  readonly localDays: number | null;
  readonly clock: () => number;
  readonly onProblem: (message: string, cause: unknown) => void;
}

/** A session as far as the archive must know it. */
export type ArchivedSession = Pick<LedgerSession, 'id' | 'path' | 'closed' | 'deleted'>;

/** What one round did; `left` is still to be stored. */
export interface ArchiveReport {
  readonly stored: number;
  readonly removedHere: number;
  readonly removedThere: number;
  readonly left: number;
}

/**
 * Keeps a copy of everything in an object store: journals under the paths that the ledger gives them, the ledger in
 * parts, the public keys. What is still to be done follows from the ledger and the receipts, so a crash forgets nothing.
 * Nothing counts as stored before it was read back and had the digest of what is here; and nothing here is removed
 * before it was read back once more.
 */
export class Archive {
  readonly #parts: ArchiveParts;
  readonly #receipts: Receipts;
  readonly #fetchedAt = new Map<string, number>();

  constructor(parts: ArchiveParts) {
    this.#parts = parts;
    this.#receipts = new Receipts(join(parts.dir, 'objects.jsonl'));
  }

  /** Says whether the store is known to hold a journal. */
  isStored(path: string): boolean {
    return this.#receipts.get(path) !== null;
  }

  /** One round over these sessions of the ledger. What fails is reported, and the next round tries it again. */
  async run(sessions: Iterable<ArchivedSession>): Promise<ArchiveReport> {
    const all = [...sessions].filter(({ path }) => path !== null && isJournalPath(path));
    const waiting = all.filter((each) => isFinished(each) && this.#receipts.get(each.path ?? '') === null);
    const expendable = all.filter((each) => isFinished(each) && this.#isExpendable(each));
    const dead = all.filter(({ deleted, path }) => deleted !== null && this.#receipts.get(path ?? '') !== null);
    const report = { stored: 0, removedHere: 0, removedThere: 0, left: waiting.length };
    const steps: (() => Promise<void>)[] = [
      () => this.#storeKeys(),
      () => this.#storeLedger(),
      ...waiting.map(({ path }) => async () => {
        if (await this.#storeJournal(path ?? '')) report.stored++;
        report.left--;
      }),
      ...expendable.map(({ path }) => async () => {
        if (await this.#removeHere(path ?? '')) report.removedHere++;
      }),
      ...dead.map(({ path }) => async () => {
        await this.#parts.store.remove(path ?? '');
        this.#receipts.remove(path ?? '');
        report.removedThere++;
      }),
      ...this.#unlocked(all).map((receipt) => () => this.#protect(receipt)),
    ];
    await this.#take(steps);
    return report;
  }

  async #take(steps: readonly (() => Promise<void>)[]): Promise<void> {
    const { store, onProblem } = this.#parts;
    let failures = 0;
    for (const step of steps) {
      try {
        await step();
        failures = 0;
      } catch (error) {
        onProblem(`${store.name} did not take recordings (${storeFailure(error)}); it is tried again`, error);
        if (++failures === maxFailures) return;
      }
    }
  }

  /** The bytes of a journal that is only there; null when it is not there either. What comes is not checked here. */
  async read(path: string): Promise<AsyncIterable<Uint8Array> | null> {
    return this.#receipts.get(path) === null ? null : this.#parts.store.get(path);
  }

  /** Brings a journal back to this disk for a while; false when it is not there, or not as it was stored. */
  async fetch(path: string): Promise<boolean> {
    const receipt = this.#receipts.get(path);
    const chunks = receipt === null ? null : await this.#parts.store.get(path);
    if (receipt === null || chunks === null) return false;
    const file = join(this.#parts.dir, path);
    const draft = `${file}.fetched`;
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    try {
      if ((await writeChunks(draft, chunks)) !== receipt.sha256) {
        this.#parts.onProblem(`${this.#parts.store.name} holds another ${path} than was stored there`, null);
        return false;
      }
      this.#fetchedAt.set(path, this.#parts.clock());
      await rename(draft, file);
      return true;
    } finally {
      await rm(draft, { force: true });
    }
  }

  close(): void {
    this.#parts.store.close();
  }

  async #storeKeys(): Promise<void> {
    const folder = join(this.#parts.dir, 'keys');
    for (const name of await readdir(folder)) {
      if (!name.endsWith('.pub.pem') || this.#receipts.get(`keys/${name}`) !== null) continue;
      await this.#store(`keys/${name}`, await contentOf(() => chunksOf(join(folder, name))));
    }
  }

  async #storeLedger(): Promise<void> {
    const path = join(this.#parts.dir, ledgerName);
    for (;;) {
      const part = await nextLedgerPart(path, this.#receipts.keys());
      if (part === null) return;
      await this.#store(part.key, await contentOf(() => chunksOf(path, part.from, part.to)));
    }
  }

  async #storeJournal(path: string): Promise<boolean> {
    const journal = await locateJournal(this.#parts.dir, path);
    if (journal === null) return false; // verification says that it is missing
    await this.#store(path, await contentOf(() => chunksOf(journal.file)));
    return true;
  }

  async #store(key: string, content: DigestedContent): Promise<void> {
    const { store } = this.#parts;
    // A crash after the last upload and before its receipt: then it is there already.
    if ((await this.#storedDigest(key)) !== content.sha256) await store.put(key, content);
    else await store.protect(key);
    if ((await this.#storedDigest(key)) !== content.sha256) {
      throw new Error(`${key} does not read back as it was stored`);
    }
    this.#receipts.add({ object: key, bytes: content.bytes, sha256: content.sha256, lock: store.lock });
  }

  /** What was stored before the lock was asked for, or under another one. What is deleted is left alone. */
  #unlocked(sessions: readonly ArchivedSession[]): readonly Receipt[] {
    const { lock } = this.#parts.store;
    if (lock === null) return [];
    const kept = new Set(sessions.filter(({ deleted }) => deleted === null).map(({ path }) => path));
    return this.#receipts.without(lock).filter(({ object }) => !isJournalPath(object) || kept.has(object));
  }

  async #protect(receipt: Receipt): Promise<void> {
    const { store, onProblem } = this.#parts;
    if (await store.protect(receipt.object)) this.#receipts.add({ ...receipt, lock: store.lock });
    else onProblem(`${store.name} has lost ${receipt.object}: it cannot be locked`, null);
  }

  /** Nothing here is removed for an object that does not have the lock that is asked for. */
  #isKept(path: string): boolean {
    const receipt = this.#receipts.get(path);
    return receipt !== null && (this.#parts.store.lock === null || receipt.lock === this.#parts.store.lock);
  }

  async #storedDigest(key: string): Promise<string | null> {
    const chunks = await this.#parts.store.get(key);
    return chunks === null ? null : (await digestOfChunks(chunks)).sha256;
  }

  #isExpendable({ path, closed }: ArchivedSession): boolean {
    const { localDays, clock } = this.#parts;
    if (localDays === null || closed === null || clock() - closed.at <= localDays * dayMs) return false;
    const fetchedAt = this.#fetchedAt.get(path ?? '');
    return fetchedAt === undefined || clock() - fetchedAt > keepFetchedMs;
  }

  async #removeHere(path: string): Promise<boolean> {
    const { dir, store, onProblem } = this.#parts;
    const journal = await locateJournal(dir, path);
    if (journal === null || !this.#isKept(path)) return false;
    const here = await contentOf(() => chunksOf(journal.file));
    if ((await this.#storedDigest(path)) !== here.sha256) {
      onProblem(`${store.name} does not hold ${path} as it is here; it stays here and is stored again`, null);
      this.#receipts.remove(path);
      return false;
    }
    const file = join(dir, path);
    for (const each of [file, `${file}${sealedSuffix}`]) await rm(each, { force: true });
    await syncFolder(dirname(file));
    return true;
  }
}

interface DigestedContent extends ObjectContent {
  readonly sha256: string;
}

/** Closed with a signed end: one that is damaged or missing is left to people. */
function isFinished({ closed, deleted }: ArchivedSession): boolean {
  return deleted === null && closed !== null && closed.head !== null;
}

async function contentOf(chunks: () => AsyncIterable<Uint8Array>): Promise<DigestedContent> {
  return { ...(await digestOfChunks(chunks())), chunks };
}

async function digestOfChunks(chunks: AsyncIterable<Uint8Array>) {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Writes and syncs a file; gives its SHA-256. */
async function writeChunks(path: string, chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const file = await open(path, 'w', 0o600);
  const hash = createHash('sha256');
  try {
    for await (const chunk of chunks) {
      hash.update(chunk);
      await file.write(chunk);
    }
    await file.sync();
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}
