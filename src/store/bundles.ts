import { inTransaction, type Connection } from './database.js';
import type { BundleStore } from './ports.js';

/** Bundle versions and the order in which they were applied, in SQLite. */
export function sqliteBundles(database: Connection): BundleStore {
  const addFiles = database.prepare(
    'INSERT INTO bundles (version, files) VALUES (?, ?) ON CONFLICT (version) DO UPDATE SET files = excluded.files',
  );
  const addEntry = database.prepare(
    'INSERT INTO bundle_history (version, applied_at, applied_by, message) VALUES (?, ?, ?, ?)',
  );
  const filesOf = database.prepare('SELECT version, files FROM bundles WHERE version = ?').raw();
  const latest = database
    .prepare(
      'SELECT version, files FROM bundles WHERE version = (SELECT version FROM bundle_history ORDER BY sequence DESC LIMIT 1)',
    )
    .raw();
  const history = database
    .prepare('SELECT version, applied_at, applied_by, message FROM bundle_history ORDER BY sequence')
    .raw();
  return {
    latest: () => decode(latest.all([])),
    files: (version) => decode(filesOf.all([version]))?.files ?? null,
    list: () =>
      (history.all([]) as readonly [string, number, string, string | null][]).map(
        ([version, appliedAt, by, message]) => ({
          version,
          appliedAt,
          by,
          message,
        }),
      ),
    append({ version, files, appliedAt, by, message }) {
      inTransaction(database, () => {
        addFiles.run([version, JSON.stringify([...files])]);
        addEntry.run([version, appliedAt, by, message]);
      });
    },
  };
}

function decode(
  rows: readonly unknown[],
): { readonly version: string; readonly files: ReadonlyMap<string, string> } | null {
  const [row] = rows as readonly [string, string][];
  return row === undefined ? null : { version: row[0], files: new Map(JSON.parse(row[1]) as [string, string][]) };
}
