import { plainFacts, type ActionName, type Effect, type EffectFacts, type ResourceRef } from '../effects.js';
import { inferEffect } from '../distrust.js';
import type { CopyOfProtected, ProtectedColumn, SessionChange } from '../postgres-types.js';
import type { Value } from './value.js';

/** A schema, a relation of one or a column of one that gets another name; null is any. */
export interface Renaming {
  readonly schema: string;
  readonly table: string | null;
  readonly column: string | null;
  readonly to: Partial<Pick<CopyOfProtected, 'schema' | 'table' | 'column'>>;
}

/** What a statement's analysis has found so far. Effects are kept once each, in the order they were found. */
export class Findings {
  readonly #effects = new Map<string, Effect>();
  readonly #protectedColumns: readonly ProtectedColumn[];
  readonly #root: readonly [string, string];
  readonly changes: SessionChange[] = [];
  readonly missing = new Set<string>();
  readonly #copies = new Map<string, CopyOfProtected>();
  /** What gets another name, so that what the same query has copied there before is found again. */
  readonly renames: Renaming[] = [];
  touchesProtected = false;

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

  /** A protected value stands where it can be inferred. An unknown value may be any of them. */
  infer(value: Value): void {
    if (value.unknown) this.inferAll();
    else for (const column of value.sources) this.inferColumn(column);
  }

  inferAll(): void {
    for (const column of this.#protectedColumns) this.inferColumn(column);
  }

  inferColumn(column: ProtectedColumn): void {
    this.addEffect(inferEffect(this.#root, column));
  }

  change(change: SessionChange): void {
    this.changes.push(change);
  }

  /** A catalog change is noted once, however many objects a statement changes. */
  changeCatalog(): void {
    if (!this.changes.some((change) => change.type === 'catalogChange')) this.change({ type: 'catalogChange' });
  }
}
