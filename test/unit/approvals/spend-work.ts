import Database from 'libsql';
import { createApprovals } from '../../../src/approvals/approvals.js';
import type { RequestSubject } from '../../../src/approvals/types.js';
import { isSluiceError } from '../../../src/lib/errors.js';
import { sqliteRequests } from '../../../src/store/requests.js';

/**
 * A gateway's half of a race, in a process of its own: reads what to spend from stdin, says that it is ready, and spends
 * everything at the word. Prints what it won.
 */
const [, , path = ''] = process.argv;
const database = new Database(path, { timeout: 20_000 });
const approvals = createApprovals({
  store: sqliteRequests(database),
  now: Date.now,
  version: '1.0.0',
  expireMs: 600_000,
});

interface Order {
  readonly ids: readonly string[];
  readonly subject: RequestSubject;
}

process.once('message', (order: Order) => {
  process.once('message', () => {
    const won: string[] = [];
    const refused: string[] = [];
    for (const id of order.ids) {
      try {
        approvals.consume(id, order.subject);
        won.push(id);
      } catch (error) {
        if (!isSluiceError(error, 'conflict')) throw error;
        refused.push(id);
      }
    }
    approvals.close();
    process.send?.({ won, refused }, () => process.disconnect());
  });
  process.send?.('ready');
});
