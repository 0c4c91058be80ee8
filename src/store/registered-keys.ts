import type { Connection } from './database.js';
import type { RegisteredKeyStore } from './ports.js';

type Row = readonly [
  ...[id: string, owner: string, issuer: string, fingerprint: string, publicKey: string, label: string],
  ...[addedAt: number, expiresAt: number | null, usedAt: number | null],
];

/** Public keys of people, in SQLite: one key is one person's. */
export function sqliteRegisteredKeys(database: Connection): RegisteredKeyStore {
  const columns = 'id, owner, issuer, fingerprint, public_key, label, added_at, expires_at, used_at';
  const insert = database.prepare(
    `INSERT INTO registered_keys (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  const owned = database.prepare(`SELECT ${columns} FROM registered_keys WHERE owner = ? ORDER BY added_at, id`).raw();
  const found = database.prepare(`SELECT ${columns} FROM registered_keys WHERE fingerprint = ?`).raw();
  const remove = database.prepare('DELETE FROM registered_keys WHERE id = ?');
  const used = database.prepare('UPDATE registered_keys SET used_at = ? WHERE id = ?');
  const read = ([id, owner, issuer, fingerprint, publicKey, label, addedAt, expiresAt, usedAt]: Row) => ({
    ...{ id, owner, issuer, fingerprint, publicKey, label, addedAt, expiresAt, usedAt },
  });
  return {
    add: ({ id, owner, issuer, fingerprint, publicKey, label, addedAt, expiresAt, usedAt }) =>
      insert.run([id, owner, issuer, fingerprint, publicKey, label, addedAt, expiresAt, usedAt]).changes === 1,
    of: (owner) => (owned.all([owner]) as readonly Row[]).map(read),
    find: (fingerprint) => {
      const [row] = found.all([fingerprint]) as readonly Row[];
      return row === undefined ? null : read(row);
    },
    remove: (id) => void remove.run([id]),
    used: (id, at) => void used.run([at, id]),
  };
}
