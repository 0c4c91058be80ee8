import type { OpenEvent, SessionEvent } from '../events.js';
import type { IndexDatabase } from './database.js';
import { maxIndexedOps, maxIndexedText, operationBits } from './schema.js';
import type { TailPosition } from './tail.js';

/** One operation on its way into the index. */
interface OperationRow {
  readonly op: number;
  readonly at: number;
  readonly kind: string;
  readonly text: string;
  readonly parameters: string;
  readonly effects: string;
  readonly who: string;
  extras: string;
  verdict: string | null;
  policies: string;
  message: string | null;
  request: string | null;
  rowCount: number | null;
  error: string | null;
  durationMs: number | null;
  /** As it stands in the full-text index; null when it does not yet. */
  indexed: { readonly extras: string; readonly error: string | null } | null;
  dirty: boolean;
}

/** Operations that may still change are kept at hand; older ones are read back if an event speaks of them. */
const maxOperationsAtHand = 64;

/** Turns the events of one session into rows. `flush` inside a transaction makes them visible. */
export class SessionWriter {
  readonly seq: number;
  readonly #db: IndexDatabase;
  readonly #who: string;
  readonly #rows = new Map<number, OperationRow>();
  #operations: number;
  #denied: number;
  #rowCount: number;
  #end: { readonly at: number; readonly reason: string } | null = null;

  private constructor(db: IndexDatabase, from: SessionCounters) {
    this.#db = db;
    this.seq = from.seq;
    this.#who = from.who;
    this.#operations = from.operations;
    this.#denied = from.denied;
    this.#rowCount = from.rows;
  }

  /** A session's first appearance. */
  static create(db: IndexDatabase, open: OpenEvent, path: string | null): SessionWriter {
    const { identity, client, target } = open;
    const who = [identity.name, identity.subject, target.name, client.application, open.reason ?? ''].join(' ');
    const seq = db.run(
      `insert into sessions (id, path, target, user, user_kind, client, via, started_at, state, recording, who)
       values (?, ?, ?, ?, ?, ?, ?, ?, 'live', ?, ?)`,
      open.session,
      path,
      target.name,
      identity.name,
      identity.kind,
      client.application === '' ? client.address : `${client.application} (${client.address})`,
      client.via,
      Math.trunc(open.at),
      open.mode,
      who,
    );
    return new SessionWriter(db, { seq, who, operations: 0, denied: 0, rows: 0 });
  }

  /** A session that the index has seen before. */
  static resume(db: IndexDatabase, counters: SessionCounters): SessionWriter {
    return new SessionWriter(db, counters);
  }

