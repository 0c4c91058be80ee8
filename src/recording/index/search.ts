import type { IndexedSession, SearchPage, SessionFilter, SessionMatch } from '../types.js';
import type { IndexDatabase } from './database.js';
import type { OperationRow, Texts } from './operation-row.js';
import { beforeOf, cursorOf, limitOf, opOf, sessionOf, timeOf, verdictOf, type SessionRow } from './queries.js';
import { parseQuery } from './query.js';
import { SessionMatcher } from './session-matcher.js';
import { SnippetMaker } from './snippet.js';

const matchesPerSession = 5;
/** Matches are counted up to here; whoever finds more will narrow the search, not count. */
const maxCounted = 5_000;
/** So many blocks are read to count what has to be read; a count that needs more is capped. */
const maxReadToCount = 600;
/** So many are read to fill a page; then a search hands back a cursor instead of going on. */
const maxRead = 2000;

/** Sessions in which something matches the whole query, newest first, each with its first few matches. */
export function searchSessions(db: IndexDatabase, text: string, filter: SessionFilter, now: number): SearchPage {
  const query = parseQuery(text, now);
  const matcher = new SessionMatcher(db, query, filter);
  const snippets = new SnippetMaker(query);
  const limit = limitOf(filter);
  const before = beforeOf(filter.cursor);
  const sessions: (IndexedSession & { matches: readonly SessionMatch[] })[] = [];
  let next_cursor: string | null = null;
  let counted = 0;
  let isCounting = true;
  for (const seq of matcher.sessions()) {
    const isOnPage = seq < before && next_cursor === null;
    isCounting &&= counted <= maxCounted && (isOnPage || matcher.read < maxReadToCount);
    if (!isOnPage && !isCounting) {
      if (seq < before) break;
      continue;
    }
    if (isOnPage && matcher.read > maxRead) {
      next_cursor = cursorOf(BigInt(seq + 1));
      isCounting = false;
      break;
    }
    const session = matcher.session(seq);
    const atLeast = isOnPage ? matchesPerSession : 0;
    const { matches, complete } = matcher.matchesIn(session, { atLeast, readAtMost: maxReadToCount });
    isCounting &&= complete;
    const row = matches.length === 0 ? null : session.row;
    if (row === null) continue;
    counted += matches.length;
    if (!isOnPage) continue;
    if (sessions.length === limit) next_cursor = cursorOf(BigInt(seq + 1));
    else sessions.push({ ...sessionOf(row), matches: shown(matcher, seq, row, matches, snippets) });
  }
  const match_count_capped = !isCounting || counted > maxCounted;
  return { sessions, next_cursor, match_count: Math.min(counted, maxCounted), match_count_capped };
}

function shown(
  matcher: SessionMatcher,
  seq: number,
  session: SessionRow,
  matches: readonly number[],
  snippets: SnippetMaker,
): readonly SessionMatch[] {
  return matches.slice(0, matchesPerSession).flatMap((op) => {
    const row = matcher.operation(seq, op);
    return row === null ? [] : [matchOf(row, session, snippets)];
  });
}

function matchOf(row: OperationRow, session: SessionRow, snippets: SnippetMaker): SessionMatch {
  const { op, at, text, error, parameters, effects, policies, message, people, request, verdict } = row;
  const { user, on_behalf_of, target, client } = sessionOf(session);
  const who = on_behalf_of === null ? user : `${user} ${on_behalf_of.name}`;
  const lists = [parameters, effects, policies].map(listed);
  const texts = [text, error, ...lists, message, people, request, `${who} ${target} ${client}`];
  return { op: opOf(op), at: timeOf(at), text, snippet: snippets.of(texts), verdict: verdictOf(verdict) };
}

function listed(texts: Texts): string {
  return texts.map((text) => text ?? 'NULL').join(', ');
}
