import { plainFacts, type ActionName, type Effect, type EffectFacts, type ResourceRef } from '../effects.js';
import { inferEffect } from '../distrust.js';
import type { CopyOfProtected, ProtectedColumn, SessionChange } from '../postgres-types.js';
import { distinctColumns, eachLiteral } from './literals.js';
import { isTainted, type Literal, type Literals, type Value } from './value.js';

/** A schema, a relation of one or a column of one that gets another name; null is any. */
export interface Renaming {
  readonly schema: string;
  readonly table: string | null;
  readonly column: string | null;
  readonly to: Partial<Pick<CopyOfProtected, 'schema' | 'table' | 'column'>>;
}

/** A constant of the text that may be a protected value. */
export interface Secret extends Literal {
  /** None: nobody knows of which column. */
  readonly columns: readonly ProtectedColumn[];
}

/** What a statement's analysis has found so far. Effects are kept once each, in the order they were found. */
export class Findings {
  readonly #effects = new Map<string, Effect>();
  readonly #protectedColumns: readonly ProtectedColumn[];
  readonly #root: readonly [string, string];
  readonly #inferredByCalls = new Map<string, Effect>();
  readonly #guessed = new Set<ProtectedColumn>();
  #callDepth = 0;
  readonly #carried = new Set<ProtectedColumn>();
  readonly changes: SessionChange[] = [];
  readonly missing = new Set<string>();
  /** What names turned out to mean. */
  readonly objects = new Set<string>();
  readonly #copies = new Map<string, CopyOfProtected>();
  /** What gets another name, so that what the same query has copied there before is found again. */
  readonly renames: Renaming[] = [];
  touchesProtected = false;
  readonly #secrets = new Map<number, Secret>();
  /** Something in it could not be read at all, so any constant may be a protected value. */
  hidesSecrets = false;
  /** Constants among the arguments of EXECUTE, by position. */
  readonly executed: (Literals | null)[] = [];

  constructor(root: readonly [target: string, database: string], protectedColumns: readonly ProtectedColumn[]) {
    this.#root = root;
    this.#protectedColumns = protectedColumns;
  }

  get effects(): readonly Effect[] {
    return [...this.#effects.values()];
  }

  add(action: ActionName, type: ResourceRef['type'], path: readonly string[], facts: Partial<EffectFacts> = {}): void {
    this.addEffect({ action, resource: { type, path: [...this.#root, ...path] }, facts: { ...plainFacts, ...facts } });
  }

  addEffect(effect: Effect): void {
    const { facts } = effect;
    const key = [
      effect.action,
      effect.resource.type,
      ...effect.resource.path,
      facts.filtered,
      facts.class,
      facts.volatility,
      facts.source,
      facts.object,
      facts.temporary,
    ].join('\u0000');
    if (!this.#effects.has(key)) this.#effects.set(key, effect);
  }

  get copies(): readonly CopyOfProtected[] {
    return [...this.#copies.values()];
  }

  addCopy(copy: CopyOfProtected): void {
    this.#copies.set(JSON.stringify(copy), copy);
  }

  /** Does `work`, and forgets what it finds to be copied: it will not run now. */
  withoutCopies(work: () => void): void {
    const before = new Set(this.#copies.keys());
    work();
    for (const key of this.#copies.keys()) if (!before.has(key)) this.#copies.delete(key);
  }

  /** The classes that a value of unknown origin may be of. */
  get classes(): readonly string[] {
    return [...new Set(this.#protectedColumns.map((column) => column.class))];
  }

  /** An effect on the database as a whole. */
  addGlobal(action: ActionName, object: string, facts: Partial<EffectFacts> = {}): void {
    this.add(action, 'Database', [], { ...facts, object });
  }

  /** Constants that may be protected values, by their place in the text (parameters: by number), with the columns. */
  get secrets(): readonly Secret[] {
    return [...this.#secrets.values()];
  }

  /** What a statement within this one says of the same text; its parameters are its own. */
  adoptSecrets(inner: Findings): void {
    for (const secret of inner.secrets) if (secret.kind !== 'parameter') this.noteSecret(secret, secret.columns, 'all');
    this.hidesSecrets ||= inner.hidesSecrets;
  }

  noteSecret(literals: Literals, columns: readonly ProtectedColumn[], which: 'all' | 'texts'): void {
    for (const { at, kind } of eachLiteral(literals)) {
      if (which === 'texts' && kind === 'other') continue;
      const key = kind === 'parameter' ? -at : at;
      const known = this.#secrets.get(key);
      // Of no column in particular: it may be any.
      const isAny = columns.length === 0 || known?.columns.length === 0;
      const all = isAny ? [] : distinctColumns([...(known?.columns ?? []), ...columns]);
      this.#secrets.set(key, { at, kind, columns: all });
    }
  }

  /** Types of values that may be compared, sorted or hashed, and the OIDs of relations that are read or written. */
  readonly compared = new Set<string | number>();

  noteCompared(value: Value): void {
    if (value.row === null) this.compared.add(value.type);
    else for (const field of value.row) this.noteCompared(field.value);
  }

  /**
   * A value decides what is shown. A protected one can be inferred there; an unknown value may be any of them. One of
   * any type may be compared.
   */
  infer(value: Value): void {
    this.noteCompared(value);
    if (value.literals !== null && isTainted(value))
      this.noteSecret(value.literals, value.unknown ? [] : value.sources, 'texts');
    if (value.unknown) return this.inferAll();
    if (value.stored) for (const column of value.sources) this.#guessed.add(column);
    for (const column of value.sources) {
      const effect = inferEffect(this.#root, column);
      this.addEffect(effect);
      if (value.called || this.#callDepth > 0) this.#noteByCall(effect);
    }
  }

  #noteByCall(effect: Effect): void {
    this.#inferredByCalls.set(effect.resource.path.join('\u0000'), effect);
  }

  inferAll(): void {
    for (const column of this.#protectedColumns) this.inferColumn(column);
  }

  inferColumn(column: ProtectedColumn): void {
    this.addEffect(inferEffect(this.#root, column));
  }

  /** Does `work`, which reads the body of a function: what it infers is inferred by a call. */
  insideCall<T>(work: () => T): T {
    this.#callDepth++;
    try {
      return work();
    } finally {
      this.#callDepth--;
    }
  }

  /** What was inferred through functions that are found by name whenever they run, so that it may be another each time. */
  get inferredByCalls(): readonly Effect[] {
    return [...this.#inferredByCalls.values()];
  }

  /** What was compared with columns that somebody may fill with guesses. */
  get inferredByGuesses(): readonly Effect[] {
    return [...this.#guessed].map((column) => inferEffect(this.#root, column));
  }

  /** What a view does to whoever reads it. */
  addCalls(effects: readonly Effect[]): void {
    for (const effect of effects) {
      this.addEffect(effect);
      if (effect.action === 'infer') this.#noteByCall(effect);
    }
  }

  /** A value stands in a select list: a plan hands it on from step to step. */
  carry(value: Value): void {
    this.carryAll(value.unknown ? this.#protectedColumns : value.sources);
  }

  carryAll(columns: readonly ProtectedColumn[]): void {
    for (const column of columns) this.#carried.add(column);
  }

  get carried(): readonly ProtectedColumn[] {
    return [...this.#carried];
  }

  change(change: SessionChange): void {
    this.changes.push(change);
  }

  /** A catalog change is noted once, however many objects a statement changes. */
  changeCatalog(): void {
    if (!this.changes.some((change) => change.type === 'catalogChange')) this.change({ type: 'catalogChange' });
  }
}
