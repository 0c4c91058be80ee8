import type { SecretStore } from '../vault/store.js';
import type { Connection } from './database.js';

/** Sealed secrets in SQLite. */
export function sqliteSecrets(database: Connection): SecretStore {
  const put = database.prepare(
    `INSERT INTO secrets (name, sealed, updated_at, updated_by) VALUES (?, ?, ?, ?) ON CONFLICT (name)
     DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at, updated_by = excluded.updated_by,
     destinations = NULL`,
  );
  const get = database.prepare('SELECT sealed, updated_at, updated_by FROM secrets WHERE name = ?').raw();
  const list = database.prepare('SELECT name, updated_at, updated_by FROM secrets ORDER BY name').raw();
  const known = database.prepare('SELECT destinations FROM secrets WHERE name = ?').raw();
  const send = database.prepare('UPDATE secrets SET destinations = ? WHERE name = ?');
  const remove = database.prepare('DELETE FROM secrets WHERE name = ?');
  return {
    put: ({ name, sealed, updatedAt, updatedBy }) => void put.run([name, Buffer.from(sealed), updatedAt, updatedBy]),
    destinations(name) {
      const text = (known.all([name]) as readonly (readonly [string | null])[])[0]?.[0] ?? null;
      return text === null ? null : (JSON.parse(text) as readonly string[]);
    },
    sendTo: (name, destinations) => void send.run([JSON.stringify(destinations), name]),
    get(name) {
      const [row] = get.all([name]) as readonly [Buffer, number, string][];
      return row === undefined ? null : { name, sealed: row[0], updatedAt: row[1], updatedBy: row[2] };
    },
    list: () =>
      (list.all([]) as readonly [string, number, string][]).map(([name, updatedAt, updatedBy]) => ({
        name,
        updatedAt,
        updatedBy,
      })),
    remove: (name) => remove.run([name]).changes === 1,
  };
}
