import { createHash } from 'node:crypto';
import { SluiceError } from '../lib/errors.js';
import { AlikeTexts, type Analysed } from './alike.js';
import { LruCache } from './lru.js';
import type {
  CatalogHandle,
  ClassifiedColumns,
  PostgresAnalyser,
  QueryAnalysis,
  RawCatalog,
  RawFunction,
} from './postgres-types.js';
import { requireParser } from './postgres/parser.js';
import type { CatalogBytes, CatalogParts, WorkerRequest } from './postgres/worker-messages.js';
import { JobError, WorkerPool } from './postgres/worker-pool.js';

/** Limits of the analyser; the defaults suit a gateway. */
export interface AnalyserOptions {
  /** Worker threads, each with a parser of its own (about 60 MB). */
  readonly workers?: number;
  readonly timeoutMs?: number;
  readonly loadTimeoutMs?: number;
  readonly maxTextBytes?: number;
  readonly maxCacheEntries?: number;
  readonly maxCacheBytes?: number;
  readonly maxQueued?: number;
}

const defaults = {
  workers: 2,
  timeoutMs: 2_000,
  loadTimeoutMs: 60_000,
  maxTextBytes: 1024 * 1024,
  maxCacheEntries: 20_000,
  maxCacheBytes: 64 * 1024 * 1024,
  maxQueued: 2_000,
};

/** Starts an analyser. Its first worker loads in the background; nothing runs on the caller's thread but look-ups. */
export function createPostgresAnalyser(options: AnalyserOptions = {}): PostgresAnalyser {
  return new Analyser({ ...defaults, ...options });
}

const noFunctions: readonly RawFunction[] = [];

/** A catalog's bytes live as long as its handle does; workers ask for them again when they are replaced. */
interface Held {
  readonly bytes: CatalogBytes;
  readonly digest: string;
}

class Analyser implements PostgresAnalyser {
  readonly #limits: typeof defaults;
  readonly #pool: WorkerPool;
  readonly #cache: LruCache<QueryAnalysis>;
  readonly #alike: AlikeTexts;
  readonly #running = new Map<string, Promise<QueryAnalysis>>();
  readonly #held = new WeakMap<CatalogHandle, Held>();
  readonly #byDigest = new Map<string, WeakRef<CatalogHandle>>();
  readonly #builtins = new WeakMap<readonly RawFunction[], CatalogBytes['builtins']>();
  readonly #loading = new Map<string, Promise<CatalogHandle>>();
  #nextEpoch = 1;

