import type { CatalogQuery } from '../../analysis/catalog.js';
import { privatePrefix } from '../../analysis/faults.js';
import { endsChanges } from '../../analysis/ends-changes.js';
import type { CatalogHandle, StatementAnalysis } from '../../analysis/postgres-types.js';
import { isSluiceError, messageOf, SluiceError } from '../../lib/errors.js';
import type { IncomingConnection } from '../../sessions/types.js';
import { sendAgain } from '../../sessions/words.js';
import type { LoadedCatalog, Standing, TargetCatalogs } from './catalogs.js';
import type { CopiesInFlight } from './copies-in-flight.js';
import type { DialledTarget } from './dial.js';
import { decodeErrorFields } from './errors.js';
import { cString, FieldReader, frame, int16, int32, type Frame } from './frames.js';
import type { RelayHooks } from './relay-hooks.js';
import { pinnedSql, requireAnswer, runsOwnCode } from './pinned-settings.js';

interface Question {
  readonly rows: { readonly row: string | null }[];
  /** The answer ends with ReadyForQuery, not with CommandComplete. */
  readonly synced: boolean;
  failure: SluiceError | null;
  readonly done: (error: SluiceError | null) => void;
}

/** Where the session stands. */
interface Moment {
  /** Inside a pipeline, whose transaction must not be ended. */
  readonly unsynced: boolean;
  /** As ReadyForQuery last said. */
  readonly transaction: 'I' | 'T' | 'E';
}

type Waiting = Pick<RelayHooks, 'signal' | 'idle'>;

/** What a session knew at some moment. */
export interface CatalogStanding {
  readonly shared: Standing;
  readonly readings: number;
  readonly changes: number;
}

const savepoint = `${privatePrefix}catalog`;
const answers = new Set(['1', '2', 'n', 'T', 'D', 'C', 'I', 'Z', 'E'].map((type) => type.charCodeAt(0)));

/**
 * What names mean to this session. Mostly that is what they mean to everybody: the target's shared catalog. But a
 * transaction sees its own changes before others do, and temporary objects stand before others of their name and are
 * seen by nobody else. Then the catalog is read over the session's own connection, inside its own transaction.
 */
export class SessionCatalog {
  readonly #incoming: IncomingConnection;
  readonly #catalogs: TargetCatalogs;
  readonly #dialled: DialledTarget;
  readonly #copies: CopiesInFlight;
  /** The schemas that the session is pinned to. */
  readonly #path: readonly string[];
  /** A path that is the same. */
  #samePath: readonly string[];
  /** Something that changes the catalog was sent in the transaction now open. */
  #changed = false;
  /** The Sync behind the last such statement, as the conversation counts them. */
  #changedEra = 0;
  /** Temporary objects were made in this session. */
  #temporary = false;
  #own: CatalogHandle | null = null;
  /** What was known of the shared catalog when `#own` was read: once that moves, so does this. */
  #base: LoadedCatalog | Standing | null = null;
  /** The same of the copies in temporary tables. */
  #temporaryCopies = 0;
  /** How often what the session has changed itself made it forget what it knew. */
  #changes = 0;
  #question: Question | null = null;
  #isCancellable = false;
  /** Code of the database's own has run, and may have moved the path. */
  #isUnsure = false;

  constructor(
    incoming: IncomingConnection,
    catalogs: TargetCatalogs,
    dialled: DialledTarget,
    { copies, path }: { readonly copies: CopiesInFlight; readonly path: readonly string[] },
  ) {
    this.#incoming = incoming;
    this.#catalogs = catalogs;
    this.#dialled = dialled;
    this.#copies = copies;
    this.#path = path;
    this.#samePath = path;
  }

  /** Names mean to this session what they mean to others. */
  get isShared(): boolean {
    if (this.#standsApart) return false;
    const current = this.#current();
    return current === null || this.#isOwnPath(current);
  }

  /** Names may mean something to this session that they mean to nobody else. */
  get #standsApart(): boolean {
    return this.#changed || this.#temporary || this.#isUnsure;
  }

