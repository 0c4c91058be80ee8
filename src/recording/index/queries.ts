import { SluiceError } from '../../lib/errors.js';
import type {
  IndexedOperation,
  IndexedSession,
  SearchPage,
  SessionDetail,
  SessionFilter,
  SessionMatch,
  SessionPage,
  SessionState,
} from '../types.js';
import type { IndexDatabase, SqlValue } from './database.js';
import { operationBits } from './schema.js';

const defaultLimit = 50;
const maxLimit = 500;
const matchesPerSession = 5;
/** A search that finds this many sessions which the filter refuses hands back a cursor instead of going on. */
const maxSkipped = 2000;

const sessionColumns = `seq, id, target, user, user_kind, client, via, started_at, ended_at, state, end_reason,
  operations, denied, rows, recording`;
type SessionRow = readonly [
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
];

/** Sessions, newest first. */
export function listSessions(db: IndexDatabase, filter: SessionFilter): SessionPage {
  const limit = limitOf(filter);
  const conditions = ['seq < ?'];
  const values: SqlValue[] = [beforeOf(filter.cursor)];
  for (const name of ['target', 'user', 'state'] as const) {
    const value = filter[name];
    if (value === undefined) continue;
    conditions.push(`${name} = ?`);
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

type OperationRow = readonly [
  id: number,
  at: number,
  kind: string,
  text: string,
  parameters: string,
  effects: string,
  verdict: string | null,
  policies: string,
  message: string | null,
  requestId: string | null,
  rowCount: number | null,
  error: string | null,
  durationMs: number | null,
];

/** One session with its operations, in order. */
export function getSession(db: IndexDatabase, id: string, limit: number, afterOp: number): SessionDetail | null {
  const row = db.row<SessionRow>(`select ${sessionColumns} from sessions where id = ?`, id);
  if (row === null) return null;
  const first = BigInt(row[0]) << operationBits;
  const found = db.rows<OperationRow>(
    `select id, at, kind, text, parameters, effects, verdict, policies, message, request_id, row_count, error, duration_ms
     from operations where id > ? and id < ? order by id limit ?`,
    first + BigInt(Math.max(0, Math.trunc(afterOp))),
    first + (1n << operationBits),
    BigInt(limit + 1),
  );
  const operations = found.slice(0, limit).map(operationOf);
  return {
    session: sessionOf(row),
    operations,
    next_op: found.length > limit ? (operations.at(-1)?.op ?? null) : null,
  };
}

/** Sessions in which something matches every word, newest first, each with its first few matches. */
export function searchSessions(db: IndexDatabase, query: string, filter: SessionFilter): SearchPage {
  const match = matchExpression(query, filter);
  const limit = limitOf(filter);
  const sessions: (IndexedSession & { matches: readonly SessionMatch[] })[] = [];
  let before = beforeOf(filter.cursor);
  for (let looked = 0; looked < limit + maxSkipped; looked++) {
    const found = db.row<[number]>(
      `select rowid from operation_words where operation_words match ? and rowid < ? order by rowid desc limit 1`,
      match,
      before << operationBits,
    );
    if (found === null) return { sessions, next_cursor: null };
    if (sessions.length === limit) break;
    before = BigInt(found[0]) >> operationBits;
    const row = db.row<SessionRow>(`select ${sessionColumns} from sessions where seq = ?`, before);
    if (row === null) continue;
    const session = sessionOf(row);
    if (isWanted(session, filter)) sessions.push({ ...session, matches: matchesIn(db, match, before) });
  }
  return { sessions, next_cursor: cursorOf(before) };
}

function matchesIn(db: IndexDatabase, match: string, seq: bigint): readonly SessionMatch[] {
  const found = db.rows<readonly [number, number, string, string | null, string]>(
    `select o.id, o.at, o.text, o.verdict, snippet(operation_words, -1, '«', '»', '…', 16)
     from operation_words join operations o on o.id = operation_words.rowid
     where operation_words match ? and operation_words.rowid >= ? and operation_words.rowid < ?
     order by operation_words.rowid limit ?`,
    match,
    seq << operationBits,
    (seq + 1n) << operationBits,
    BigInt(matchesPerSession),
  );
  return found.map(([id, at, text, verdict, snippet]) => ({
    op: opOf(id),
    at: timeOf(at),
    text,
    snippet,
    verdict: verdictOf(verdict),
  }));
}

/**
 * FTS5 query syntax stays ours: every word or "phrase" of the user's becomes a quoted string, a word finds what begins
 * with it, and all must be there. Words without a letter or digit (`=`, `*`) are not in the index and are left out.
 */
function matchExpression(query: string, filter: SessionFilter): string {
  const terms: string[] = [];
  for (const [, phrase, word] of query.matchAll(/"([^"]*)"?|([^\s"]+)/gu)) {
    const text = (phrase ?? word ?? '').replaceAll('\0', ' ');
    if (/[\p{L}\p{N}]/u.test(text)) terms.push(quoted(text) + (phrase === undefined ? '*' : ''));
  }
  if (terms.length === 0) throw new SluiceError('usage', 'search for at least one word or number');
  for (const name of [filter.target, filter.user]) {
    if (name !== undefined && /[\p{L}\p{N}]/u.test(name)) terms.push(`{who} : ${quoted(name)}`);
  }
  return terms.join(' AND ');
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

function isWanted(session: IndexedSession, { target, user, state }: SessionFilter): boolean {
  return (
    (target === undefined || session.target === target) &&
    (user === undefined || session.user === user) &&
    (state === undefined || session.state === state)
  );
}

function limitOf({ limit }: SessionFilter): number {
  return Math.min(Math.max(1, Math.trunc(limit ?? defaultLimit)), maxLimit);
}

function cursorOf(seq: bigint): string {
  return `s${seq.toString(36)}`;
}

/** The session number below which a page begins. */
function beforeOf(cursor: string | undefined): bigint {
  if (cursor === undefined) return 1n << 38n;
  if (!/^s[0-9a-z]{1,8}$/.test(cursor)) throw new SluiceError('usage', 'this is not a cursor of an earlier page');
  return BigInt(Number.parseInt(cursor.slice(1), 36));
}

function sessionOf(row: SessionRow): IndexedSession {
  const [, id, target, user, userKind, client, via, startedAt, endedAt, state, endReason, operations, denied, ...more] =
    row;
  const [rows, recording] = more;
  return {
    id,
    target,
    user,
    user_kind: userKind as IndexedSession['user_kind'],
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
  const [id, at, kind, text, parameters, effects, verdict, policies, message, requestId, ...more] = row;
  const [rowCount, error, durationMs] = more;
  return {
    op: opOf(id),
    at: timeOf(at),
    kind,
    text,
    parameters: JSON.parse(parameters) as (string | null)[],
    effects: JSON.parse(effects) as string[],
    verdict: verdictOf(verdict),
    policies: JSON.parse(policies) as string[],
    message,
    request_id: requestId,
    row_count: rowCount,
    error,
    duration_ms: durationMs,
  };
}

function opOf(id: number): number {
  return Number(BigInt(id) & ((1n << operationBits) - 1n));
}

function verdictOf(verdict: string | null): IndexedOperation['verdict'] {
  return verdict as IndexedOperation['verdict'];
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
