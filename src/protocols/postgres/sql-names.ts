import type { CatalogHandle, SessionChange, StatementAnalysis } from '../../analysis/postgres-types.js';
import type { JudgedQuery } from './judged-query.js';
import { type ReadText, secretsWithin } from './named-texts.js';

/** A statement or cursor that SQL itself named. */
export interface NamedBody extends ReadText {
  readonly body: StatementAnalysis;
  /** What `body` was read with, from the text that gave the name. */
  readonly catalog: CatalogHandle;
}

/** A cursor lives until its transaction ends; WITH HOLD ones live on, but only if that transaction is not undone. */
interface Cursor extends NamedBody {
  readonly hold: boolean;
  readonly isKept: boolean;
}

interface Savepoint {
  readonly name: string;
  readonly cursors: ReadonlyMap<string, Cursor>;
}

/**
 * What names mean that SQL gives: PREPARE and DECLARE CURSOR. A name whose object is gone must be forgotten with it: a
 * function can open a cursor of its own under the same name. PREPARE stands outside of transactions, cursors do not.
 */
export class SqlNames {
  readonly statements = new Map<string, NamedBody>();
  readonly #cursors = new Map<string, Cursor>();
  #savepoints: Savepoint[] = [];
  /** Moves with every change. */
  version = 0;

  /** The same names, to follow what a query would do to them before it runs. */
  copy(): SqlNames {
    const copy = new SqlNames();
    for (const [name, body] of this.statements) copy.statements.set(name, body);
    for (const [name, cursor] of this.#cursors) copy.#cursors.set(name, cursor);
    copy.#savepoints = [...this.#savepoints];
    return copy;
  }

  cursor(name: string): NamedBody | undefined {
    return this.#cursors.get(name);
  }

  /** What a name stands for, by another catalog: the name itself has not moved. */
  refresh({ type, name }: { readonly type: 'execute' | 'fetch'; readonly name: string }, body: NamedBody): void {
    const cursor = this.#cursors.get(name);
    if (type === 'execute') this.statements.set(name, body);
    else if (cursor !== undefined) this.#cursors.set(name, { ...cursor, ...body });
  }

  forget({ type, name }: { readonly type: 'execute' | 'fetch'; readonly name: string }): void {
    if (type === 'execute') this.statements.delete(name);
    else this.#cursors.delete(name);
  }

  /** Follows one change. `tag` is CommandComplete's, which says whether COMMIT did commit. */
  apply(change: SessionChange, query: JudgedQuery, statement: StatementAnalysis, tag = ''): void {
    switch (change.type) {
      case 'prepare':
        this.statements.set(change.name, { body: change.body, ...givenBy(query, statement) });
        break;
      case 'deallocate':
        if (change.name === null) this.statements.clear();
        else this.statements.delete(change.name);
        break;
      case 'declareCursor':
        this.#cursors.set(change.name, {
          body: change.body,
          hold: change.hold,
          isKept: false,
          ...givenBy(query, statement),
        });
        break;
      case 'closeCursor':
        if (change.name === null) this.#cursors.clear();
        else this.#cursors.delete(change.name);
        break;
      case 'savepoint':
        this.#savepoint(change);
        break;
      case 'commit':
      case 'rollback':
        this.transactionEnded(change.type === 'rollback' || tag === 'ROLLBACK');
        return;
      case 'discard':
        if (!change.all) return;
        this.statements.clear();
        this.#cursors.clear();
        break;
      default:
        return;
    }
    this.version++;
  }

  /** Cursors end with their transaction unless WITH HOLD; one that is undone takes even those along. */
  transactionEnded(isUndone: boolean): void {
    this.#savepoints = [];
    for (const [name, cursor] of this.#cursors) {
      if (cursor.hold && (cursor.isKept || !isUndone)) this.#cursors.set(name, { ...cursor, isKept: true });
      else {
        this.#cursors.delete(name);
        this.version++;
      }
    }
  }

  /** ROLLBACK TO closes the cursors that were opened since. PostgreSQL, ROLLBACK TO SAVEPOINT. */
  #savepoint({ action, name }: Extract<SessionChange, { type: 'savepoint' }>): void {
    if (action === 'set') {
      this.#savepoints.push({ name, cursors: new Map(this.#cursors) });
      return;
    }
    const at = this.#savepoints.findLastIndex((savepoint) => savepoint.name === name);
    const back = action === 'rollback' ? this.#savepoints[at] : undefined;
    this.#savepoints.length = Math.max(0, action === 'rollback' ? at + 1 : at);
    if (action === 'release') return;
    for (const [of, cursor] of this.#cursors) if (back?.cursors.get(of) !== cursor) this.#cursors.delete(of);
  }
}

function givenBy(query: JudgedQuery, statement: StatementAnalysis): Omit<NamedBody, 'body'> {
  return { text: statement.text, secrets: secretsWithin(query, statement), catalog: query.catalog };
}
