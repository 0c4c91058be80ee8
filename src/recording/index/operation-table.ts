import type { OperationEvent } from '../events.js';
import type { IndexDatabase } from './database.js';
import { mark } from './query.js';
import { maxIndexedText, operationBits } from './schema.js';

/** One operation on its way into the index. */
export interface OperationRow {
  readonly op: number;
  readonly at: number;
  readonly kind: string;
  text: string;
  readonly parameters: string;
  readonly effects: string;
  verdict: string | null;
  policies: string;
  message: string | null;
  request: string | null;
  rowCount: number | null;
  error: string | null;
  durationMs: number | null;
  /** Who approved or refused, and what they said. */
  people: string;
  /** What the full-text index holds that may change; null while it holds nothing. */
  indexed: string | null;
  dirty: boolean;
}

/** What every operation of a session is found by. */
export interface SessionWords {
  readonly user: string;
  readonly target: string;
  readonly other: string;
  readonly owner: string;
}

/** The operations of one session in the index. */
export class OperationTable {
  readonly #db: IndexDatabase;
  readonly #seq: bigint;
  readonly #user: string;
  readonly #target: string;
  readonly #other: string;

  constructor(db: IndexDatabase, seq: number, { user, target, other, owner }: SessionWords) {
    this.#db = db;
    this.#seq = BigInt(seq) << operationBits;
    this.#user = db.words.split(user);
    this.#target = db.words.split(target);
    this.#other = `${owner} ${db.words.split(other)}`;
  }

  begin({ op, at, kind, text, parameters, effects, fault }: OperationEvent): OperationRow {
    const values = jsonOf(parameters);
    const named = jsonOf(effects);
    return newRow({
      op,
      at,
      kind,
      text: clip(text),
      parameters: values.length <= maxIndexedText ? values : '[]',
      effects: named.length <= maxIndexedText ? named : '[]',
      message: fault === null ? null : clip(fault),
    });
  }

  beginTerminal(op: number, at: number): OperationRow {
    return newRow({ op, at, kind: 'terminal', text: '', parameters: '[]', effects: '[]', message: null });
  }

  load(op: number): OperationRow | null {
    const found = this.#db.row<LoadedOperation>(
      `select at, kind, text, parameters, effects, verdict, policies, message, request_id, row_count, error, duration_ms,
              people from operations where id = ?`,
      this.#id(op),
    );
    if (found === null) return null;
    const [at, kind, text, parameters, effects, verdict, policies, message, request, ...more] = found;
    const [rowCount, error, durationMs, people] = more;
    const row = {
      ...{ op, at, kind, text, parameters, effects, verdict, policies, message, request },
      ...{ rowCount, error, durationMs, people, indexed: '', dirty: false },
    };
    return { ...row, indexed: changingOf(row) };
  }

  store(row: OperationRow): void {
    row.dirty = false;
    const id = this.#id(row.op);
    const changing = changingOf(row);
    this.#db.run(
      `insert or replace into operations (id, at, kind, text, parameters, effects, verdict, policies, message, request_id,
         row_count, error, duration_ms, people) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[id, row.at, row.kind, row.text, row.parameters, row.effects, row.verdict, row.policies, row.message],
      ...[row.request, row.rowCount, row.error, row.durationMs, row.people],
    );
    if (row.indexed === changing) return;
    if (row.indexed !== null) this.#db.run('delete from operation_words where rowid = ?', id);
    row.indexed = changing;
    const { words } = this.#db;
    const marks = `${row.verdict === null ? '' : mark.verdict(row.verdict)}${row.error === null ? '' : ` ${mark.failed}`}`;
    this.#db.run(
      `insert into operation_words (rowid, text, parameters, effects, policies, error, user, people, target, other)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[id, words.split(row.text), words.split(plainOf(row.parameters)), words.split(plainOf(row.effects))],
      ...[words.split(plainOf(row.policies)), words.split(row.error ?? ''), this.#user, words.split(row.people)],
      ...[this.#target, `${this.#other} ${words.split(row.request ?? '')} ${marks}`],
    );
  }

  remove(op: number): void {
    this.#db.run('delete from operations where id = ?', this.#id(op));
    this.#db.run('delete from operation_words where rowid = ?', this.#id(op));
  }

  #id(op: number): bigint {
    return this.#seq | BigInt(op);
  }
}

type Arrived = Pick<OperationRow, 'op' | 'at' | 'kind' | 'text' | 'parameters' | 'effects' | 'message'>;

/** Every row has the same shape, written out: there are millions of them. */
function newRow({ op, at, kind, text, parameters, effects, message }: Arrived): OperationRow {
  return {
    op,
    at: Math.trunc(at),
    kind,
    text,
    parameters,
    effects,
    verdict: null,
    policies: '[]',
    message,
    request: null,
    rowCount: null,
    error: null,
    durationMs: null,
    people: '',
    indexed: null,
    dirty: true,
  };
}

function jsonOf(list: readonly (string | null)[]): string {
  return list.length === 0 ? '[]' : JSON.stringify(list);
}

function changingOf({ text, verdict, policies, request, error, people, kind }: Omit<OperationRow, 'indexed'>): string {
  // Only terminal output grows; a statement's text is what it was.
  return `${kind === 'terminal' ? text : ''}\n${verdict}\n${policies}\n${request}\n${error}\n${people}`;
}

/** A JSON list as plain text. */
function plainOf(json: string): string {
  if (json === '[]') return '';
  return (JSON.parse(json) as readonly (string | null)[]).filter((text) => text !== null).join(' ');
}

type LoadedOperation = [
  at: number,
  kind: string,
  text: string,
  parameters: string,
  effects: string,
  verdict: string | null,
  policies: string,
  message: string | null,
  request: string | null,
  rowCount: number | null,
  error: string | null,
  durationMs: number | null,
  people: string,
];

export function clip(text: string): string {
  return text.length > maxIndexedText ? text.slice(0, maxIndexedText) : text;
}
