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
const maxCounted = 5_000;

/** A query made ready: the parts of the statements that answer it. */
interface Search {
  readonly query: ParsedQuery;
  /** With the full-text expression as its only value, where there is one. */
  readonly from: string;
  readonly match: readonly SqlValue[];
  readonly times: readonly { readonly condition: string; readonly at: number }[];
  /** The operation's id as `from` names it: FTS5 uses bounds and order on its own rowid only. */
  readonly id: string;
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
    const bounds = [search.first << operationBits, before << operationBits] as const;
    const [found] = idsOf(db, search, bounds, { order: 'desc', limit: 1 });
    if (found === undefined) return { sessions, next_cursor: null, ...counted };
    if (sessions.length === limit) break;
    before = BigInt(found) >> operationBits;
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
  const times = [
    ...(since === null ? [] : [{ condition: 'o.at >= ?', at: Math.trunc(since) }]),
    ...(until === null ? [] : [{ condition: 'o.at <= ?', at: Math.trunc(until) }]),
  ];
  // Only where times are asked for, or nothing else is, the operations' own table has to be looked at.
  let from = 'operation_words w where w.operation_words match ?';
  if (match === null) from = 'operations o where true';
  else if (times.length > 0)
    from = 'operation_words w cross join operations o on o.id = w.rowid where w.operation_words match ?';
  const id = match === null ? 'o.id' : 'w.rowid';
  return { query, from, match: match === null ? [] : [match], times, id, ...spanOf(db, since, until) };
}

/** Ids of matches from one bound up to the other. */
function idsOf(
  db: IndexDatabase,
  { from, id, match, times }: Search,
  [first, end]: readonly [bigint, bigint],
  { order, limit }: { readonly order: 'asc' | 'desc'; readonly limit: number },
): readonly number[] {
  const inTime = times.map(({ condition }) => ` and ${condition}`).join('');
  const found = db.rows<[number]>(
    `select ${id} from ${from}${inTime} and ${id} >= ? and ${id} < ? order by ${id} ${order} limit ?`,
    ...[...match, ...times.map(({ at }) => at), first, end, BigInt(limit)],
  );
  return found.map(([each]) => each);
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

/** Where times are asked for, so many of the newest that match the rest are looked at, and those in time counted. */
function countOf(db: IndexDatabase, search: Search): Pick<SearchPage, 'match_count' | 'match_count_capped'> {
  const { id, from, times, match } = search;
  const bounds = [search.first << operationBits, (search.last + 1n) << operationBits, BigInt(maxCounted + 1)];
  const limits = `${from} and ${id} >= ? and ${id} < ? order by ${id} desc limit ?`;
  if (times.length === 0) {
    const [count] = db.row<[number]>(`select count(*) from (select 1 from ${limits})`, ...match, ...bounds) ?? [0];
    return { match_count: Math.min(count, maxCounted), match_count_capped: count > maxCounted };
  }
  const inTime = times.map(({ condition }) => condition).join(' and ');
  const [looked, count] = db.row<[number, number | null]>(
    `select count(*), sum(${inTime}) from (select o.at from ${limits}) o`,
    ...times.map(({ at }) => at),
    ...[...match, ...bounds],
  ) ?? [0, 0];
  return { match_count: count ?? 0, match_count_capped: looked > maxCounted };
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
  const bounds = [seq << operationBits, (seq + 1n) << operationBits] as const;
  const ids = idsOf(db, search, bounds, { order: 'asc', limit: matchesPerSession });
  const [session] = db.rows<readonly string[]>('select user, target, client from sessions where seq = ?', seq);
  return ids.flatMap((id) => {
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
