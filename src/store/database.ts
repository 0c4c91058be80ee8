import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import { SluiceError } from '../lib/errors.js';
import { ensurePrivate } from '../lib/private-files.js';
import { migrations } from './migrations.js';

/** A connection to SQLite; statements take their parameters as one array (a lone Buffer would count as named ones). */
export type Connection = InstanceType<typeof Database>;

/** How long a gateway that is just stopping may still hold the file. */
const lockTimeoutMs = 1_500;

/**
 * Opens the file for this process alone (SQLite's own lock: it ends with the process, however that ends), with every
 * commit on disk before it counts.
 */
export function openDatabase(path: string): Connection {
  createPrivate(path);
  let database: Connection | null = null;
  try {
    database = new Database(path, { timeout: lockTimeoutMs });
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('PRAGMA synchronous = FULL');
    database.exec('PRAGMA foreign_keys = ON');
    database.exec('PRAGMA trusted_schema = OFF');
    database.exec('BEGIN EXCLUSIVE');
    database.exec('COMMIT');
    migrate(database, path);
    return database;
  } catch (error) {
    if (database !== null) closeQuietly(database);
    throw openError(path, error);
  }
}

/** Gives the file free at once; libsql's own close leaves it locked until the last statement is garbage. */
export function closeDatabase(database: Connection): void {
  if (!database.open) return;
  database.exec('PRAGMA journal_mode = DELETE'); // in WAL mode even an idle connection keeps a lock
  database.exec('PRAGMA locking_mode = NORMAL');
  database.exec('BEGIN IMMEDIATE'); // the mode changes with the next access to a table
  database.exec('COMMIT');
  database.close();
}

function createPrivate(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    ensurePrivate(path);
  } catch (error) {
    throw openError(path, error);
  }
}

function migrate(database: Connection, path: string): void {
  inTransaction(database, () => {
    database.exec(
      'CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT',
    );
    const rows = database.prepare('SELECT coalesce(max(version), 0) FROM migrations').raw().all([]) as readonly [
      number,
    ][];
    const done = rows[0]?.[0] ?? 0;
    if (done > migrations.length) {
      throw new SluiceError(
        'unavailable',
        `${path} was written by a newer Sluice; start that version or restore a backup.`,
        { decider: 'local' },
      );
    }
    const note = database.prepare('INSERT INTO migrations (version, applied_at) VALUES (?, ?)');
    migrations.slice(done).forEach((step, index) => {
      database.exec(step);
      note.run([done + index + 1, Date.now()]);
    });
  });
}

function closeQuietly(database: Connection): void {
  try {
    closeDatabase(database);
  } catch {
    database.close(); // the first error says more
  }
}

/** Runs `work` whole or not at all; as a part of the transaction that is under way, if one is. */
export function inTransaction<T>(database: Connection, work: () => T): T {
  if (database.inTransaction) return work();
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function openError(path: string, cause: unknown): SluiceError {
  if (cause instanceof SluiceError) return cause;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    const message = `Another gateway is using ${path}. Held statements, live sessions and the signed ledger belong to the one process that has it, so a second is refused. Stop the other, or give this one a state directory of its own.`;
    return new SluiceError('local', message, {
      decider: 'local',
      next: [{ command: 'sluice gateway init', when: 'to write a configuration with a directory of its own' }],
      cause,
    });
  }
  if (code.startsWith('SQLITE_NOTADB') || code.startsWith('SQLITE_CORRUPT')) {
    return new SluiceError('local', `${path} is damaged or not a Sluice database; restore it from a backup.`, {
      decider: 'local',
      cause,
    });
  }
  return new SluiceError('local', `Cannot open ${path}: ${code || 'unknown error'}.`, { decider: 'local', cause });
}
