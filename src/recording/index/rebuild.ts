import { messageOf } from '../../lib/errors.js';
import type { IndexDatabase } from './database.js';
import type { Indexer } from './indexer.js';
import type { IndexThreadOptions } from './messages.js';
import { divided, removePart, startPart } from './part.js';

export interface Rebuilding {
  readonly db: IndexDatabase;
  readonly indexer: Indexer;
  readonly options: IndexThreadOptions;
  readonly onProblem: (problem: string) => void;
}

/**
 * Builds the index again from the journals. Where there is much to read, a second thread reads the newer half into a file
 * of its own, which is taken in at the end. Returns how many sessions the ledger knows.
 */
export async function rebuild({ db, indexer, options, onProblem }: Rebuilding): Promise<number> {
  db.clear();
  indexer.reset();
  const sessions = await indexer.catchUp(new Set());
  const backlog = indexer.takeBacklog();
  const division = divided(backlog, options);
  if (division === null) {
    indexer.give(backlog);
    readAll(indexer);
    return sessions;
  }
  const path = `${options.indexPath}.part`;
  const firstSeq = db.lastSeq + division.mine.length + 1;
  const part = startPart({ options, path, firstSeq, sessions: division.part }, onProblem);
  try {
    indexer.give(division.mine);
    readAll(indexer);
    try {
      await part.done;
      db.takeIn(path);
    } catch (error) {
      // Slower, but the same in the end.
      onProblem(`the second thread of the index gave up: ${messageOf(error)}`);
      indexer.give(division.part);
      readAll(indexer);
    }
  } finally {
    await part.stop();
    removePart(path);
  }
  return sessions;
}

function readAll(indexer: Indexer): void {
  while (indexer.isBehind || indexer.hasBacklog) indexer.step();
  indexer.write();
}
