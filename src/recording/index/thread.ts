import { parentPort, workerData } from 'node:worker_threads';
import { isSluiceError, messageOf } from '../../lib/errors.js';
import { yieldToOthers } from '../../lib/thread-priority.js';
import { IndexDatabase } from './database.js';
import { Indexer } from './indexer.js';
import { readIdentityFile } from '../encryption/recipients.js';
import { niceness, type FromIndex, type IndexQuestion, type IndexThreadOptions, type ToIndex } from './messages.js';
import { rebuild } from './rebuild.js';
import { getSession, listSessions, sessionOwner, sessionPath } from './queries.js';
import { searchSessions } from './search.js';

/** What was read is written this much later at the latest, unless somebody asks before. */
const writeAfterMs = 1000;
/** Right after a start a question waits this long for what the last gateway left behind. */
const maxWaitForBacklogMs = 2000;

/**
 * The index lives on a thread of its own: it follows the journals, so recording costs the gateway no more than telling
 * how far they have grown, and a slow question holds up nobody. A question is answered once everything that was told
 * before it has been read, so that one sees one's own last statement.
 */
function serve(port: NonNullable<typeof parentPort>, options: IndexThreadOptions): void {
  yieldToOthers(niceness);
  const db = IndexDatabase.open(options.indexPath);
  const send = (message: FromIndex): void => port.postMessage(message);
  const identities = options.identityFile === null ? [] : readIdentityFile(options.identityFile);
  const indexer = new Indexer(db, options.recordingsDir, (problem) => send({ problem }), identities);
  const incoming: ToIndex[] = [];
  let busy = false;
  let stopped = false;
  let unwrittenSince: number | null = null;

  const answer = async (question: IndexQuestion): Promise<unknown> => {
    switch (question.type) {
      case 'list':
        return listSessions(db, question.filter);
      case 'get':
        return getSession(db, question.id, question.limit, question.afterOp);
      case 'path':
        return sessionPath(db, question.id);
      case 'search':
        return searchSessions(db, question.query, question.filter, question.now);
      case 'owner':
        return sessionOwner(db, question.id);
      case 'reindex':
        return { sessions: await rebuild({ db, indexer, options, onProblem: (problem) => send({ problem }) }) };
    }
  };

  const handle = async (message: ToIndex): Promise<void> => {
    if ('stop' in message) {
      stopped = true;
      try {
        indexer.write();
      } finally {
        db.close();
        port.close();
      }
      return;
    }
    if ('note' in message) {
      if (message.note.type === 'catch up') await indexer.catchUp(new Set(message.note.live));
      else indexer.note(message.note);
      return;
    }
    const patience = Date.now() + maxWaitForBacklogMs;
    while (indexer.isBehind || (indexer.hasBacklog && Date.now() < patience)) indexer.step();
    indexer.write();
    try {
      send({ call: message.call, answer: await answer(message.question) });
    } catch (error) {
      const code = isSluiceError(error) ? error.code : 'unexpected';
      send({ call: message.call, failed: { code, message: messageOf(error) } });
    }
  };

  /** One thing that is to be done; false when there is nothing. */
  const workOnce = async (): Promise<boolean> => {
    const message = incoming.shift();
    if (message !== undefined) await handle(message);
    else if (indexer.isBehind || indexer.hasBacklog) indexer.step();
    else return false;
    return true;
  };

  /** What was read is written now and then, and segments are joined in between. False when there is nothing to join. */
  const keepUp = (): boolean => {
    const now = performance.now();
    unwrittenSince = indexer.hasUnwritten ? (unwrittenSince ?? now) : null;
    if (unwrittenSince === null || now - unwrittenSince < writeAfterMs) return indexer.tidy();
    indexer.write();
    unwrittenSince = null;
    return true;
  };

  const work = async (): Promise<void> => {
    busy = true;
    for (let more = true; !stopped && (more || incoming.length > 0);) {
      try {
        more = await workOnce();
        if (!stopped) more = keepUp() || more;
      } catch (error) {
        send({ problem: messageOf(error) });
        more = indexer.isBehind || indexer.hasBacklog;
      }
      await new Promise((resolve) => setImmediate(resolve)); // lets messages in
    }
    busy = false;
    if (unwrittenSince !== null && !stopped) setTimeout(wake, writeAfterMs).unref();
  };

  const wake = (): void => {
    if (!busy && !stopped) void work();
  };

  port.on('message', (message: ToIndex) => {
    incoming.push(message);
    wake();
  });
}

if (parentPort !== null) serve(parentPort, workerData as IndexThreadOptions);
