import { givenNotice, type NoticeEvent, type OpenEvent, type SessionEvent } from '../events.js';
import { blockOf, type IndexBatch } from './batch.js';
import type { IndexDatabase } from './database.js';
import { clip, newOperation, newTerminal, type OperationRow } from './operation-row.js';
import { maxIndexedOps } from './schema.js';
import type { TailPosition } from './tail.js';
import { TerminalText, type TextPiece } from './terminal-text.js';

/** Operations that may still change are kept at hand; older ones are read back if an event speaks of them. */
const maxBlocksAtHand = 2;
const maxPrepared = 256;

/** What every operation of a session is found by. */
export interface SessionWords {
  readonly actor: string;
  /** The person for whom a machine acted; empty for none. */
  readonly behalf: string;
  readonly target: string;
  readonly other: string;
}

interface Block {
  readonly rows: Map<number, OperationRow>;
  changed: boolean;
}

/** Turns the events of one session into operations and terms. They are in the index once the batch is written. */
export class SessionWriter {
  readonly seq: number;
  readonly #db: IndexDatabase;
  readonly #batch: IndexBatch;
  readonly #blocks = new Map<number, Block>();
  /** Allowed preparations that have not been run yet, by their text. */
  readonly #prepared = new Map<string, number>();
  readonly #terminal = new TerminalText(() => this.#freePiece());
  /** Of terminals' text; null: not known yet. */
  #nextPiece: number | null = null;
  #operations: number;
  #denied: number;
  #rowCount: number;
  #fromAt: number | null;
  #toAt: number | null;
  #end: { readonly at: number; readonly reason: string } | null = null;
  #position: TailPosition | null = null;
  #shownAt = 0;

  constructor(db: IndexDatabase, batch: IndexBatch, from: SessionCounters) {
    this.#db = db;
    this.#batch = batch;
    this.seq = from.seq;
    this.#operations = from.operations;
    this.#denied = from.denied;
    this.#rowCount = from.rows;
    this.#fromAt = from.fromAt;
    this.#toAt = from.toAt;
  }

  /** A session's first appearance. */
  static create(db: IndexDatabase, batch: IndexBatch, open: OpenEvent, path: string | null): SessionWriter {
    const { identity, client, target } = open;
    const { onBehalfOf = null } = identity;
    const seq = db.run(
      `insert into sessions (id, path, subject, target, user, user_kind, client, via, started_at, state, recording,
         behalf_subject, behalf_name, who)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, 'live', ?, ?, ?, ?)`,
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
      onBehalfOf?.subject ?? null,
      onBehalfOf?.name ?? null,
      JSON.stringify(wordsIn(open)),
    );
    const counters = { seq, operations: 0, denied: 0, rows: 0, fromAt: null, toAt: null };
    return new SessionWriter(db, batch, counters);
  }

  apply(event: SessionEvent): void {
    switch (event.type) {
      case 'open':
        this.#addWords(event);
        return;
      case 'operation':
        this.#begin(event);
        return;
      case 'decision': {
        if (event.verdict === 'deny') this.#denied++;
        const row = this.#change(event.op);
        if (row === null) return;
        row.indexed = changed(row);
        row.verdict = event.verdict;
        row.policies =
          event.shadow === undefined
            ? event.policies
            : [...event.policies, ...event.shadow.policies.map((id) => `shadow:${id}`)];
        row.message = event.message === '' ? null : clip(event.message);
        row.request = event.request ?? row.request;
        if (row.kind === 'parse' && event.verdict === 'allow') this.#prepare(row);
        return;
      }
      case 'approval': {
        const row = this.#change(event.op);
        if (row === null) return;
        row.indexed = changed(row);
        row.request = event.request;
        row.people = clip(event.by.map(({ name, comment }) => `${name} ${comment}`.trim()).join('; '));
        return;
      }
      case 'result': {
        this.#show(event.at, this.#terminal.end(event.op));
        this.#rowCount += event.rowCount;
        const row = this.#change(event.op);
        if (row === null) return;
        row.rowCount = (row.rowCount ?? 0) + event.rowCount;
        row.durationMs = Math.max(0, event.at - row.at);
        return;
      }
      case 'error': {
        if (event.op === null) return;
        const row = this.#change(event.op);
        if (row === null) return;
        row.indexed = changed(row);
        row.error = clip(`${event.code} ${event.message}`);
        row.durationMs = Math.max(0, event.at - row.at);
        if (this.#prepared.get(row.text) === row.op) this.#prepared.delete(row.text);
        return;
      }
      case 'notice':
        if (event.code === givenNotice) this.#given(event);
        return;
      case 'terminal':
        this.#show(event.at, this.#terminal.push(event));
        return;
      case 'end':
        this.#end = { at: event.at, reason: event.reason };
        return;
      default:
        return;
    }
  }

  /** The journal has been read up to here: what is known goes into the batch. */
  settle(position: TailPosition): void {
    this.#position = position;
    this.#show(this.#shownAt, this.#terminal.settle());
    this.#batch.add(this);
    let excess = this.#blocks.size - maxBlocksAtHand;
    for (const [number, block] of this.#blocks) {
      if (block.changed) this.#batch.store(this.seq, number, block.rows);
      block.changed = false;
      if (excess-- > 0) this.#blocks.delete(number);
    }
  }

  /** Inside a transaction: the session's own row. */
  write(): void {
    if (this.#position === null) return;
    const { bytes, records, hash } = this.#position;
    this.#db.run(
      `update sessions set operations = ?, denied = ?, rows = ?, from_at = ?, to_at = ?,
         indexed_bytes = ?, indexed_records = ?, indexed_hash = ? where seq = ?`,
      ...[this.#operations, this.#denied, this.#rowCount, this.#fromAt, this.#toAt],
      ...[bytes, records, hash, this.seq],
    );
    if (this.#end === null) return;
    const { at, reason } = this.#end;
    const state = reason === 'interrupted' ? 'interrupted' : 'closed';
    this.#db.run(
      'update sessions set ended_at = ?, end_reason = ?, state = ? where seq = ?',
      ...[Math.trunc(at), reason, state, this.seq],
    );
  }

  /** Of what was read so far only so much was given out: what lies between was counted with the last operation. */
  #given({ op, message }: NoticeEvent): void {
    const rows = Number.parseInt(message, 10);
    if (op === null || !Number.isSafeInteger(rows)) return;
    const row = this.#change(op);
    if (row !== null) row.rowCount = Math.max(0, (row.rowCount ?? 0) + rows - this.#rowCount);
    this.#rowCount = rows;
  }

  /** Operation 0 stands for the session. */
  #addWords(open: OpenEvent): void {
    const { postings } = this.#batch;
    const { actor, behalf, target } = wordsIn(open);
    postings.addText('user', actor, this.seq, 0);
    postings.addText('user', behalf, this.seq, 0);
    postings.addText('actor', actor, this.seq, 0);
    postings.addText('behalf', behalf, this.seq, 0);
    postings.addText('target', target, this.seq, 0);
    postings.addText('session', open.client.application, this.seq, 0);
    postings.addText('session', open.reason ?? '', this.seq, 0);
  }

  #begin(event: Extract<SessionEvent, { type: 'operation' }>): void {
    if (event.kind === 'execute') this.#dropPreparation(event.text);
    this.#operations++;
    if (event.op >= maxIndexedOps || event.op < 1) return;
    this.#put(newOperation(event));
  }

