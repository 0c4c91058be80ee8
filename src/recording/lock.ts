import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { messageOf, SluiceError } from '../lib/errors.js';
import { ensurePrivate } from '../lib/private-files.js';

export interface RecordingsLock {
  release(): void;
}

/**
 * Keeps a second gateway out of the same recordings. The operating system frees the lock when the process dies. Throws
 * `not_found` where no folder is, `conflict` while another has it.
 */
export function lockRecordings(dir: string): RecordingsLock {
  if (!existsSync(dir)) {
    throw new SluiceError('not_found', `there are no recordings in ${dir}: no gateway has run there yet`, {
      decider: 'local',
      next: [{ command: 'sluice gateway start --config FILE', when: 'to run it; look at stateDir in the file' }],
    });
  }
  let db: Database.Database | null = null;
  try {
    const path = join(dir, 'lock.db');
    ensurePrivate(path); // who can read it can lock it as well
    db = new Database(path);
    db.exec('begin exclusive'); // held for as long as the gateway runs; nothing is ever written
  } catch (error) {
    db?.close();
    const busy = error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY';
    throw busy
      ? new SluiceError('conflict', `another gateway is using the recordings in ${dir}`, {
          decider: 'local',
          cause: error,
        })
      : new SluiceError('recorder_failed', `cannot use the recordings in ${dir}: ${messageOf(error)}`, {
          cause: error,
        });
  }
  const held = db;
  let released = false;
  return {
    release: () => {
      if (released) return;
      released = true;
      held.exec('rollback');
      held.close();
    },
  };
}
