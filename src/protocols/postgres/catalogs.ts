import { createHash } from 'node:crypto';
import type { CatalogQuery } from '../../analysis/catalog.js';
import type {
  BuiltinFunctions,
  CatalogHandle,
  ClassifiedColumns,
  PostgresAnalyser,
  PrintedDefinitions,
  RawCatalog,
} from '../../analysis/postgres-types.js';
import type { CopiedColumn, CopiedColumnStore, CopyAuthor, CopyEnd, NamedCopy } from '../../masking/copied-columns.js';
import { CopyBook, type CopyMaker } from '../../masking/copy-book.js';
import type { Classification } from '../../masking/types.js';
import type { TargetConfig } from '../../sessions/types.js';
import { CatalogAge } from './catalog-age.js';
import { ChangesUnderWay } from './changes-under-way.js';
import { KeptConnection, withCatalogConnection } from './catalog-connection.js';
import { searchPathOf } from './pinned-settings.js';

export interface CatalogServices {
  readonly analyser: PostgresAnalyser;
  readonly readCatalog: (query: CatalogQuery, known: KnownOfCatalog) => Promise<RawCatalog>;
  /** What `readCatalog` would read, as one value, for a hundredth of the work. */
  readonly readCatalogMark: (query: CatalogQuery) => Promise<string>;
  readonly narrow: (classification: Classification, target: TargetConfig) => ClassifiedColumns;
  /** Where copies of protected values are kept from one start to the next. */
  readonly copiedColumns: CopiedColumnStore;
  readonly now: () => number;
  /** Milliseconds that only ever grow, for the age of what is known. */
  readonly uptime: () => number;
}

/** What an earlier reading may lend the next. */
type KnownOfCatalog = Pick<RawCatalog, 'builtins' | 'printed'>;

/** A target's catalog and the search path that every session on it is pinned to. */
export interface LoadedCatalog {
  readonly handle: CatalogHandle;
  readonly searchPath: string;
  /** The same path as schema names. */
  readonly path: readonly string[];
}

/** What is known of a catalog: the reading, or where the next one will stand. Another object once something was invalidated. */
export interface Standing {
  /** How often something was read there that was not known before. */
  readonly readings: number;
}

class Entry implements Standing {
  readonly classification: Classification;
  loaded: LoadedCatalog | null = null;
  readings = 0;
  loading: Promise<LoadedCatalog> | null = null;
  /** The reading that begins when the one under way has ended. */
  next: Promise<LoadedCatalog> | null = null;
  /** What `loaded` was made of, here and in the target's own words. */
  digest = '';
  mark = '';
  /** What the server says it is. */
  identity: string | null = null;
  readonly age: CatalogAge;
  /** The target is being asked whether `loaded` still holds. */
  checking: Promise<LoadedCatalog> | null = null;
  #target: TargetConfig;

  constructor(classification: Classification, target: TargetConfig, uptime: () => number) {
    this.classification = classification;
    this.#target = target;
    this.age = new CatalogAge(uptime);
  }

  get address(): string {
    return addressOf(this.#target);
  }

  /** Says whether this is the same database reached as the same role. */
  isOf(target: TargetConfig): boolean {
    const own = this.#target;
    if (own === target) return true;
    const same = databaseOf(own) === databaseOf(target) && own.username === target.username;
    if (same) this.#target = target; // the next call by the same session is quick
    return same;
  }
}

function addressOf({ host, port, database }: TargetConfig): string {
  return `${host}:${port}/${database}`;
}

/** One address is another server in each relay's network: nothing known of the one holds for the other. */
function databaseOf(target: TargetConfig): string {
  return `${target.relay === undefined ? '' : `${target.relay.name}!`}${addressOf(target)}`;
}

const roleOf = (target: TargetConfig): string => `${target.username}@${databaseOf(target)}`;

/** What the gateway knows of each target's catalog, read over a connection of its own and shared by all sessions. */
export class TargetCatalogs {
  readonly #services: CatalogServices;
  readonly #entries = new Map<string, Entry>();
  /** By database: targets that share one share its copies. */
  readonly #books = new Map<string, CopyBook>();
  /** By address: what the server there says it is. */
  readonly #identities = new Map<string, string>();
  readonly #builtins = new Map<string, BuiltinFunctions>();
  /** By role and database: what is printed depends on the path. */
  readonly #printed = new Map<string, PrintedDefinitions>();
  readonly #connections = new Map<string, KeptConnection>();
  /** By database: definitions that sessions change. */
  readonly #changes = new Map<string, ChangesUnderWay>();