  /** Somebody may have given the role another path since this session began, which it does not follow. */
  #isOwnPath({ path }: LoadedCatalog): boolean {
    if (path === this.#samePath) return true;
    if (JSON.stringify(path) !== JSON.stringify(this.#path)) return false;
    this.#samePath = path;
    return true;
  }

  /** Something has run that may have moved what the session is pinned to: `requirePinned` before anything else is judged. */
  get isUnsure(): boolean {
    return this.#isUnsure;
  }

  /** Throws when the session's settings are not those that statements are judged under. Call with nothing in flight. */
  async requirePinned({ unsynced }: Pick<Moment, 'unsynced'>, signal: AbortSignal): Promise<void> {
    requireAnswer(await this.ask(pinnedSql, { unsynced }, signal), this.#path);
    this.#isUnsure = false;
  }

  /** What was read last may not be true any more: read again, with nothing in flight. */
  get isStale(): boolean {
    if (this.isShared) return false;
    const { version } = this.#copies.temporary;
    return this.#own === null || this.#base !== this.#known() || this.#temporaryCopies !== version;
  }

  /** The shared catalog when it is at hand. */
  sharedNow(): CatalogHandle | null {
    const current = this.#current();
    return current !== null && this.#isOwnPath(current) ? current.handle : null;
  }

  /** The shared catalog when it is at hand and this session's names mean what it says; else what is given. */
  sharedOr(other: CatalogHandle): CatalogHandle {
    return this.#standsApart ? other : (this.sharedNow() ?? other);
  }

  /** What names mean to this session now when that is at hand. */
  now(): CatalogHandle | null {
    if (!this.#standsApart) {
      const current = this.#current();
      if (current === null) return null;
      if (this.#isOwnPath(current)) return current.handle;
    }
    return this.isStale ? null : this.#own;
  }

  /** The shared catalog; whether it is this session's too is known once it is at hand. */
  async shared(): Promise<CatalogHandle> {
    const { target, classification } = this.#incoming;
    return (this.#current() ?? (await this.#catalogs.load(target, classification))).handle;
  }

  /** The catalog as this session sees it now. Throws `unavailable` or `timeout` where nothing is lost but the statement. */
  async own(moment: Moment, waiting: Waiting): Promise<CatalogHandle> {
    if (this.#own !== null && !this.isStale) return this.#own;
    const { target, classification } = this.#incoming;
    const base = this.#known();
    const copies = this.#copies;
    const { version } = copies.temporary;
    const handle = await this.#releasing(moment, waiting, (query) =>
      this.#catalogs.readWithin(target, classification, {
        path: this.#path,
        query,
        isChanged: this.#changed,
        makers: copies.makers,
        temporary: copies.temporary,
      }),
    );
    this.#own = handle;
    this.#base = base;
    this.#temporaryCopies = version;
    // While nobody asks the target, what others change past the gateway would never be noticed.
    if (!this.#changed && this.#current() === null) this.#catalogs.load(target, classification).catch(() => undefined); // whoever needs it hears why
    return handle;
  }

  /** Where what is known stands, to be compared with `isStill`. */
  standing(): CatalogStanding {
    const shared = this.#catalogs.standing(this.#incoming.target, this.#incoming.classification);
    return { shared, readings: shared.readings, changes: this.#changes };
  }

  /** Nothing was invalidated since: at most it was read for the first time. */
  isStill({ shared, readings, changes }: CatalogStanding): boolean {
    const now = this.standing();
    return (
      !this.#isUnsure &&
      now.shared === shared &&
      now.changes === changes &&
      (now.readings === readings || (readings === 0 && now.readings === 1))
    );
  }

  /**
   * Printing definitions takes a reader's locks on what they name, until the transaction ends: a migration elsewhere would
   * wait for a session that only looked. What is locked behind a savepoint is free again once that is rolled back
   * (PostgreSQL 13.3). A pipeline may have ended its transaction already, so there the locks stay until it is through.
   */
  async #releasing<T>(
    { unsynced, transaction }: Moment,
    { signal, idle }: Waiting,
    read: (query: CatalogQuery) => Promise<T>,
  ): Promise<T> {
    const query: CatalogQuery = (sql) => this.#ask(sql, !unsynced, signal);
    if (unsynced) return await read(query);
    if (transaction === 'T') await query(`SAVEPOINT ${savepoint}`);
    this.#isCancellable = true;
    const outcome = await read(query)
      .then((result) => ({ result }))
      .catch((error: unknown) => ({ unread: unreadBy(error) }));
    this.#isCancellable = false;
    await idle(); // a cancel that comes too late must not hit what follows
    if (transaction === 'T') {
      await query(`ROLLBACK TO SAVEPOINT ${savepoint}`);
      await query(`RELEASE SAVEPOINT ${savepoint}`);
    }
    if ('unread' in outcome) throw outcome.unread;
    return outcome.result;
  }

  /** The session's own catalog is being read, behind locks of others perhaps; to cancel that costs a statement at most. */
  get isCancellable(): boolean {
    return this.#isCancellable;
  }

  /** What names mean now, whatever was known: others may have changed it past the gateway. Call with nothing in flight. */
  async fresh(moment: Moment, waiting: Waiting): Promise<CatalogHandle> {
    if (this.isShared) {
      const { target, classification } = this.#incoming;
      const loaded = await this.#catalogs.fresh(target, classification);
      if (this.#isOwnPath(loaded)) return loaded.handle;
    }
    this.#forget();
    return await this.own(moment, waiting);
  }

  /** The session's own statement_timeout in milliseconds, 0 for none. Call with nothing in flight; SHOW takes no snapshot. */
  async statementTimeoutMs(unsynced: boolean, signal: AbortSignal): Promise<number> {
    const [answer] = await this.#ask('SHOW statement_timeout', !unsynced, signal);
    return durationMs(answer?.row ?? '0');
  }

  /** Asks the session for one list, as JSON. Call with nothing in flight. */
  async ask(sql: string, { unsynced }: Pick<Moment, 'unsynced'>, signal: AbortSignal): Promise<string> {
    const [answer] = await this.#ask(sql, !unsynced, signal);
    return answer?.row ?? '[]';
  }

  /** Called for every statement before it leaves; `era` is the number of Syncs sent before it. */
  noteSent(statement: StatementAnalysis, era: number): void {
    if (runsOwnCode(statement) && this.now()?.movesPath !== false) this.#isUnsure = true;
    // What the open transaction has changed may be undone, or be dropped with its end, while another one follows at once.
    if (statement.changes.some(endsChanges)) this.#forget();
    if (!statement.changes.some(({ type }) => type === 'catalogChange')) return;
    this.#changed = true;
    this.#changedEra = era;
    this.#forget();
    if (statement.effects.some(({ action, facts }) => action === 'create' && facts.temporary)) this.#temporary = true;
  }

  /** The transaction that ended with this Sync is over: its changes are everybody's, or nobody's. */
  transactionEnded(era: number): void {
    if (!this.#changed || era < this.#changedEra) return;
    this.#forget();
    this.#changed = false;
  }

  /** The session is over in the middle of a transaction, which may have been committed all the same. */
  sessionEnded(): void {
    if (this.#changed) this.#catalogs.invalidate(this.#incoming.target);
  }

  /** A question of our own is under way. */
  get isAsking(): boolean {
    return this.#question !== null;
  }

  /** Takes a message that answers a question of our own; false for all others. */
  takes(message: Frame): boolean {
    const question = this.#question;
    if (question === null || !answers.has(message.type)) return false;
    switch (String.fromCharCode(message.type)) {
      case 'D':
        question.rows.push({ row: onlyColumn(message.payload) });
        break;
      case 'C':
        if (!question.synced) question.done(null);
        break;
      case 'Z':
        question.done(question.failure);
        break;
      case 'E': {
        const fields = decodeErrorFields(message.payload);
        const targetCode = fields.get('C') ?? '';
        const why = `the session's catalog could not be read (${targetCode} ${fields.get('M') ?? ''})`;
        question.failure ??= new SluiceError('target_rejected', why, { decider: 'target', targetCode });
        if (!question.synced || fields.get('S') === 'FATAL') question.done(question.failure);
        break;
      }
      default:
    }
    return true;
  }

  #current(): LoadedCatalog | null {
    return this.#catalogs.current(this.#incoming.target, this.#incoming.classification);
  }

  #known(): LoadedCatalog | Standing {
    return this.#current() ?? this.#catalogs.standing(this.#incoming.target, this.#incoming.classification);
  }

  #forget(): void {
    this.#own = null;
    this.#changes++;
  }

  /** Runs one query of ours under the unnamed statement and portal, which clients' names never reach upstream. */
  async #ask(sql: string, synced: boolean, signal: AbortSignal): Promise<readonly { readonly row: string | null }[]> {
    const rows: { readonly row: string | null }[] = [];
    try {
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => reject(new SluiceError('interrupted', 'the session ended'));
        signal.addEventListener('abort', onAbort, { once: true });
        const done = (error: SluiceError | null): void => {
          signal.removeEventListener('abort', onAbort);
          if (error === null) resolve();
          else reject(error);
        };
        this.#question = { rows, synced, failure: null, done };
        if (signal.aborted) onAbort();
        else this.#dialled.out.write([question(sql, synced)]);
      });
    } catch (error) {
      // Its transaction is lost with it, so the session cannot go on.
      throw error instanceof SluiceError ? error : new SluiceError('unexpected', messageOf(error), { cause: error });
    } finally {
      this.#question = null;
    }
    return rows;
  }
}

/** SQLSTATE query_canceled, lock_not_available, deadlock_detected: another time it may be read. */
const passing: ReadonlySet<string> = new Set(['57014', '55P03', '40P01']);

/** An error that costs the statement; throws those that cost more. */
function unreadBy(error: unknown): SluiceError {
  const code = isSluiceError(error, 'target_rejected') ? error.details.targetCode : null;
  if (!isSluiceError(error) || typeof code !== 'string' || !passing.has(code)) throw error;
  return new SluiceError(code === '57014' ? 'timeout' : 'unavailable', error.message, {
    ...{ decider: 'target', targetCode: code, retryable: true, cause: error },
    next: [{ command: sendAgain, when: 'in a few seconds' }],
  });
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** A setting as SHOW prints it, in the largest unit that divides it: "0", "1500ms", "2s", "1min". PostgreSQL 20.1.1. */
export function durationMs(setting: string): number {
  const [, digits, unit] = /^(\d+)(ms|s|min|h|d)?$/.exec(setting) ?? [];
  if (digits === undefined) throw new SluiceError('protocol', 'the target shows a setting in an unknown form');
  return Number(digits) * (unitMs[unit ?? 'ms'] ?? 1);
}

/** Parse, Bind, Execute, then Sync or Flush. PostgreSQL 55.2.3. */
function question(sql: string, synced: boolean): Buffer {
  return Buffer.concat([
    frame('P', cString(''), cString(sql), int16(0)),
    frame('B', cString(''), cString(''), int16(0), int16(0), int16(0)),
    frame('E', cString(''), int32(0)),
    frame(synced ? 'S' : 'H'),
  ]);
}

/** DataRow: Int16(1) Int32(length, -1 for NULL) Byten. */
function onlyColumn(payload: Buffer): string | null {
  const reader = new FieldReader(payload);
  if (reader.int16() !== 1) throw new SluiceError('protocol', 'the target answered a catalog query with other columns');
  const length = reader.int32();
  return length === -1 ? null : reader.bytes(length).toString('utf8');
}
