import { createHash, type Hash } from 'node:crypto';
import type { CatalogHandle, StatementAnalysis } from '../../analysis/postgres-types.js';
import type { CopyMasker } from '../../masking/types.js';
import type { SessionRecorder } from '../../recording/events.js';
import type { Permit } from '../../sessions/gate.js';
import type { ResultPlan } from './result-plan.js';

const keptBytesPerResult = 64 * 1024;

/** The last result plan of a prepared statement, reused while the server describes the same thing and nothing else moved. */
export interface PlanSlot {
  plan: { readonly result: ResultPlan; readonly catalog: CatalogHandle; readonly policyVersion: string } | null;
}

/** One statement under way at the target: its permit, how its rows are treated, and what is recorded of them. */
export class Run {
  readonly permit: Permit;
  readonly statement: StatementAnalysis;
  /** The catalog it was analysed with. */
  readonly catalog: CatalogHandle;
  /** Where its statement keeps the last plan, when the same text always has the same lineage. */
  readonly plans: PlanSlot | null;
  /** The run of the same portal that this one reads on; the portal is described once, for all of them. */
  readonly #follows: Run | null;
  #plan: ResultPlan | null = null;
  copyMasker: CopyMasker | null = null;
  /** Called once the server has completed it, with CommandComplete's tag. */
  readonly onDone: ((tag: string) => void) | null;
  #rows = 0;
  #bytes = 0;
  #kept: Buffer[] = [];
  #keptNow = 0;
  #keptBytes = 0;
  #hash: Hash | null = null;
  #columnsRecorded = false;

  constructor(parts: {
    permit: Permit;
    statement: StatementAnalysis;
    catalog: CatalogHandle;
    plans?: PlanSlot;
    follows?: Run;
    onDone?: (tag: string) => void;
  }) {
    this.permit = parts.permit;
    this.statement = parts.statement;
    this.catalog = parts.catalog;
    this.plans = parts.plans ?? null;
    this.#follows = parts.follows ?? null;
    this.onDone = parts.onDone ?? null;
  }

  get op(): number {
    return this.permit.op;
  }

  /** How its rows are treated; null until the server has described them. */
  get plan(): ResultPlan | null {
    return this.#plan ?? this.#follows?.plan ?? null;
  }
  set plan(plan: ResultPlan) {
    this.#plan = plan;
  }

  /** Counts rows as delivered. `frames` are whole DataRow messages in a row; the first 64 KiB of a result are kept. */
  addRows(frames: Buffer, count: number): void {
    this.#rows += count;
    this.#bytes += frames.length;
    if (this.#hash === null && this.#keptBytes + frames.length <= keptBytesPerResult) {
      this.#kept.push(frames);
      this.#keptNow += count;
      this.#keptBytes += frames.length;
      return;
    }
    this.#hash ??= createHash('sha256');
    this.#hash.update(frames);
  }

  /** Counts COPY data as delivered: only its size and digest are recorded. */
  addCopied(bytes: Buffer): void {
    this.#bytes += bytes.length;
    this.#hash ??= createHash('sha256');
    this.#hash.update(bytes);
  }

  /** Appends the rows kept since the last call, so that they are in the journal before they are delivered. */
  flushRows(recorder: SessionRecorder, now: number): void {
    if (!this.#columnsRecorded && this.plan !== null && this.#rows > 0) {
      this.#columnsRecorded = true;
      recorder.append({ type: 'columns', at: now, op: this.op, columns: this.plan.recorded });
    }
    if (this.#keptNow === 0) return;
    recorder.append({ type: 'rows', at: now, op: this.op, count: this.#keptNow, data: withoutTypes(this.#kept) });
    this.#kept = [];
    this.#keptNow = 0;
  }

  /** Appends the end of the result. `tag` is CommandComplete's, "" for a portal that is suspended. */
  complete(recorder: SessionRecorder, now: number, tag: string): { readonly rows: number; readonly bytes: number } {
    if (!this.#columnsRecorded && this.plan !== null) {
      this.#columnsRecorded = true;
      recorder.append({ type: 'columns', at: now, op: this.op, columns: this.plan.recorded });
    }
    this.flushRows(recorder, now);
    recorder.append({
      type: 'result',
      at: now,
      op: this.op,
      tag,
      rowCount: this.#rows,
      byteCount: this.#bytes,
      truncated: this.#hash !== null,
      digest: this.#hash?.digest('hex') ?? '',
    });
    return { rows: this.#rows, bytes: this.#bytes };
  }
}

/**
 * DataRow frames 'D' Int32(length + 4) payload become Int32(length) payload: the journal's form of rows.
 */
function withoutTypes(frames: readonly Buffer[]): Buffer {
  const source = frames.length === 1 ? (frames[0] ?? Buffer.alloc(0)) : Buffer.concat(frames);
  const out = Buffer.allocUnsafe(source.length);
  let from = 0;
  let to = 0;
  while (from < source.length) {
    const payload = source.readInt32BE(from + 1) - 4;
    out.writeInt32BE(payload, to);
    source.copy(out, to + 4, from + 5, from + 5 + payload);
    from += payload + 5;
    to += payload + 4;
  }
  return out.subarray(0, to);
}