  apply(event: SessionEvent): void {
    switch (event.type) {
      case 'operation':
        this.#begin(event);
        return;
      case 'decision': {
        if (event.verdict === 'deny') this.#denied++;
        this.#change(event.op, (row) => {
          row.verdict = event.verdict;
          row.policies = JSON.stringify(event.policies);
          row.message = event.message === '' ? null : clip(event.message);
          row.request = event.request ?? row.request;
          row.extras = clip(`${row.parameters} ${row.effects} ${event.policies.join(' ')} ${event.request ?? ''}`);
        });
        return;
      }
      case 'result':
        this.#rowCount += event.rowCount;
        this.#change(event.op, (row) => {
          row.rowCount = (row.rowCount ?? 0) + event.rowCount;
          row.durationMs = Math.max(0, event.at - row.at);
        });
        return;
      case 'error':
        if (event.op === null) return;
        this.#change(event.op, (row) => {
          row.error = clip(`${event.code} ${event.message}`);
          row.durationMs = Math.max(0, event.at - row.at);
        });
        return;
      case 'end':
        this.#end = { at: event.at, reason: event.reason };
        return;
      default:
        return;
    }
  }

  /** Marks a session whose journal will get no end from this gateway. */
  end(at: number, reason: string): void {
    this.#end = { at, reason };
  }

  flush(position: TailPosition | null): void {
    for (const row of this.#rows.values()) if (row.dirty) this.#store(row);
    for (const op of this.#rows.keys()) {
      if (this.#rows.size <= maxOperationsAtHand) break;
      this.#rows.delete(op);
    }
    this.#db.run(
      'update sessions set operations = ?, denied = ?, rows = ? where seq = ?',
      this.#operations,
      this.#denied,
      this.#rowCount,
      this.seq,
    );
    if (position !== null) {
      this.#db.run(
        'update sessions set indexed_bytes = ?, indexed_records = ?, indexed_hash = ? where seq = ?',
        position.bytes,
        position.records,
        position.hash,
        this.seq,
      );
    }
    if (this.#end !== null) {
      const { at, reason } = this.#end;
      const state = reason === 'interrupted' ? 'interrupted' : 'closed';
      this.#db.run(
        'update sessions set ended_at = ?, end_reason = ?, state = ? where seq = ?',
        Math.trunc(at),
        reason,
        state,
        this.seq,
      );
    }
  }

  #begin(event: Extract<SessionEvent, { type: 'operation' }>): void {
    this.#operations++;
    if (event.op >= maxIndexedOps || event.op < 1) return;
    const parameters = clip(JSON.stringify(event.parameters));
    const effects = clip(JSON.stringify(event.effects));
    this.#rows.set(event.op, {
      op: event.op,
      at: Math.trunc(event.at),
      kind: event.kind,
      text: clip(event.text),
      parameters: parameters.length < maxIndexedText ? parameters : '[]',
      effects: effects.length < maxIndexedText ? effects : '[]',
      who: this.#who,
      extras: clip(`${parameters} ${effects}`),
      verdict: null,
      policies: '[]',
      message: event.fault === null ? null : clip(event.fault),
      request: null,
      rowCount: null,
      error: null,
      durationMs: null,
      indexed: null,
      dirty: true,
    });
  }

  #change(op: number, change: (row: OperationRow) => void): void {
    const row = this.#rows.get(op) ?? this.#load(op);
    if (row === null) return;
    change(row);
    row.dirty = true;
  }

  #id(op: number): bigint {
    return (BigInt(this.seq) << operationBits) | BigInt(op);
  }

  #load(op: number): OperationRow | null {
    if (op >= maxIndexedOps || op < 1) return null;
    const found = this.#db.row<LoadedOperation>(
      `select at, kind, text, parameters, effects, who, extras, verdict, policies, message, request_id, row_count, error,
              duration_ms from operations where id = ?`,
      this.#id(op),
    );
    if (found === null) return null;
    const [at, kind, text, parameters, effects, who, extras, verdict, policies, message, request, ...more] = found;
    const [rowCount, error, durationMs] = more;
    const indexed = { extras, error };
    const row: OperationRow = {
      ...{ op, at, kind, text, parameters, effects, who, extras, verdict, policies, message, request },
      ...{ rowCount, error, durationMs, indexed, dirty: false },
    };
    this.#rows.set(op, row);
    return row;
  }

  #store(row: OperationRow): void {
    row.dirty = false;
    const id = this.#id(row.op);
    const { extras, verdict, policies, message, request, rowCount, error, durationMs } = row;
    const changing = [extras, verdict, policies, message, request, rowCount, error, durationMs];
    if (row.indexed === null) {
      this.#db.run(
        `insert into operations (id, at, kind, text, parameters, effects, who,
           extras, verdict, policies, message, request_id, row_count, error, duration_ms)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[id, row.at, row.kind, row.text, row.parameters, row.effects, row.who, ...changing],
      );
    } else {
      this.#db.run(
        `update operations set extras = ?, verdict = ?, policies = ?, message = ?, request_id = ?, row_count = ?,
           error = ?, duration_ms = ? where id = ?`,
        ...[...changing, id],
      );
      if (row.indexed.extras === extras && row.indexed.error === error) return;
      this.#db.run(
        `insert into operation_words (operation_words, rowid, text, extras, error, who) values ('delete', ?, ?, ?, ?, ?)`,
        ...[id, row.text, row.indexed.extras, row.indexed.error, row.who],
      );
    }
    this.#db.run(
      'insert into operation_words (rowid, text, extras, error, who) values (?, ?, ?, ?, ?)',
      ...[id, row.text, extras, error, row.who],
    );
    row.indexed = { extras, error };
  }
}

type LoadedOperation = [
  at: number,
  kind: string,
  text: string,
  parameters: string,
  effects: string,
  who: string,
  extras: string,
  verdict: string | null,
  policies: string,
  message: string | null,
  request: string | null,
  rowCount: number | null,
  error: string | null,
  durationMs: number | null,
];

export interface SessionCounters {
  readonly seq: number;
  readonly who: string;
  readonly operations: number;
  readonly denied: number;
  readonly rows: number;
}

function clip(text: string): string {
  return text.length > maxIndexedText ? text.slice(0, maxIndexedText) : text;
}
