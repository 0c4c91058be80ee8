import type { IndexedSession, SearchPage, SessionFilter, SessionMatch } from '../types.js';
import type { IndexDatabase, SqlValue } from './database.js';
import { beforeOf, cursorOf, limitOf, opOf, sessionColumns, sessionOf, timeOf, verdictOf } from './queries.js';
import type { SessionRow } from './queries.js';
import { exactTerm, mark, matchExpression, parseQuery, type ParsedQuery } from './query.js';
import { operationBits } from './schema.js';
import { snippetOf } from './snippet.js';

const matchesPerSession = 5;
/** A search that finds this many sessions which the filter refuses hands back a cursor instead of going on. */
const maxSkipped = 500;
/** Matches are counted up to here; whoever finds more will narrow the search, not count. */
const maxCounted = 10_000;

/** A query made ready: the part of a statement behind `from`, with its values, for ids between two bounds. */
interface Search {
  readonly query: ParsedQuery;
  readonly from: string;
  /** The operation's id as `from` names it: FTS5 uses bounds and order on its own rowid only. */
  readonly id: string;
  readonly values: readonly SqlValue[];
  /** Session numbers that can have a match at all. */
  readonly first: bigint;
  readonly last: bigint;
}

/** Sessions in which something matches the whole query, newest first, each with its first few matches. */
export function searchSessions(db: IndexDatabase, text: string, filter: SessionFilter, now: number): SearchPage {
  const search = prepare(db, parseQuery(text, now), filter);
  const limit = limitOf(filter);
  const counted = countOf(db, search);
  const sessions: (IndexedSession & { matches: readonly SessionMatch[] })[] = [];
  let before = smaller(beforeOf(filter.cursor), search.last + 1n);
  for (let looked = 0; looked < limit + maxSkipped; looked++) {
    const found = db.row<[number]>(
      `select ${search.id} from ${search.from} and ${search.id} >= ? and ${search.id} < ? order by ${search.id} desc limit 1`,
      ...[...search.values, search.first << operationBits, before << operationBits],
    );
    if (found === null) return { sessions, next_cursor: null, ...counted };
    if (sessions.length === limit) break;
    before = BigInt(found[0]) >> operationBits;
    const session = wantedSession(db, before, filter);
    if (session === null) continue;
    sessions.push({ ...session, matches: matchesIn(db, search, before) });
  }
  return { sessions, next_cursor: cursorOf(before), ...counted };
}

function prepare(db: IndexDatabase, query: ParsedQuery, filter: SessionFilter): Search {
  const filters = [
    filter.target === undefined ? null : exactTerm('target', filter.target),
    filter.user === undefined ? null : exactTerm('user', filter.user),
    filter.owner === undefined ? null : exactTerm('other', mark.owner(filter.owner)),
  ].filter((term) => term !== null);
  const match = matchExpression(db, { ...query, terms: [...query.terms, ...filters] });
  const { since, until } = query;
  const values: SqlValue[] = match === null ? [] : [match];
  // Only where times are asked for, or nothing else is, the operations' own table has to be looked at.
  const timed = since !== null || until !== null;
  let from = 'operation_words w where w.operation_words match ?';
  if (match === null) from = 'operations o where true';
  else if (timed) from = 'operation_words w cross join operations o on o.id = w.rowid where w.operation_words match ?';
  if (since !== null) from += ' and o.at >= ?';
  if (until !== null) from += ' and o.at <= ?';
  for (const time of [since, until]) if (time !== null) values.push(Math.trunc(time));
  return { query, from, id: match === null ? 'o.id' : 'w.rowid', values, ...spanOf(db, since, until) };
}

function spanOf(db: IndexDatabase, since: number | null, until: number | null): { first: bigint; last: bigint } {
  const edge = (sql: string, at: number): bigint | null => {
    const found = db.row<[number]>(sql, Math.trunc(at));
    return found === null ? null : BigInt(found[0]);
  };
  const newest = BigInt(db.row<[number | null]>('select max(seq) from sessions')?.[0] ?? 0);
  const first =
    since === null
      ? 0n
      : edge('select seq from sessions where ended_at is null or ended_at >= ? order by seq limit 1', since);
  const last =
    until === null ? newest : edge('select seq from sessions where started_at <= ? order by seq desc limit 1', until);
  return first === null || last === null ? { first: 1n, last: 0n } : { first, last };
}

function countOf(db: IndexDatabase, search: Search): Pick<SearchPage, 'match_count' | 'match_count_capped'> {
  const [count] = db.row<[number]>(
    `select count(*) from (select ${search.id} from ${search.from} and ${search.id} >= ? and ${search.id} < ? limit ?)`,
    ...[...search.values, search.first << operationBits, (search.last + 1n) << operationBits, BigInt(maxCounted + 1)],
  ) ?? [0];
  return { match_count: Math.min(count, maxCounted), match_count_capped: count > maxCounted };
}

function wantedSession(db: IndexDatabase, seq: bigint, filter: SessionFilter): IndexedSession | null {
  const row = db.row<SessionRow>(`select ${sessionColumns} from sessions where seq = ?`, seq);
  if (row === null) return null;
  const session = sessionOf(row);
  const { target, user, state, owner } = filter;
  const wanted =
    (target === undefined || session.target === target) &&
    (user === undefined || session.user === user) &&
    (state === undefined || session.state === state) &&
    (owner === undefined || db.row<[string | null]>('select subject from sessions where seq = ?', seq)?.[0] === owner);
  return wanted ? session : null;
}

type MatchRow = readonly [
  id: number,
  at: number,
  text: string,
  verdict: string | null,
  error: string | null,
  parameters: string,
  effects: string,
  policies: string,
  message: string | null,
  people: string,
  request: string | null,
];

function matchesIn(db: IndexDatabase, search: Search, seq: bigint): readonly SessionMatch[] {
  const ids = db.rows<[number]>(
    `select ${search.id} from ${search.from} and ${search.id} >= ? and ${search.id} < ? order by ${search.id} limit ?`,
    ...[...search.values, seq << operationBits, (seq + 1n) << operationBits, BigInt(matchesPerSession)],
  );
  const [session] = db.rows<readonly string[]>('select user, target, client from sessions where seq = ?', seq);
  return ids.flatMap(([id]) => {
    const row = db.row<MatchRow>(
      `select id, at, text, verdict, error, parameters, effects, policies, message, people, request_id
       from operations where id = ?`,
      BigInt(id),
    );
    if (row === null) return [];
    const [, at, text, verdict, error, parameters, effects, policies, message, people, request] = row;
    const lists = [parameters, effects, policies].map(listed);
    const texts = [text, error, ...lists, message, people, request, (session ?? []).join(' ')];
    return [
      { op: opOf(id), at: timeOf(at), text, snippet: snippetOf(texts, search.query), verdict: verdictOf(verdict) },
    ];
  });
}

function listed(json: string): string {
  return (JSON.parse(json) as readonly (string | null)[]).map((text) => text ?? 'NULL').join(', ');
}

function smaller(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
