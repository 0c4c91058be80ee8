import type { StatementAnalysis } from '../../analysis/postgres-types.js';

interface Change {
  /** The session that makes it. */
  readonly by: object;
  /** Syncs that the session had sent before it. */
  readonly era: number;
  readonly node: string;
  /** What it names, in lower case; null for anything. */
  readonly text: string | null;
  /** Others may see it: its transaction may have ended, whatever has been heard of that. */
  mayShow: boolean;
  endedAt: number | null;
}

/** What gives names another meaning for statements that are under way; what else a table can become shows no other columns. */
const named: ReadonlySet<string> = new Set([
  'ViewStmt',
  'RenameStmt',
  'AlterObjectSchemaStmt',
  'CreateStmt',
  'CreateTableAsStmt',
  'SelectStmt',
  'DropStmt',
  'CreateFunctionStmt',
  'AlterFunctionStmt',
  'RuleStmt',
]);
/** The same of what statements use without a name of its own in their analysis. */
const unnamed: ReadonlySet<string> = new Set([
  'DefineStmt',
  'CreateCastStmt',
  'CompositeTypeStmt',
  'CreateDomainStmt',
  'AlterOperatorStmt',
  'CreateSchemaStmt',
  'CreateForeignTableStmt',
  'ImportForeignSchemaStmt',
  'CreateExtensionStmt',
]);
/** Locks do not keep a function as it was while a statement runs that calls it. */
const ofFunctions: ReadonlySet<string> = new Set(['CreateFunctionStmt', 'AlterFunctionStmt', 'RenameStmt', 'DropStmt']);
const mostKept = 200;
const longestKept = 16 * 1024;

/**
 * Definitions that sessions of this gateway change in one database, and tables that they copy protected values to. A
 * statement that was judged before such a change can run behind it: the server makes it wait for the lock, and finds its
 * names when it has it.
 */
export class ChangesUnderWay {
  #changes: Change[] = [];
  #ended = 0;
  #open = 0;
  #forgottenAt = 0;
  /** Moves with everything that others may see. */
  version = 0;

  /** A moment, to ask later what has changed since. */
  get now(): number {
    return this.#ended;
  }

  /** Before it leaves. `isOpen`: in a transaction that goes on. */
  sent(
    by: object,
    statement: StatementAnalysis,
    { era, isOpen }: { readonly era: number; readonly isOpen: boolean },
  ): void {
    const { node, text, effects, copies = [] } = statement;
    const isOwn = effects.length > 0 && effects.every(({ facts }) => facts.temporary);
    const filled = copies.filter(({ schema }) => schema !== 'pg_temp').map(({ table }) => table.toLowerCase());
    const isDefinition = named.has(node) || unnamed.has(node);
    if (isOwn || (!isDefinition && filled.length === 0)) return;
    // Whatever else the text of a copy names is read.
    const plain = [...(isDefinition ? [text.toLowerCase().replaceAll('""', '"')] : []), ...filled].join('\n');
    const ofSchema = effects.some(({ resource }) => resource.type === 'Schema');
    const isAny = unnamed.has(node) || ofSchema || plain.length > longestKept || plain.includes('u&"');
    this.#changes.push({ by, era, node, text: isAny ? null : plain, mayShow: !isOpen, endedAt: null });
    this.#open++;
    this.version++;
  }

  /** A COMMIT leaves. */
  committing(by: object): void {
    for (const change of this.#changes) if (change.by === by) change.mayShow = true;
    this.version++;
  }

  /** No transaction is open behind this Sync. */
  ended(by: object, era: number): void {
    const over = this.#changes.filter((change) => change.by === by && change.endedAt === null && change.era <= era);
    if (over.length === 0) return;
    this.#ended++;
    this.#open -= over.length;
    for (const change of over) change.endedAt = this.#ended;
    while (this.#changes.length - this.#open > mostKept) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const at = this.#changes.findIndex((change) => change.endedAt !== null);
    const [oldest] = this.#changes.splice(at, 1);
    this.#forgottenAt = Math.max(this.#forgottenAt, oldest?.endedAt ?? 0);
  }

  /**
   * Whether others may have changed what this statement means since that moment. `isPlanned`: relations that it reads are
   * locked since, functions are not.
   */
  touch(statement: StatementAnalysis, by: object, since: number, isPlanned = false): boolean {
    const objects = statement.objects ?? [];
    if (objects.length === 0 || (this.#open === 0 && since >= this.#ended)) return false;
    if (since < this.#forgottenAt) return true;
    const names = objects.map(nameOf);
    return this.#changes.some(
      (change) =>
        change.by !== by &&
        change.mayShow &&
        (change.endedAt === null || change.endedAt > since) &&
        (!isPlanned || ofFunctions.has(change.node)) &&
        names.some((name) => change.text === null || says(change.text, name)),
    );
  }
}

/** The name in `relation public.orders (16423 r) 5f3a…`. */
function nameOf(line: string): string {
  const whole = line.slice(0, line.lastIndexOf(' ('));
  return whole.slice(whole.lastIndexOf('.') + 1).toLowerCase();
}

/** Whether a text has this name, as a word where it is one. */
function says(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
    const isWithin = inWord.test(text[at - 1] ?? '') || inWord.test(text[at + name.length] ?? '');
    if (!isWithin || !/^[\p{L}\p{N}_$]+$/u.test(name)) return true;
  }
  return false;
}

const inWord = /[\p{L}\p{N}_$]/u;
