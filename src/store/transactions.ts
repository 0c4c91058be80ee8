import { type Connection, inTransaction } from './database.js';

/** Work on the store that is kept whole or not at all. */
export interface Transactions {
  /** Runs `work`, all of whose writes are kept when it returns and none when it throws. Inside another it is a part of that. */
  run<T>(work: () => T): T;
  /** Runs `then` once what is under way is kept, at once where nothing is; never when it is not kept. */
  whenKept(then: () => void): void;
}

/** In SQLite, on the one connection that there is: nothing else can write in between, since no step waits. */
export function sqliteTransactions(database: Connection): Transactions {
  let waiting: (() => void)[] | null = null;
  return {
    run(work) {
      if (waiting !== null) return work();
      const then: (() => void)[] = [];
      waiting = then;
      let result;
      try {
        result = inTransaction(database, work);
      } finally {
        waiting = null;
      }
      for (const each of then) each();
      return result;
    },
    whenKept(then) {
      if (waiting === null) then();
      else waiting.push(then);
    },
  };
}
