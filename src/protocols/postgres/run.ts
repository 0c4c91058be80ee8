import type { CatalogHandle, StatementAnalysis } from '../../analysis/postgres-types.js';
import type { CopyMaker } from '../../masking/copy-book.js';
import type { CopyMasker } from '../../masking/types.js';
import type { SessionRecorder } from '../../recording/events.js';
import type { Effect } from '../../analysis/effects.js';
import type { Basis } from '../../sessions/basis.js';
import type { Permit } from '../../sessions/permit.js';
import { KeptRows } from './kept-rows.js';
import type { ResultPlan } from './result-plan.js';

/** The last result plan of a prepared statement, reused while the server describes the same thing and nothing else moved. */
export interface PlanSlot {
  plan: { readonly result: ResultPlan; readonly catalog: CatalogHandle; readonly basis: Basis } | null;
}

/** One statement under way at the target: its permit, how its rows are treated, and what is recorded of them. */
export class Run {
  readonly permit: Permit;
  readonly statement: StatementAnalysis;
  /** The catalog it was analysed with. */
  readonly catalog: CatalogHandle;
  /** When it was asked for, as changes of definitions are counted. */
  readonly since: number;
  /** The changes that its result was last compared with. */
  seenChanges = -1;
  /** They may have changed what it means: its values are withheld. */
  isWithheld = false;
  /** Stands for it among those that make copies of protected values. */
  readonly maker: CopyMaker;
  /** Where its statement keeps the last plan, when the same text always has the same lineage. */
  readonly plans: PlanSlot | null;
  /** The run of the same portal that this one reads on; the portal is described once, for all of them. */
  readonly #follows: Run | null;
  #plan: ResultPlan | null = null;
  copyMasker: CopyMasker | null = null;
  /** Called once the server has completed it, with CommandComplete's tag. */
  readonly onDone: ((tag: string) => void) | null;
  readonly #rows = new KeptRows();
  #readEffects: readonly Effect[] | null = null;
  #columnsRecorded = false;

  constructor(parts: {
    permit: Permit;
    statement: StatementAnalysis;
    catalog: CatalogHandle;
    since: number;
    maker: CopyMaker;
    plans?: PlanSlot;
    follows?: Run;
    onDone?: (tag: string) => void;
  }) {
    this.permit = parts.permit;
    this.statement = parts.statement;
    this.catalog = parts.catalog;
    this.since = parts.follows?.since ?? parts.since;
    this.maker = parts.maker;
    this.plans = parts.plans ?? null;
    this.#follows = parts.follows ?? null;
    this.onDone = parts.onDone ?? null;
  }

  get op(): number {
    return this.permit.op;
  }

  /** What policy is asked about while its result is read: the statement, and what the result shows in clear. */
  get readEffects(): readonly Effect[] {
    return this.#readEffects ?? this.#follows?.readEffects ?? this.statement.effects;
  }
  /** These protected columns go out in clear. */
  shows(revealed: readonly Effect[]): void {
    if (revealed.length > 0) this.#readEffects = [...this.statement.effects, ...revealed];
  }

  /** How its rows are treated; null until the server has described them. */
  get plan(): ResultPlan | null {
    return this.#plan ?? this.#follows?.plan ?? null;
  }
  set plan(plan: ResultPlan) {
    this.#plan = plan;
    this.shows(plan.revealed);
  }

  /** Counts rows as delivered. `frames` are whole DataRow messages, one behind the other. */
  addRows(frames: Buffer, count: number): void {
    this.#rows.add(frames, count);
  }

  /** Counts COPY data as delivered: only its size and digest are recorded. */
  addCopied(bytes: Buffer): void {
    this.#rows.addUnkept(bytes);
  }

  /** Appends the rows kept since the last call, so that they are in the journal before they are delivered. */
  flushRows(recorder: SessionRecorder, now: number): void {
    if (this.#rows.rows > 0) this.#recordColumns(recorder, now);
    const kept = this.#rows.take();
    if (kept !== null) recorder.append({ type: 'rows', at: now, op: this.op, count: kept.count, data: kept.data });
  }

  /** Appends the end of the result. `tag` is CommandComplete's, "" for a portal that is suspended. */
  complete(recorder: SessionRecorder, now: number, tag: string): void {
    this.#recordColumns(recorder, now);
    this.flushRows(recorder, now);
    const { rows, bytes, truncated } = this.#rows;
    recorder.append({
      type: 'result',
      at: now,
      op: this.op,
      tag,
      rowCount: rows,
      byteCount: bytes,
      truncated,
      digest: this.#rows.digest(),
    });
  }

  #recordColumns(recorder: SessionRecorder, now: number): void {
    if (this.#columnsRecorded || this.plan === null) return;
    this.#columnsRecorded = true;
    recorder.append({ type: 'columns', at: now, op: this.op, columns: this.plan.recorded });
  }
}
