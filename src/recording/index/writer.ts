import type { OpenEvent, SessionEvent } from '../events.js';
import type { IndexDatabase } from './database.js';
import { clip, OperationTable, type OperationRow, type SessionWords } from './operation-table.js';
import { mark } from './query.js';
import { maxIndexedOps } from './schema.js';
import type { TailPosition } from './tail.js';
import { TerminalText } from './terminal-text.js';

/** Operations that may still change are kept at hand; older ones are read back if an event speaks of them. */
const maxOperationsAtHand = 64;
const maxPrepared = 256;

/** Turns the events of one session into rows. `flush` inside a transaction makes them visible. */
export class SessionWriter {
  readonly seq: number;
  readonly #db: IndexDatabase;
  readonly #table: OperationTable;
  readonly #rows = new Map<number, OperationRow>();
  /** Allowed preparations that have not been run yet, by their text. */
  readonly #prepared = new Map<string, number>();
  readonly #terminal = new TerminalText();
  #operations: number;
  #denied: number;
  #rowCount: number;
  #end: { readonly at: number; readonly reason: string } | null = null;

  private constructor(db: IndexDatabase, from: SessionCounters) {
    this.#db = db;
    this.seq = from.seq;
    this.#table = new OperationTable(db, from.seq, JSON.parse(from.who) as SessionWords);
    this.#operations = from.operations;
    this.#denied = from.denied;
    this.#rowCount = from.rows;
  }

  /** A session's first appearance. */
  static create(db: IndexDatabase, open: OpenEvent, path: string | null): SessionWriter {
    const { identity, client, target } = open;
    const words: SessionWords = {
      user: `${identity.name} ${identity.subject}`,
      target: target.name,
      other: [client.application, open.reason ?? ''].join(' ').trim(),
      owner: path === null ? '' : mark.owner(identity.subject),
    };
    const who = JSON.stringify(words);
    const seq = db.run(
      `insert into sessions (id, path, subject, target, user, user_kind, client, via, started_at, state, recording, who)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, 'live', ?, ?)`,
      open.session,
      path,
      path === null ? null : identity.subject,
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
          if (row.kind === 'parse' && event.verdict === 'allow') this.#prepare(row);
        });
        return;
      }
      case 'approval':
        this.#change(event.op, (row) => {
          row.request = event.request;
          row.people = clip(event.by.map(({ name, comment }) => `${name} ${comment}`.trim()).join('; '));
        });
        return;
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
          if (this.#prepared.get(row.text) === row.op) this.#prepared.delete(row.text);
        });
        return;
      case 'terminal':
        if (event.stream === 'o') this.#show(event.at, event.data);
        return;
      case 'end':
        this.#end = { at: event.at, reason: event.reason };
        return;
      default:
        return;
    }
  }

  flush({ bytes, records, hash }: TailPosition): void {
    for (const row of this.#rows.values()) if (row.dirty) this.#table.store(row);
    for (const op of this.#rows.keys()) {
      if (this.#rows.size <= maxOperationsAtHand) break;
      this.#rows.delete(op);
    }
    this.#db.run(
      `update sessions set operations = ?, denied = ?, rows = ?, indexed_bytes = ?, indexed_records = ?, indexed_hash = ?
       where seq = ?`,
      ...[this.#operations, this.#denied, this.#rowCount, bytes, records, hash, this.seq],
    );
    if (this.#end === null) return;
    const { at, reason } = this.#end;
    const state = reason === 'interrupted' ? 'interrupted' : 'closed';
    this.#db.run(
      'update sessions set ended_at = ?, end_reason = ?, state = ? where seq = ?',
      ...[Math.trunc(at), reason, state, this.seq],
    );
  }

  #begin(event: Extract<SessionEvent, { type: 'operation' }>): void {
    if (event.kind === 'execute') this.#dropPreparation(event.text);
    this.#operations++;
    if (event.op >= maxIndexedOps || event.op < 1) return;
    this.#rows.set(event.op, this.#table.begin(event));
  }

  /** A statement that is prepared and then run is one thing to people: what ran. */
  #prepare(row: OperationRow): void {
    this.#prepared.set(row.text, row.op);
    if (this.#prepared.size <= maxPrepared) return;
    const [oldest] = this.#prepared.keys();
    if (oldest !== undefined) this.#prepared.delete(oldest);
  }

  #dropPreparation(text: string): void {
    const clipped = clip(text);
    const op = this.#prepared.get(clipped);
    if (op === undefined) return;
    this.#prepared.delete(clipped);
    this.#operations--;
    const row = this.#rows.get(op) ?? null;
    this.#rows.delete(op);
    if (row === null || row.indexed !== null) this.#table.remove(op);
  }

  #show(at: number, data: Uint8Array): void {
    const { piece, text } = this.#terminal.push(data);
    const op = maxIndexedOps + piece;
    if (text === '' || op >= 2 * maxIndexedOps) return;
    const row = this.#rows.get(op) ?? this.#table.beginTerminal(op, at);
    row.text = text;
    row.dirty = true;
    this.#rows.set(op, row);
  }

  #change(op: number, change: (row: OperationRow) => void): void {
    const row = this.#rows.get(op) ?? (op >= 1 && op < maxIndexedOps ? this.#table.load(op) : null);
    if (row === null) return;
    change(row);
    row.dirty = true;
    this.#rows.set(op, row);
  }
}

export interface SessionCounters {
  readonly seq: number;
  /** JSON of the session's words. */
  readonly who: string;
  readonly operations: number;
  readonly denied: number;
  readonly rows: number;
}
