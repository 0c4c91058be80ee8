import type { Connection } from './database.js';
import type { PeopleStore } from './ports.js';

type Row = readonly [id: string, issuer: string, name: string, token: string, seenAt: number];

/** People whom the gateway has seen, in SQLite. */
export function sqlitePeople(database: Connection): PeopleStore {
  const put = database.prepare(
    `INSERT INTO people (id, issuer, name, token, seen_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id)
     DO UPDATE SET name = excluded.name, token = excluded.token, seen_at = excluded.seen_at`,
  );
  const found = database
    .prepare('SELECT id, issuer, name, token, seen_at FROM people WHERE issuer = ?1 AND (name = ?2 OR id = ?2)')
    .raw();
  const prune = database.prepare('DELETE FROM people WHERE seen_at < ?');
  return {
    save: ({ id, issuer, name, token, seenAt }) => void put.run([id, issuer, name, token, seenAt]),
    find: (of, nameOrId) =>
      (found.all([of, nameOrId]) as readonly Row[]).map(([id, issuer, name, token, seenAt]) => ({
        ...{ id, issuer, name, token, seenAt },
      })),
    prune: (before) => void prune.run([before]),
  };
}
