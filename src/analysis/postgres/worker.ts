import { parentPort, type MessagePort } from 'node:worker_threads';
import { messageOf } from '../../lib/errors.js';
import type { QueryAnalysis, RawFunction } from '../postgres-types.js';
import { analyseQuery, readExpression, readView } from './analyse.js';
import { isOwnName } from './builtin-types.js';
import { Catalog } from './catalog-model.js';
import type { ParseSql } from './context.js';
import { readingIn, UncertainReading } from './encodings.js';
import { freeConstants } from './free-constants.js';
import { loadParser, SqlSyntaxError } from './parser.js';
import type { CatalogBytes, CatalogParts, LoadedCatalog, WorkerRequest, WorkerResponse } from './worker-messages.js';

/** Catalogs one worker holds; the least recently used one is forgotten and asked for again. */
const maxCatalogs = 32;
/** Sets of built-in functions it holds: one a server version, mostly. */
const maxServers = 16;

interface Loaded {
  readonly parse: ParseSql;
  readonly catalog: Catalog;
}

/** The state of one worker: the catalogs it was given, by epoch, in order of use. */
class AnalysisWorker {
  readonly #catalogs = new Map<number, Loaded>();
  /** Built-in functions by the digest of their bytes: the same for every database of a server version. */
  readonly #builtins = new Map<string, readonly RawFunction[]>();

  async answer(request: WorkerRequest): Promise<WorkerResponse> {
    try {
      if (request.type === 'load')
        return { type: 'loaded', id: request.id, handle: await this.#load(request.epoch, request.bytes) };
      const loaded = this.#use(request.epoch);
      if (loaded === null) return { type: 'catalogNeeded', id: request.id };
      const { id, sql, shape } = request;
      const analysis = analyse(loaded, sql);
      const again = { parse: loaded.parse, analyse: (other: string) => analyse(loaded, other) };
      const free = shape === null ? null : freeConstants(sql, shape, analysis, again);
      return { type: 'analysed', id, json: JSON.stringify(analysis), free };
    } catch (error) {
      return { type: 'fault', id: request.id, message: messageOf(error) };
    }
  }

  #use(epoch: number): Loaded | null {
    const loaded = this.#catalogs.get(epoch);
    if (loaded === undefined) return null;
    this.#catalogs.delete(epoch);
    this.#catalogs.set(epoch, loaded);
    return loaded;
  }

  #readBuiltins({ digest, bytes }: CatalogBytes['builtins']): readonly RawFunction[] {
    let known = this.#builtins.get(digest);
    if (known === undefined) {
      known = JSON.parse(Buffer.from(bytes).toString('utf8')) as readonly RawFunction[];
      if (this.#builtins.size >= maxServers) this.#builtins.clear();
      this.#builtins.set(digest, known);
    }
    return known;
  }

  async #load(epoch: number, { parts, builtins }: CatalogBytes): Promise<LoadedCatalog> {
    const { raw: own, classified } = JSON.parse(Buffer.from(parts).toString('utf8')) as CatalogParts;
    const raw = { ...own, functions: [...this.#readBuiltins(builtins), ...own.functions] };
    const parse = readingIn(raw, await loadParser(raw.serverMajor));
    const catalog = new Catalog(
      raw,
      classified,
      (reading, definition, columns) => readView(parse, reading, definition, columns),
      (reading, text, fields) => readExpression(parse, reading, text, fields),
    );
    const protectedOrigins = catalog.origins();
    const oldest = this.#catalogs.size >= maxCatalogs ? this.#catalogs.keys().next().value : undefined;
    if (oldest !== undefined) this.#catalogs.delete(oldest);
    this.#catalogs.set(epoch, { parse, catalog });
    return {
      serverMajor: raw.serverMajor,
      database: raw.database,
      protectedOrigins,
      movesPath: (raw.movers ?? []).length > 0,
      knownRelations: new Set(raw.relations.map((relation) => relation.oid)),
      callingTypes: new Set(
        (raw.typeCalls ?? []).flatMap(({ oid, source, sourceOid, implicit }) => {
          const calling = source == null ? oid : implicit === true && isOwnName(source) ? sourceOid : undefined;
          return calling === undefined ? [] : [calling];
        }),
      ),
    };
  }
}

/** Bad SQL is an answer; anything else is a fault of the parser or of ours, and goes up. */
function analyse(loaded: Loaded, sql: string): QueryAnalysis {
  try {
    return analyseQuery(loaded.parse, loaded.catalog, sql);
  } catch (error) {
    if (error instanceof UncertainReading) return { ok: false, reason: 'refused', message: error.message, position: 0 };
    if (error instanceof SqlSyntaxError)
      return { ok: false, reason: 'syntax', message: error.message, position: error.position };
    throw error;
  }
}

/** Serves one port, one request after the other. */
function serve(port: MessagePort): void {
  const worker = new AnalysisWorker();
  let last: Promise<void> = Promise.resolve();
  port.on('message', (request: WorkerRequest) => {
    last = last.then(async () => port.postMessage(await worker.answer(request)));
  });
  port.postMessage({ type: 'ready' } satisfies WorkerResponse);
}

// The entry of a worker thread; imported anywhere else it does nothing.
if (parentPort !== null) serve(parentPort);
