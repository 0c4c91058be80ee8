import type { Run } from './run.js';
import type { ErrorFields } from './errors.js';

/** A name of the client's and the private one it stands for upstream. */
export interface Named {
  readonly client: string;
  readonly upstream: string;
}

/** A name of the client's that a message gives or takes away. */
export interface NameChange {
  readonly kind: 'statement' | 'portal';
  readonly name: string;
}

/** What the server still owes for messages already sent, oldest first. `undo` takes back what the message would have changed. */
export type Expected =
  | { readonly type: 'parse'; readonly hidden: boolean; readonly changes: NameChange; readonly undo: () => void }
  | {
      readonly type: 'bind';
      readonly run: Run;
      readonly named: Named;
      readonly changes: NameChange;
      readonly undo: () => void;
    }
  /** Of a Parse or Bind whose name is taken: an error. `op` is what it is recorded under. */
  | { readonly type: 'collision'; readonly named: Named; readonly op: number | null }
  | { readonly type: 'describeStatement'; readonly named: Named }
  | { readonly type: 'describePortal'; readonly hidden: boolean; readonly run: Run; readonly named: Named }
  | { readonly type: 'execute'; readonly run: Run; readonly named: Named }
  | { readonly type: 'close'; readonly hidden: boolean; readonly changes: NameChange; readonly undo: () => void }
  | { readonly type: 'deallocate'; readonly run: Run; readonly undo: () => void }
  | { readonly type: 'refusal'; readonly fields: ErrorFields }
  | { readonly type: 'sync'; readonly era: number }
  /** A simple Query: one run a statement, `at` counting those completed. */
  | { readonly type: 'query'; readonly runs: readonly Run[]; at: number; failed: boolean; readonly era: number };

/** The order of the server's answers is the order of our messages: a queue that only the server's answers empty. */
export class Tracker {
  #queue: Expected[] = [];
  #head = 0;
  /** Syncs and Queries among what is owed. */
  #boundaries = 0;
  /** Statements among it that give a name in SQL. */
  #naming = 0;

  get isEmpty(): boolean {
    return this.#head === this.#queue.length;
  }
  get head(): Expected | undefined {
    return this.#queue[this.#head];
  }
  push(expected: Expected): void {
    this.#queue.push(expected);
    if (isBoundary(expected)) this.#boundaries++;
    if (givesName(expected)) this.#naming++;
  }
  shift(): Expected | undefined {
    const first = this.#queue[this.#head];
    if (first === undefined) return undefined;
    this.#head++;
    if (isBoundary(first)) this.#boundaries--;
    if (givesName(first)) this.#naming--;
    if (this.#head > 64 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  /** Whether PREPARE or DECLARE is under way: which names are taken shows once it is answered. */
  get isNaming(): boolean {
    return this.#naming > 0;
  }

  /**
   * Whether a message before the last Sync, not answered yet, gives or takes this name: if one before it fails, the name
   * still means what it meant, and what comes behind the Sync is served all the same.
   */
  isUncertain(kind: NameChange['kind'], name: string): boolean {
    if (this.#boundaries === 0) return false;
    let changed = false;
    for (let at = this.#head; at < this.#queue.length; at++) {
      const expected = this.#queue[at];
      if (expected === undefined) break;
      if (changed && isBoundary(expected)) return true;
      changed ||= 'changes' in expected && expected.changes.kind === kind && expected.changes.name === name;
    }
    return false;
  }

  /**
   * After an error in the extended protocol the server skips everything up to Sync (PostgreSQL 55.2.3): drops what will
   * never be answered and undoes it, newest first. Returns what was dropped, and whether a Sync is still to come.
   */
  dropToSync(): { readonly dropped: readonly Expected[]; readonly syncQueued: boolean } {
    const dropped: Expected[] = [];
    for (;;) {
      const next = this.head;
      if (next === undefined || next.type === 'sync') break;
      dropped.push(next);
      this.shift();
    }
    for (const expected of dropped.toReversed()) if ('undo' in expected) expected.undo();
    return { dropped, syncQueued: this.head !== undefined };
  }

  /** Everything still owed, when the connection ends. */
  drain(): readonly Expected[] {
    const left = this.#queue.slice(this.#head);
    this.#queue = [];
    this.#head = 0;
    this.#boundaries = 0;
    this.#naming = 0;
    return left;
  }
}

function givesName(expected: Expected): boolean {
  const runs = expected.type === 'query' ? expected.runs : expected.type === 'execute' ? [expected.run] : [];
  return runs.some(({ statement }) =>
    statement.changes.some(({ type }) => type === 'prepare' || type === 'declareCursor'),
  );
}

function isBoundary({ type }: Expected): boolean {
  return type === 'sync' || type === 'query';
}
