import type { Grant, GrantStore } from '../approvals/grant-types.js';
import type { Connection } from './database.js';

/** Grants in SQLite: what queries need in columns, the grant itself as JSON. */
export function sqliteGrants(database: Connection): GrantStore {
  const insert = database.prepare(
    'INSERT INTO grants (id, principal, ended, reviewed, starts_at, body) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const update = database.prepare(
    'UPDATE grants SET ended = ?, reviewed = ?, body = ? WHERE id = ? AND ended = ? AND reviewed = ?',
  );
  const byId = database.prepare('SELECT body FROM grants WHERE id = ?').raw();
  const listed = database
    .prepare(
      `SELECT body FROM grants WHERE (?1 IS NULL OR principal = ?1) AND (?2 = 0 OR ended = 0)
       ORDER BY starts_at DESC, rowid DESC LIMIT ?3`,
    )
    .raw();
  return {
    insert(grant) {
      insert.run([grant.id, grant.principal.id, ...marks(grant), grant.startsAt, JSON.stringify(grant)]);
    },
    get: (id) => decode(byId.all([id]))[0] ?? null,
    list: ({ principal, activeOnly = false, limit }) =>
      decode(listed.all([principal ?? null, Number(activeOnly), limit])),
    replace: (next, before) =>
      update.run([...marks(next), JSON.stringify(next), before.id, ...marks(before)]).changes === 1,
  };
}

function marks({ endedAt, review }: Grant): readonly [number, number] {
  return [Number(endedAt !== null), Number(review !== null)];
}

/** The bodies are our own JSON of Grant, in a file that only this gateway writes. */
function decode(rows: readonly unknown[]): readonly Grant[] {
  return (rows as readonly [string][]).map(([body]) => JSON.parse(body) as Grant);
}
