import type { Effect } from '../../analysis/effects.js';
import type { CatalogHandle, PostgresAnalyser, StatementAnalysis } from '../../analysis/postgres-types.js';
import type { Session } from '../../sessions/session.js';
import type { Permit } from '../../sessions/permit.js';
import type { IncomingConnection } from '../../sessions/types.js';
import type { Backend } from './backend.js';
import type { TargetCatalogs } from './catalogs.js';
import type { ChangesUnderWay } from './changes-under-way.js';
import { CopiesInFlight } from './copies-in-flight.js';
import { Spans } from './frames.js';
import type { JudgedQuery } from './judged-query.js';
import type { MaskingSetup } from './result-plan.js';
import type { PlanSlot, Run } from './run.js';
import { type CatalogStanding, SessionCatalog } from './session-catalog.js';
import type { SessionSettings } from './session-settings.js';
import { SqlNames } from './sql-names.js';
import { Tracker } from './tracker.js';

/** A prepared statement of the client's, under a private name upstream that is never used again. */
export interface WireStatement extends PlanSlot {
  readonly upstream: string;
  /** Int16(n) Int32(type OID) × n, as Parse gave them. */
  readonly types: Buffer;
  query: JudgedQuery;
}

/** A portal of the client's: one judged run of a statement with its parameters. */
export interface WirePortal {
  readonly upstream: string;
  readonly statement: WireStatement;
  readonly query: JudgedQuery;
  readonly parameters: readonly (string | null)[];
  readonly permit: Permit;
  readonly run: Run;
  /** Number of Syncs sent before it was bound: portals end with their transaction. */
  readonly era: number;
  readonly namesVersion: number;
  /** The last catalog in which its text meant what was judged. */
  seenIn: CatalogHandle;
  /** What was known once its own copies were noted, which move the catalog; null where they have moved nothing. */
  readonly copied: CatalogStanding | null;
  described: boolean;
  executed: boolean;
}

/** All state of one client's conversation with its target. The client's half and the target's half both work on it. */
export class Conversation {
  readonly tracker = new Tracker();
  readonly statements = new Map<string, WireStatement>();
  readonly portals = new Map<string, WirePortal>();
  /** Statements and cursors that SQL itself named. */
  readonly names = new SqlNames();
  /** Syncs and Queries sent so far. */
  era = 0;
  /** Messages of the extended protocol sent since the last Sync. */
  unsynced = false;
  /** Dropping the client's messages up to its next Sync, as the server does after an error. */
  skipping = false;
  /** As ReadyForQuery last said: 'I' idle, 'T' in a transaction, 'E' in a failed one. */
  transaction: 'I' | 'T' | 'E' = 'I';
  /** The COPY FROM STDIN that the server is in now. */
  copyIn: Run | null = null;
  /** A statement that changes the catalog has run in the transaction now open. */
  catalogChanged = false;
  /** A statement that touches protected data was sent in the transaction now open. */
  touched = false;
  /** What sessions change in this database, and the moment at which the client's last message came. */
  readonly changes: ChangesUnderWay;
  heardAt = 0;
  /** What names mean in this session. */
  readonly view: SessionCatalog;
  /** Copies of protected values that this session's statements make. */
  readonly copies: CopiesInFlight;
  /** Result plans of simple queries by what is the same for texts that differ in constants alone. */
  readonly #plans = new WeakMap<readonly Effect[], PlanSlot>();
  #privateNames = 0;

  constructor(
    readonly incoming: IncomingConnection,
    readonly session: Session,
    readonly backend: Backend,
    readonly analyser: PostgresAnalyser,
    readonly catalogs: TargetCatalogs,
    readonly hashKey: Buffer,
    readonly now: () => number,
    /** The schemas that the session is pinned to. */
    path: readonly string[],
    /** What decides how texts are read here. */
    readonly settings: SessionSettings,
  ) {
    this.changes = catalogs.changes(incoming.target);
    this.copies = new CopiesInFlight(incoming, session.id, catalogs, now);
    this.view = new SessionCatalog(incoming, catalogs, backend.dialled, { copies: this.copies, path });
  }

  /** Called for every statement before it leaves. */
  noteSent(statement: StatementAnalysis): void {
    const { changes, copies = [] } = statement;
    const { era } = this;
    this.view.noteSent(statement, era);
    this.settings.noteSent(statement);
    if (copies.length > 0 || changes.some(({ type }) => type === 'catalogChange'))
      this.changes.sent(this, statement, { era, isOpen: this.transaction === 'T' });
    if (changes.some(({ type }) => type === 'commit')) this.changes.committing(this);
  }

  /** A private name nobody has used or will use on this connection. */
  newName(kind: 's' | 'p'): string {
    return `sluice_${kind}${++this.#privateNames}`;
  }

  /** Where the result plan of a query of one statement is kept, for when the same comes again in this session. */
  plansOf({ effects, statements }: JudgedQuery): PlanSlot | undefined {
    if (statements.length !== 1) return undefined;
    let slot = this.#plans.get(effects);
    if (slot === undefined) this.#plans.set(effects, (slot = { plan: null }));
    return slot;
  }

  get masking(): MaskingSetup {
    return {
      classification: this.incoming.classification,
      hashKey: this.hashKey,
      targetName: this.incoming.target.name,
      gate: this.session.gate,
    };
  }

  /** What leaves for the client once what it shows is in the journal. */
  readonly spans = new Spans();

  /** Queues bytes of our own for the client. */
  toClient(bytes: Buffer): void {
    this.spans.add(bytes, 0, bytes.length);
  }
}
