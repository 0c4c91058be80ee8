import type { OpenFilter, RequestStore } from '../approvals/store.js';
import type { ApprovalRequest } from '../approvals/types.js';
import type { Connection } from './database.js';

const isOpen = "state IN ('pending', 'approved')";

/** Requests in SQLite: what queries need in columns, the request itself as JSON. */
export function sqliteRequests(database: Connection): RequestStore {
  const insert = database.prepare(
    'INSERT INTO requests (id, state, requester, in_session, votes, revision, created_at, expires_at, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const update = database.prepare(
    'UPDATE requests SET state = ?, votes = ?, revision = ?, expires_at = ?, body = ? WHERE id = ? AND revision = ?',
  );
  const byId = database.prepare('SELECT body FROM requests WHERE id = ?').raw();
  const listed = database
    .prepare(
      `SELECT body FROM requests WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR requester = ?2)
       ORDER BY created_at DESC, rowid DESC LIMIT ?3`,
    )
    .raw();
  const open = database
    .prepare(
      `SELECT body FROM requests WHERE ${isOpen} AND (?1 IS NULL OR requester = ?1) AND (?2 IS NULL OR expires_at <= ?2)
       AND (?3 IS NULL OR in_session = ?3) ORDER BY created_at, rowid`,
    )
    .raw();
  const standing = database
    .prepare(
      `SELECT body FROM requests WHERE requester = ?1 AND json_extract(body, '$.digest') = ?2
       AND json_extract(body, '$.reuse.until') IS NOT NULL ORDER BY created_at DESC, rowid DESC LIMIT 10`,
    )
    .raw();
  const prepared = database
    .prepare(`SELECT body FROM requests WHERE json_extract(body, '$.outcome.prepared') = ?`)
    .raw();
  const next = database.prepare(`SELECT min(expires_at) FROM requests WHERE ${isOpen}`).raw();

  return {
    insert(request) {
      const { id, state, principal, session, votes, history, createdAt, expiresAt } = request;
      const inSession = session === null ? 0 : 1;
      const counts = [votes.length, history.length];
      insert.run([id, state, principal.id, inSession, ...counts, createdAt, expiresAt, JSON.stringify(request)]);
    },
    get: (id) => decode(byId.all([id]))[0] ?? null,
    list: ({ state, requester, limit }) => decode(listed.all([state ?? null, requester ?? null, limit])),
    listStanding: ({ requester, digest }) => decode(standing.all([requester, digest])),
    listPrepared: (id) => decode(prepared.all([id])),
    listOpen: ({ requester, expiresBy, inSession }: OpenFilter) =>
      decode(open.all([requester ?? null, expiresBy ?? null, inSession === undefined ? null : Number(inSession)])),
    nextExpiry: () => (next.all([]) as readonly [number | null][])[0]?.[0] ?? null,
    replace(request: ApprovalRequest, revision: number) {
      const { id, state, votes, history, expiresAt } = request;
      const body = JSON.stringify(request);
      return update.run([state, votes.length, history.length, expiresAt, body, id, revision]).changes === 1;
    },
  };
}

/** The bodies are our own JSON of ApprovalRequest, in a file that only this gateway writes; older ones know no history. */
function decode(rows: readonly unknown[]): readonly ApprovalRequest[] {
  return (rows as readonly [string][]).map(([body]) => {
    const request = JSON.parse(body) as ApprovalRequest & Partial<Pick<ApprovalRequest, 'history' | 'outcome'>>;
    return { ...request, history: request.history ?? [], outcome: request.outcome ?? null };
  });
}