  constructor(limits: typeof defaults) {
    this.#limits = limits;
    this.#cache = new LruCache(limits.maxCacheEntries, limits.maxCacheBytes);
    this.#alike = new AlikeTexts(limits.maxCacheEntries, limits.maxCacheBytes / 4);
    this.#pool = new WorkerPool({
      size: limits.workers,
      maxQueued: limits.maxQueued,
      loadTimeoutMs: limits.loadTimeoutMs,
    });
    this.#pool.warm();
  }

  cached(sql: string, catalog: CatalogHandle): QueryAnalysis | null {
    return this.#cache.get(catalog.epoch, sql) ?? null;
  }

  alike(sql: string, catalog: CatalogHandle): Analysed | null {
    return this.#alike.find(catalog.epoch, sql);
  }

  async analyse(sql: string, catalog: CatalogHandle): Promise<QueryAnalysis> {
    const known = this.cached(sql, catalog);
    if (known !== null) return known;
    const fault = this.#refusal(sql);
    if (fault !== null) return fault;
    const key = keyOf(sql, catalog);
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = this.#analyse(sql, catalog).finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }

  async loadCatalog(raw: RawCatalog, classification: ClassifiedColumns): Promise<CatalogHandle> {
    requireParser(raw.serverMajor);
    const { builtins, ...own } = raw;
    const parts: CatalogParts = { raw: own, classified: classification };
    const bytes: CatalogBytes = {
      parts: Buffer.from(JSON.stringify(parts)),
      builtins: this.#serialised(builtins?.functions ?? noFunctions),
    };
    const digest = createHash('sha256').update(bytes.parts).update(bytes.builtins.digest).digest('base64');
    const same = this.#byDigest.get(digest)?.deref();
    if (same !== undefined) return same;
    const loading = this.#loading.get(digest) ?? this.#load(bytes, digest).finally(() => this.#loading.delete(digest));
    this.#loading.set(digest, loading);
    return loading;
  }

  async close(): Promise<void> {
    await this.#pool.close();
    this.#cache.clear();
    this.#alike.clear();
  }

  /** The server's own functions come as the same array each time: they are written and digested once. */
  #serialised(functions: readonly RawFunction[]): CatalogBytes['builtins'] {
    let known = this.#builtins.get(functions);
    if (known === undefined) {
      const bytes = Buffer.from(JSON.stringify(functions));
      known = { bytes, digest: createHash('sha256').update(bytes).digest('base64') };
      this.#builtins.set(functions, known);
    }
    return known;
  }

  async #load(bytes: CatalogBytes, digest: string): Promise<CatalogHandle> {
    const epoch = this.#nextEpoch++;
    const request = (id: number): WorkerRequest => ({ type: 'load', id, epoch, bytes });
    try {
      const response = await this.#pool.run({ request, catalog: request, timeoutMs: this.#limits.loadTimeoutMs });
      if (response.type !== 'loaded') throw new JobError('fault', 'The analysis worker gave no catalog.');
      const handle: CatalogHandle = { epoch, ...response.handle };
      this.#held.set(handle, { bytes, digest });
      for (const [known, reference] of this.#byDigest)
        if (reference.deref() === undefined) this.#byDigest.delete(known);
      this.#byDigest.set(digest, new WeakRef(handle));
      return handle;
    } catch (error) {
      throw new SluiceError('unavailable', 'The catalog of the target could not be analysed.', {
        decider: 'gateway',
        cause: error,
      });
    }
  }

  async #analyse(sql: string, catalog: CatalogHandle): Promise<QueryAnalysis> {
    const held = this.#held.get(catalog);
    if (held === undefined) return refused('The catalog was not loaded by this analyser.');
    const { epoch } = catalog;
    const shape = this.#alike.wanted(epoch, sql);
    try {
      const response = await this.#pool.run({
        request: (id) => ({ type: 'analyse', id, epoch, sql, shape }),
        catalog: (id) => ({ type: 'load', id, epoch, bytes: held.bytes }),
        timeoutMs: this.#limits.timeoutMs,
      });
      if (response.type !== 'analysed') return refused('The statement could not be analysed.');
      const analysis = JSON.parse(response.json) as QueryAnalysis;
      const bytes = sql.length * 2 + response.json.length * 2 + 256;
      this.#cache.set(epoch, sql, analysis, bytes);
      if (shape !== null) this.#alike.learn(epoch, { sql, analysis }, shape, response.free, bytes);
      return analysis;
    } catch (error) {
      // A fault is not cached: the next worker may do better, and a refusal harms nobody.
      return refused(
        error instanceof JobError && error.failure !== 'fault' ? error.message : 'The statement could not be analysed.',
      );
    }
  }

  /** What need not go to a worker: text that PostgreSQL and its parser would not read alike. */
  #refusal(sql: string): QueryAnalysis | null {
    if (sql.includes('\u0000')) return refused('The query contains a NUL character.');
    if (/\p{Surrogate}/u.test(sql)) return refused('The query is not valid Unicode.');
    const { maxTextBytes } = this.#limits;
    const isTooLong =
      sql.length > maxTextBytes || (sql.length * 3 > maxTextBytes && Buffer.byteLength(sql) > maxTextBytes);
    return isTooLong ? refused(`The query is longer than ${maxTextBytes} bytes.`) : null;
  }
}

function keyOf(sql: string, catalog: CatalogHandle): string {
  return `${catalog.epoch}\u0000${sql}`;
}

function refused(message: string): QueryAnalysis {
  return { ok: false, reason: 'refused', message, position: 0 };
}
