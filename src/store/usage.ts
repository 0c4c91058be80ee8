import type { UsageStore } from '../sessions/usage-store.js';
import { inTransaction, type Connection } from './database.js';

type Row = readonly [
  identity: string,
  minute: number,
  rows: number,
  bytes: number,
  statements: number,
  seconds: number,
];

/** What identities did in the last hour, in SQLite: a row a minute, and for each gateway its own. */
export function sqliteUsage(database: Connection): UsageStore {
  const load = database
    .prepare(
      `SELECT identity, minute, rows_read, bytes_read, statements, seconds FROM usage WHERE gateway = ? AND minute > ?
       ORDER BY minute`,
    )
    .raw();
  const save = database.prepare(
    `INSERT INTO usage (gateway, identity, minute, rows_read, bytes_read, statements, seconds) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (gateway, identity, minute) DO UPDATE SET rows_read = excluded.rows_read,
     bytes_read = excluded.bytes_read, statements = excluded.statements, seconds = excluded.seconds`,
  );
  const forget = database.prepare('DELETE FROM usage WHERE minute <= ?');
  return {
    load: (gateway, since) =>
      (load.all([gateway, since]) as readonly Row[]).map(([identity, minute, ...counts]) => ({
        ...{ identity, minute, counts },
      })),
    save(gateway, changed, forgetUntil) {
      inTransaction(database, () => {
        for (const { identity, minute, counts } of changed) save.run([gateway, identity, minute, ...counts]);
        forget.run([forgetUntil]);
      });
    },
  };
}
