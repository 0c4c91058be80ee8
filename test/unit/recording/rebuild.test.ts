import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { IndexDatabase } from '../../../src/recording/index/database.js';
import { Indexer } from '../../../src/recording/index/indexer.js';
import type { IndexThreadOptions } from '../../../src/recording/index/messages.js';
import { getSession, listSessions } from '../../../src/recording/index/queries.js';
import { rebuild } from '../../../src/recording/index/rebuild.js';
import { searchSessions } from '../../../src/recording/index/search.js';
import { opening, recordSession, startOfTime, startRecorder, statement, tempDir } from './support.js';

const words = ['orders', 'customers', 'payments', 'shipments'];

/** Sessions of all kinds, the last of them still open. */
async function record(dir: string): Promise<void> {
  const { recorder } = await startRecorder(dir);
  for (let index = 0; index < 9; index++) {
    const open = opening({ at: startOfTime + index * 1000, mode: index === 4 ? 'off' : 'strict' });
    const texts = Array.from(
      { length: 20 },
      (_, op) => `select ${index}${op} from ${words[(index + op) % words.length]}`,
    );
    await recordSession(
      recorder,
      texts.map((text, op) => statement(op + 1, text)),
      open,
    );
  }
  const live = await recorder.openSession(opening({ at: startOfTime + 10_000 }));
  for (const event of statement(1, 'select 1 from orders')) live.append(event);
  await live.commit();
  onTestFinished(() => recorder.close());
}

async function built(options: IndexThreadOptions, problems: string[], into = options.indexPath): Promise<unknown> {
  const db = IndexDatabase.open(into);
  const onProblem = (problem: string): void => void problems.push(problem);
  const indexer = new Indexer(db, options.recordingsDir, onProblem);
  const sessions = await rebuild({ db, indexer, options, onProblem });
  const now = startOfTime + 60_000;
  const listed = listSessions(db, {});
  const searched = words.map((word) => searchSessions(db, `${word} sel`, {}, now));
  const details = listed.sessions.map(({ id }) => getSession(db, id, 100, 0));
  while (indexer.tidy());
  const tidied = words.map((word) => searchSessions(db, `${word} sel`, {}, now));
  db.close();
  return { sessions, listed, searched, details, tidied };
}

describe.skipIf(availableParallelism() < 2)('an index that is built again', () => {
  it('is the same by two threads as by one, and leaves nothing behind', async () => {
    const dir = await tempDir();
    await record(dir);
    const problems: string[] = [];
    const options = (name: string, splitBytes: number): IndexThreadOptions => ({
      ...{ recordingsDir: join(dir, 'recordings'), indexPath: join(dir, name), identityFile: null, splitBytes },
    });
    const alone = await built(options('alone.db', Infinity), problems);
    const together = options('together.db', 1);
    expect(await built(together, problems)).toEqual(alone);
    // Numbers go on where those before ended.
    expect(await built(together, problems)).toEqual(alone);
    expect(existsSync(`${together.indexPath}.part`)).toBe(false);
    expect(problems).toEqual([]);
    expect(alone).toMatchObject({
      sessions: 10,
      searched: words.map(() => ({ match_count: expect.any(Number) as number })),
    });
  });

  it('is built by one thread when the other cannot', async () => {
    const dir = await tempDir();
    await record(dir);
    const problems: string[] = [];
    const alone = await built(
      { recordingsDir: join(dir, 'recordings'), indexPath: join(dir, 'alone.db'), identityFile: null },
      problems,
    );
    const nowhere = join(dir, 'no', 'such', 'folder', 'index.db');
    const options = { recordingsDir: join(dir, 'recordings'), indexPath: nowhere, identityFile: null, splitBytes: 1 };
    expect(await built(options, problems, join(dir, 'other.db'))).toEqual(alone);
    expect(problems).toEqual([expect.stringContaining('the second thread of the index gave up')]);
  });
});
