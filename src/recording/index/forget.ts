import type { IndexDatabase } from './database.js';
import { blockIdBits } from './operation-block.js';

/** Takes a session that was deleted out of the index. Its words follow as soon as there is nothing else to do. */
export function forgetSession(db: IndexDatabase, id: string): void {
  const seq = db.row<[number]>('select seq from sessions where id = ?', id)?.[0];
  if (seq === undefined) return;
  const first = BigInt(seq) << BigInt(blockIdBits);
  const last = (BigInt(seq) + 1n) << BigInt(blockIdBits);
  db.run('delete from blocks where id >= ? and id < ?', first, last);
  db.run('delete from sessions where seq = ?', BigInt(seq));
  db.run('insert or ignore into forgotten (seq) values (?)', BigInt(seq));
}
