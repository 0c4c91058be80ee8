import type { StatementAnalysis } from '../../analysis/postgres-types.js';
import type { CopyAuthor } from '../../masking/copied-columns.js';
import { CopyBook, type CopyMaker } from '../../masking/copy-book.js';
import type { IncomingConnection } from '../../sessions/types.js';
import type { TargetCatalogs } from './catalogs.js';

/** A statement as it is sent. */
interface SentStatement {
  readonly maker: CopyMaker;
  /** Its number in the session's record. */
  readonly op: number;
  /** Syncs sent before it. */
  readonly era: number;
}

interface Item {
  readonly maker: CopyMaker;
  /** Order in which statements were sent. */
  readonly sequence: number;
  /** Syncs sent before it. */
  readonly era: number;
  failed: boolean;
}

/** Code of the database's own may commit in the middle of what looks like one transaction. */
const opaque = new Set(['doBlock', 'callProcedure', 'unknown']);

/**
 * The copies of protected values that this session's statements make, from before they are sent until their transaction
 * has ended. Answers come in the order of what was sent, so a COMMIT settles what was sent before it.
 */
export class CopiesInFlight {
  /** Copies in the session's own temporary tables: nobody else sees them, and they end with it. */
  readonly temporary: CopyBook;
  readonly #incoming: IncomingConnection;
  readonly #session: string;
  readonly #catalogs: TargetCatalogs;
  #items: Item[] = [];
  #savepoints: { readonly name: string; readonly sequence: number }[] = [];
  #sequence = 0;
  #isOpaque = false;

  constructor(incoming: IncomingConnection, session: string, catalogs: TargetCatalogs, now: () => number) {
    this.#incoming = incoming;
    this.#session = session;
    this.#catalogs = catalogs;
    this.temporary = new CopyBook({ target: incoming.target.name, database: '' }, null, now);
  }

  get makers(): ReadonlySet<CopyMaker> {
    return new Set(this.#items.map(({ maker }) => maker));
  }

  /** Before a statement leaves: what it would copy is protected from now on. Gives its place in the order. */
  sent(statement: StatementAnalysis, { maker, op, era }: SentStatement): number {
    const sequence = ++this.#sequence;
    if (statement.effects.some(({ action }) => opaque.has(action))) this.#isOpaque = true;
    const copies = statement.copies ?? [];
    if (copies.length === 0) return sequence;
    const by = this.#author(op);
    this.temporary.note(
      copies.filter(({ schema }) => schema === 'pg_temp'),
      maker,
      by,
    );
    const lasting = copies.filter(({ schema }) => schema !== 'pg_temp');
    this.#catalogs.noteCopies(this.#incoming.target, lasting, maker, by);
    this.#items.push({ maker, sequence, era, failed: false });
    return sequence;
  }

  #author(op: number): Omit<CopyAuthor, 'at'> {
    const { id, name, aliases = [] } = this.#incoming.principal;
    return { id, name, aliases, session: this.#session, op };
  }

  /** The server has refused it. */
  failed(maker: CopyMaker): void {
    for (const item of this.#items) if (item.maker === maker) item.failed = true;
  }

  /** A transaction statement sent at this place has been completed. */
  completed(sequence: number, tag: string): void {
    if (tag === 'COMMIT' || tag === 'PREPARE TRANSACTION') this.#settle((item) => item.sequence < sequence, 'kept');
    else if (tag === 'ROLLBACK') this.#settle((item) => item.sequence < sequence, 'undone');
  }

  savepoint(sequence: number, name: string, action: 'set' | 'release' | 'rollback'): void {
    if (action === 'set') this.#savepoints.push({ name, sequence });
    const since = this.#savepoints.findLast((savepoint) => savepoint.name === name);
    if (action !== 'rollback' || since === undefined) return;
    this.#settle((item) => item.sequence > since.sequence && item.sequence < sequence, 'undone');
  }

  /** No transaction is open behind this Sync. `failed`: there was an error since the one before. */
  transactionEnded(era: number, failed: boolean): void {
    this.#settle((item) => item.era <= era, failed ? 'undone' : 'kept');
    this.#savepoints = [];
    this.#isOpaque = false;
  }

  /** The connection is gone, and what was open on it ends without us. */
  sessionEnded(): void {
    this.#settle(() => true, 'unknown');
  }

  #settle(covers: (item: Item) => boolean, outcome: 'kept' | 'undone' | 'unknown'): void {
    if (this.#items.length === 0) return;
    const ended = this.#items.filter(covers);
    this.#items = this.#items.filter((item) => !ended.includes(item));
    for (const { maker, failed } of ended) {
      // A statement that failed has left nothing; a rollback undoes the rest unless other code had committed it.
      const isUndone = failed || (outcome === 'undone' && !this.#isOpaque);
      const settled = isUndone ? 'undone' : outcome === 'unknown' ? 'unknown' : 'kept';
      this.temporary.settle(maker, settled);
      this.#catalogs.settleCopies(this.#incoming.target, maker, settled);
    }
  }
}
