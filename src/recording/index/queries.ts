import { SluiceError } from '../../lib/errors.js';
import type {
  IndexedOperation,
  IndexedSession,
  SessionDetail,
  SessionFilter,
  SessionPage,
  SessionState,
} from '../types.js';
import type { IndexDatabase, SqlValue } from './database.js';
import { blockOf } from './batch.js';
import { blockIdBits, decodeBlock } from './operation-block.js';
import type { OperationRow } from './operation-row.js';
import { maxIndexedOps } from './schema.js';

const defaultLimit = 50;
const maxLimit = 500;

export const sessionColumns = `seq, id, target, user, user_kind, client, via, started_at, ended_at, state, end_reason,
  operations, denied, rows, recording, subject, behalf_subject, behalf_name`;
export type SessionRow = readonly [
  seq: number,
  id: string,
  target: string,
  user: string,
  userKind: string,
  client: string,
  via: string,
  startedAt: number,
  endedAt: number | null,
  state: string,
  endReason: string | null,
  operations: number,
  denied: number,
  rows: number,
  recording: string,
  subject: string | null,
  behalfSubject: string | null,
  behalfName: string | null,
];

/** Sessions, newest first. */
export function listSessions(db: IndexDatabase, filter: SessionFilter): SessionPage {
  const limit = limitOf(filter);
  const conditions = ['seq < ?'];
  const values: SqlValue[] = [beforeOf(filter.cursor)];
  for (const [column, value] of [
    ['target', filter.target],
    ['user', filter.user],
    ['behalf_name', filter.onBehalfOf],
    ['state', filter.state],
    ['subject', filter.owner],
  ] as const) {
    if (value === undefined) continue;
    conditions.push(`${column} = ?`);
    values.push(value);
  }
  const found = db.rows<SessionRow>(
    `select ${sessionColumns} from sessions where ${conditions.join(' and ')} order by seq desc limit ?`,
    ...values,
    BigInt(limit + 1),
  );
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    sessions: page.map(sessionOf),
    next_cursor: found.length > limit && last !== undefined ? cursorOf(BigInt(last[0])) : null,
  };
}

export function sessionPath(db: IndexDatabase, id: string): string | null {
  return db.row<[string | null]>('select path from sessions where id = ?', id)?.[0] ?? null;
}

/** Who opened the session, by its journal; null when it has none. */
export function sessionOwner(db: IndexDatabase, id: string): string | null {
  return db.row<[string | null]>('select subject from sessions where id = ?', id)?.[0] ?? null;
}

/** One session with its operations, in order. */
export function getSession(db: IndexDatabase, id: string, limit: number, afterOp: number): SessionDetail | null {
  const row = db.row<SessionRow>(`select ${sessionColumns} from sessions where id = ?`, id);
  if (row === null) return null;
  const after = Math.max(0, Math.trunc(afterOp));
  const operations: IndexedOperation[] = [];
  for (const found of operationsFrom(db, row[0], after + 1)) {
    if (found.op >= maxIndexedOps) break;
    if (operations.length === limit) {
      return { session: sessionOf(row), operations, next_op: operations.at(-1)?.op ?? null };
    }
    operations.push(operationOf(found));
  }
  return { session: sessionOf(row), operations, next_op: null };
}

const blocksAtOnce = 16;

/** A session's operations from one on, in order. */
function* operationsFrom(db: IndexDatabase, seq: number, op: number): Generator<OperationRow> {
  const end = (BigInt(seq) + 1n) << BigInt(blockIdBits);
  let next = (BigInt(seq) << BigInt(blockIdBits)) + BigInt(blockOf(op));
  for (;;) {
    const blocks = db.rows<[number, string]>(
      'select id, body from blocks where id >= ? and id < ? order by id limit ?',
      ...[next, end, BigInt(blocksAtOnce)],
    );
    for (const [id, body] of blocks) {
      next = BigInt(id) + 1n;
      for (const row of decodeBlock(body)) if (row.op >= op) yield row;
    }
    if (blocks.length < blocksAtOnce) return;
  }
}

export function limitOf({ limit }: SessionFilter): number {
  return Math.min(Math.max(1, Math.trunc(limit ?? defaultLimit)), maxLimit);
}

export function cursorOf(seq: bigint): string {
  return `s${seq.toString(36)}`;
}

/** The session number below which a page begins. */
export function beforeOf(cursor: string | undefined): bigint {
  if (cursor === undefined) return 1n << 38n;
  if (!/^s[0-9a-z]{1,8}$/.test(cursor)) throw new SluiceError('usage', 'this is not a cursor of an earlier page');
  return BigInt(Number.parseInt(cursor.slice(1), 36));
}

export function sessionOf(row: SessionRow): IndexedSession {
  const [, id, target, user, userKind, client, via, startedAt, endedAt, state, endReason, operations, denied, ...more] =
    row;
  const [rows, recording, subject, behalfSubject, behalfName] = more;
  const kind = userKind as IndexedSession['user_kind'];
  return {
    id,
    target,
    user,
    user_kind: kind,
    actor: { id: subject, name: user, kind },
    on_behalf_of: behalfSubject === null || behalfName === null ? null : { id: behalfSubject, name: behalfName },
    client,
    via: via as IndexedSession['via'],
    started_at: timeOf(startedAt),
    ended_at: endedAt === null ? null : timeOf(endedAt),
    state: state as SessionState,
    end_reason: endReason,
    operations,
    denied,
    rows,
    recording: recording as IndexedSession['recording'],
  };
}

function operationOf(row: OperationRow): IndexedOperation {
  const { op, at, kind, text, parameters, effects, verdict, policies, message, request, rowCount, error } = row;
  return {
    ...{ op, at: timeOf(at), kind, text, parameters, effects, verdict: verdictOf(verdict), policies, message },
    ...{ request_id: request, row_count: rowCount, error, duration_ms: row.durationMs },
  };
}

/** The operation's number in its session; 0 for terminal output. */
export function opOf(op: number): number {
  return op < maxIndexedOps ? op : 0;
}

export function verdictOf(verdict: string | null): IndexedOperation['verdict'] {
  return verdict as IndexedOperation['verdict'];
}

export function timeOf(at: number): string {
  return new Date(at).toISOString();
}
