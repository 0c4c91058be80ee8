import type { Connection } from './database.js';
import type { OutcomeStore } from './ports.js';

/** Outcomes in SQLite. One statement claims a key, so of two callers one finds it taken. */
export function sqliteOutcomes(database: Connection): OutcomeStore {
  const insert = database.prepare(
    'INSERT INTO outcomes (owner, key, digest, claimed_at) VALUES (?, ?, ?, ?) ON CONFLICT (owner, key) DO NOTHING',
  );
  const read = database.prepare('SELECT digest, sealed FROM outcomes WHERE owner = ? AND key = ?').raw();
  const settle = database.prepare('UPDATE outcomes SET sealed = ? WHERE owner = ? AND key = ?');
  const release = database.prepare('DELETE FROM outcomes WHERE owner = ? AND key = ? AND sealed IS NULL');
  const counted = database.prepare('SELECT count(*) FROM outcomes WHERE owner = ?').raw();
  const prune = database.prepare('DELETE FROM outcomes WHERE claimed_at < ?');
  return {
    claim(owner, key, digest, at) {
      if (insert.run([owner, key, digest, at]).changes === 1) return null;
      const [row] = read.all([owner, key]) as readonly [string, Uint8Array | null][];
      if (row === undefined) throw new TypeError('an outcome that stood there is gone');
      const [known, sealed] = row;
      return { digest: known, sealed: sealed === null ? null : Buffer.from(sealed) };
    },
    settle: (owner, key, sealed) => void settle.run([sealed, owner, key]),
    release: (owner, key) => void release.run([owner, key]),
    count: (owner) => (counted.all([owner]) as readonly [number][])[0]?.[0] ?? 0,
    prune: (before) => void prune.run([before]),
  };
}