  #put(row: OperationRow): void {
    const block = this.#block(blockOf(row.op));
    block.rows.set(row.op, row);
    block.changed = true;
    this.#fromAt = Math.min(this.#fromAt ?? row.at, row.at);
    this.#toAt = Math.max(this.#toAt ?? row.at, row.at);
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
    const block = this.#block(blockOf(op));
    const row = block.rows.get(op);
    if (row === undefined) return;
    block.rows.delete(op);
    block.changed = true;
    if (row.indexed !== 'no') this.#batch.doubt(this.seq, op);
  }

  #show(at: number, pieces: readonly TextPiece[]): void {
    this.#shownAt = at;
    for (const { piece, text } of pieces) {
      const op = maxIndexedOps + piece;
      if (op >= 2 * maxIndexedOps) return;
      const row = this.#block(blockOf(op)).rows.get(op) ?? newTerminal(op, at);
      row.text = text;
      row.indexed = changed(row);
      this.#put(row);
    }
  }

  /** Behind what was indexed before, when a journal is gone on with. */
  #freePiece(): number {
    let piece = this.#nextPiece ?? 0;
    const isTaken = (): boolean => this.#block(blockOf(maxIndexedOps + piece)).rows.has(maxIndexedOps + piece);
    while (this.#nextPiece === null && piece < maxIndexedOps && isTaken()) piece++;
    this.#nextPiece = piece + 1;
    return piece;
  }

  /** The operation, about to be changed; null when the index has none of that number. */
  #change(op: number): OperationRow | null {
    if (op < 1 || op >= maxIndexedOps) return null;
    const block = this.#block(blockOf(op));
    const row = block.rows.get(op);
    if (row === undefined) return null;
    block.changed = true;
    return row;
  }

  #block(number: number): Block {
    let block = this.#blocks.get(number);
    if (block === undefined) {
      const rows = new Map(this.#batch.load(this.seq, number).map((row) => [row.op, row]));
      this.#blocks.set(number, (block = { rows, changed: false }));
    }
    return block;
  }
}

export interface SessionCounters {
  readonly seq: number;
  readonly operations: number;
  readonly denied: number;
  readonly rows: number;
  /** Between these its operations began. */
  readonly fromAt: number | null;
  readonly toAt: number | null;
}

function wordsIn({ identity, client, target, reason }: OpenEvent): SessionWords {
  const { onBehalfOf = null } = identity;
  return {
    actor: `${identity.name} ${identity.subject}`,
    behalf: onBehalfOf === null ? '' : `${onBehalfOf.name} ${onBehalfOf.subject}`,
    target: target.name,
    other: [client.application, reason ?? ''].join(' ').trim(),
  };
}

function changed({ indexed }: OperationRow): OperationRow['indexed'] {
  return indexed === 'no' ? 'no' : 'otherwise';
}