  constructor(services: CatalogServices) {
    this.#services = services;
  }

  /** Says whether no column of the target can be protected, whatever is made in it. */
  hasNothingProtected(target: TargetConfig, classification: Classification): boolean {
    return this.#services.narrow(classification, target).columns.length === 0;
  }

  /**
   * The catalog if it is at hand and was still the target's own a moment ago; never waits. Others change it past the
   * gateway, so the target is asked again while it is used, beside whatever runs; what is older than that may be
   * (`CatalogAge`) is no longer at hand.
   */
  current(target: TargetConfig, classification: Classification): LoadedCatalog | null {
    const entry = this.#entries.get(target.name);
    if (entry === undefined || entry.classification !== classification || !entry.isOf(target)) return null;
    if (entry.loaded === null) return null;
    const { state } = entry.age;
    if (state === 'over') return null;
    if (state === 'due') this.#check(entry, target, classification).catch(() => undefined); // `load` would say why
    return entry.loaded;
  }

  /** Never waits, and asks nothing. */
  standing(target: TargetConfig, classification: Classification): Standing {
    return this.#entry(target, classification);
  }

  /** The catalog, read or asked for now if need be. Many callers share one reading. */
  async load(target: TargetConfig, classification: Classification): Promise<LoadedCatalog> {
    const ready = this.current(target, classification);
    if (ready !== null) return ready;
    const entry = this.#entry(target, classification);
    if (entry.loaded !== null) return await this.#check(entry, target, classification);
    return await (entry.loading ?? this.#start(entry, target, classification));
  }

  #check(entry: Entry, target: TargetConfig, classification: Classification): Promise<LoadedCatalog> {
    entry.checking ??= this.#ask(entry, target, classification).finally(() => {
      entry.checking = null;
    });
    return entry.checking;
  }

  /** Asks the target whether its catalog is still the one that was read; when it is not, reads it. */
  async #ask(entry: Entry, target: TargetConfig, classification: Classification): Promise<LoadedCatalog> {
    const asking = entry.age.asking();
    const mark = await this.#kept(target).use(target, (query) => this.#services.readCatalogMark(query));
    if (entry.loaded !== null && mark === entry.mark) {
      asking.holds();
      return entry.loaded;
    }
    const changed = await this.fresh(target, classification);
    asking.took();
    return changed;
  }

  #kept(target: TargetConfig): KeptConnection {
    const key = roleOf(target);
    let kept = this.#connections.get(key);
    if (kept === undefined) {
      kept = new KeptConnection();
      this.#connections.set(key, kept);
    }
    return kept;
  }

  /**
   * The catalog as it is now, whatever is known: others may have changed it past the gateway. A reading under way may be
   * older than the question, so the next one answers it, and all that are asked meanwhile. Sessions go on with what they
   * have unless it turns out to be another: however often this is asked, one reading is under way.
   */
  fresh(target: TargetConfig, classification: Classification): Promise<LoadedCatalog> {
    const entry = this.#entry(target, classification);
    entry.next ??= this.#readNext(entry, target, classification);
    return entry.next;
  }

  async #readNext(entry: Entry, target: TargetConfig, classification: Classification): Promise<LoadedCatalog> {
    await entry.loading?.catch(() => undefined); // whoever waits for that one hears of it
    entry.next = null;
    return await this.#start(entry, target, classification);
  }

  #start(entry: Entry, target: TargetConfig, classification: Classification): Promise<LoadedCatalog> {
    // An invalidation meanwhile has put another entry in this one's place: what was read may be older than the change.
    const loading = this.#read(entry, target, classification).finally(() => {
      if (entry.loading === loading) entry.loading = null;
    });
    entry.loading = loading;
    return loading;
  }

  #entry(target: TargetConfig, classification: Classification): Entry {
    let entry = this.#entries.get(target.name);
    if (entry === undefined || entry.classification !== classification || !entry.isOf(target)) {
      entry = new Entry(classification, target, this.#services.uptime);
      this.#entries.set(target.name, entry);
    }
    return entry;
  }

  /**
   * The target's catalog has changed (or may have): the next statement waits for a new reading. So does every other target
   * of that database: what one of them re-creates, another would go on judging by what it was. Two relays may lead to the
   * same server, and two names: what has the same address or is the same server is read again, however it is reached.
   */
  invalidate(target: TargetConfig): void {
    this.#forget(target, null);
  }

  #forget(target: TargetConfig, except: Entry | null): void {
    const address = addressOf(target);
    const identity = this.#identities.get(databaseOf(target));
    for (const [name, entry] of this.#entries) {
      const isSame = entry.address === address || (identity !== undefined && entry.identity === identity);
      if (entry !== except && isSame) this.#entries.delete(name);
    }
  }

  /** Ends the connections that stay between two looks at a target. */
  close(): void {
    for (const connection of this.#connections.values()) connection.end();
  }

  /** What sessions of this gateway change in the target's database, by whatever name they reach it. */
  changes(target: TargetConfig): ChangesUnderWay {
    const database = databaseOf(target);
    const key = this.#identities.get(database) ?? database;
    let changes = this.#changes.get(key);
    if (changes === undefined) this.#changes.set(key, (changes = new ChangesUnderWay()));
    return changes;
  }

  /** Copies that a statement is about to make. */
  noteCopies(target: TargetConfig, copies: readonly NamedCopy[], maker: CopyMaker, by: Omit<CopyAuthor, 'at'>): void {
    if (copies.length > 0) this.#changingBook(target, (book) => book.note(copies, maker, by));
  }

  settleCopies(target: TargetConfig, maker: CopyMaker, outcome: 'kept' | 'undone' | 'unknown'): void {
    this.#changingBook(target, (book) => book.settle(maker, outcome));
  }

  /** Columns of the target that hold copies of protected values, or may. */
  copies(target: TargetConfig): readonly CopiedColumn[] {
    const own = this.#book(target).list();
    const identity = this.#identities.get(databaseOf(target));
    if (identity === undefined) return own;
    // Made by another address of the same server: through a relay, under another name, at the origin of this replica. What
    // becomes of them is learned there.
    const known = new Set(own.map(({ id }) => id));
    return [...own, ...this.#services.copiedColumns.ofIdentity(identity).filter(({ id }) => !known.has(id))];
  }

  /**
   * Ends the protection of a copy, in the sessions that are open as well: each asks for the catalog anew. A target that
   * was moved shows the copies of both places, so every book may have it. `tell` is called right before it ends.
   */
  endCopy(target: TargetConfig, id: string, tell: () => void): CopyEnd {
    const copy = this.copies(target).find((known) => known.id === id);
    if (copy === undefined) return 'unknown';
    this.#bookOf(copy);
    const books = [...this.#books.values()];
    if (books.some((book) => book.isUnderWay(id) === true)) return 'under way';
    tell();
    for (const book of books) book.end(id);
    this.#entries.clear();
    return 'ended';
  }

  /** The catalog as the session behind `query` sees it, with the path that it is pinned to. Shared with nobody. */
  async readWithin(
    target: TargetConfig,
    classification: Classification,
    session: {
      readonly path: readonly string[];
      readonly query: CatalogQuery;
      /** Its open transaction has changed what names mean. */
      readonly isChanged: boolean;
      readonly makers: ReadonlySet<CopyMaker>;
      readonly temporary: CopyBook;
    },
  ): Promise<CatalogHandle> {
    const { raw } = await this.#readRaw(target, session.query, undefined);
    const book = this.#book(target);
    book.bind(raw.relations, session.makers);
    return await this.#services.analyser.loadCatalog(
      { ...raw, searchPath: session.path, ...(session.isChanged ? { isChanged: true } : {}) },
      this.#classified(target, classification, [...this.copies(target), ...session.temporary.list()]),
    );
  }

  #classified(
    target: TargetConfig,
    classification: Classification,
    copies: readonly CopiedColumn[],
  ): ClassifiedColumns {
    const narrowed = this.#services.narrow(classification, target);
    // Where nothing is protected any more, neither are its copies.
    if (copies.length === 0 || narrowed.columns.length === 0) return narrowed;
    return {
      ...narrowed,
      copies: copies.map(({ schema, table, column, relation, attribute, derived, class: name }) => ({
        ...{ schema, table, column, relation, attribute, derived },
        class: name,
      })),
    };
  }

  async #readRaw(
    target: TargetConfig,
    query: CatalogQuery,
    printed: PrintedDefinitions | undefined,
  ): Promise<{ readonly raw: RawCatalog; readonly printed: PrintedDefinitions | undefined }> {
    const builtins = this.#builtins.get(databaseOf(target));
    const { printed: now, ...raw } = await this.#services.readCatalog(query, {
      ...(builtins === undefined ? {} : { builtins }),
      ...(printed === undefined ? {} : { printed }),
    });
    if (raw.builtins !== undefined) this.#builtins.set(databaseOf(target), raw.builtins);
    return { raw, printed: now };
  }

  #book(target: TargetConfig): CopyBook {
    return this.#bookOf({ target: target.name, database: databaseOf(target) });
  }

  #bookOf({ target, database }: Pick<CopiedColumn, 'target' | 'database'>): CopyBook {
    let book = this.#books.get(database);
    if (book === undefined) {
      book = new CopyBook({ target, database }, this.#services.copiedColumns, this.#services.now);
      this.#books.set(database, book);
    }
    return book;
  }

  /** What is protected has moved: so has the catalog of every target in that database. */
  #changingBook(target: TargetConfig, change: (book: CopyBook) => void): void {
    const book = this.#book(target);
    const before = book.version;
    change(book);
    if (book.version !== before) this.invalidate(target);
  }

  async #read(entry: Entry, target: TargetConfig, classification: Classification): Promise<LoadedCatalog> {
    const reading = entry.age.reading();
    return await withCatalogConnection(target, async (query) => {
      const book = this.#book(target);
      const settled = book.settled();
      // First: what changes while the rest is read shows at the next look.
      const mark = await this.#services.readCatalogMark(query);
      const role = roleOf(target);
      const { raw, printed } = await this.#readRaw(target, query, this.#printed.get(role));
      if (printed !== undefined) this.#printed.set(role, printed);
      if (raw.identity != null) {
        this.#identities.set(databaseOf(target), raw.identity);
        book.identify(raw.identity);
      }
      entry.identity = raw.identity ?? null;
      book.follow(raw.relations, settled, raw.prepared === true);
      const classified = this.#classified(target, classification, this.copies(target));
      const whole = JSON.stringify([{ ...raw, builtins: raw.builtins?.mark }, classified]);
      const digest = createHash('sha256').update(whole).digest('base64');
      // What others lock was not read: it is asked for again as long as they do.
      entry.mark = printed?.complete === false ? '' : mark;
      // The same again: what was analysed by it still holds.
      if (entry.loaded === null || entry.digest !== digest) {
        // What has changed here has changed for the other targets of the database.
        if (entry.loaded !== null) this.#forget(target, entry);
        const handle = await this.#services.analyser.loadCatalog(raw, classified);
        const searchPath = searchPathOf(raw.searchPath);
        entry.digest = digest;
        entry.loaded = { handle, searchPath, path: raw.searchPath };
        entry.readings++;
      }
      reading.holds();
      return entry.loaded;
    });
  }
}
