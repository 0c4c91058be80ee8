import type { IndexDatabase } from './database.js';
import { operationBits } from './schema.js';

/** Takes a session that was deleted out of the index, with everything it is found by. */
export function forgetSession(db: IndexDatabase, id: string): void {
  const seq = db.row<[number]>('select seq from sessions where id = ?', id)?.[0];
  if (seq === undefined) return;
  const first = BigInt(seq) << operationBits;
  const last = (BigInt(seq) + 1n) << operationBits;
  db.run(
    'delete from operation_words where rowid in (select id from operations where id >= ? and id < ?)',
    first,
    last,
  );
  db.run('delete from operations where id >= ? and id < ?', first, last);
  db.run('delete from sessions where seq = ?', seq);
}
