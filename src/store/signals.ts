import type { Signal } from '../signals/signal.js';
import type { SavedWindow, SignalStore } from '../signals/store.js';
import { inTransaction, type Connection } from './database.js';

type WindowRow = readonly [rule: string, key: string, at: number, body: string];

/** Signals and the memory of their rules, in SQLite. */
export function sqliteSignals(database: Connection): SignalStore {
  const insert = database.prepare('INSERT INTO signals (id, at, body) VALUES (?, ?, ?)');
  const newest = database
    .prepare('SELECT body FROM (SELECT sequence, body FROM signals ORDER BY sequence DESC LIMIT ?) ORDER BY sequence')
    .raw();
  const windows = database.prepare('SELECT rule, key, at, body FROM signal_windows WHERE at >= ? ORDER BY at').raw();
  const save = database.prepare(
    `INSERT INTO signal_windows (rule, key, at, body) VALUES (?, ?, ?, ?) ON CONFLICT (rule, key)
     DO UPDATE SET at = excluded.at, body = excluded.body`,
  );
  const forget = database.prepare('DELETE FROM signal_windows WHERE at < ?');
  return {
    add: (signal) => void insert.run([signal.id, Date.parse(signal.at), JSON.stringify(signal)]),
    // Our own JSON of Signal, in a file that only this gateway writes.
    newest: (limit) => (newest.all([limit]) as readonly [string][]).map(([body]) => JSON.parse(body) as Signal),
    windows: (since) =>
      (windows.all([since]) as readonly WindowRow[]).map(([rule, key, at, body]): SavedWindow => ({
        ...{ rule, key, at, body },
      })),
    saveWindows(changed, forgetBefore) {
      inTransaction(database, () => {
        for (const { rule, key, at, body } of changed) save.run([rule, key, at, body]);
        forget.run([forgetBefore]);
      });
    },
  };
}
