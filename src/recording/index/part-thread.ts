import { parentPort, workerData } from 'node:worker_threads';
import { yieldToOthers } from '../../lib/thread-priority.js';
import { readIdentityFile } from '../encryption/recipients.js';
import { IndexDatabase } from './database.js';
import { Indexer } from './indexer.js';
import { niceness } from './messages.js';
import type { FromPart, PartWork } from './part.js';

/** Builds one part of the index from the sessions it was given, then ends. */
function build(port: NonNullable<typeof parentPort>, { options, path, firstSeq, sessions }: PartWork): void {
  yieldToOthers(niceness);
  const send = (message: FromPart): void => port.postMessage(message);
  const identities = options.identityFile === null ? [] : readIdentityFile(options.identityFile);
  const db = IndexDatabase.openPart(path, firstSeq);
  try {
    const indexer = new Indexer(db, options.recordingsDir, (problem) => send({ problem }), identities);
    indexer.give(sessions);
    while (indexer.isBehind || indexer.hasBacklog) indexer.step();
    indexer.write();
  } finally {
    db.close();
  }
  send({ done: true });
}

if (parentPort !== null) build(parentPort, workerData as PartWork);
