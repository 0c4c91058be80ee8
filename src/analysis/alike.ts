import { LruCache } from './lru.js';
import type { QueryAnalysis } from './postgres-types.js';
import { shapeOf, type Shape } from './postgres/constants.js';

/** An analysis, and the text that it was made of. */
export interface Analysed {
  readonly sql: string;
  readonly analysis: QueryAnalysis;
}

/** What is known of texts with the same rest. */
interface Known {
  /** Constants that must be these, by the same index. */
  readonly fixed: readonly number[];
  readonly byFixed: Map<string, Analysed>;
}

const separator = '\u0003';
const maxVariants = 64;
/** Seen once and not worth the work yet; or looked at, and not to be had. */
type Entry = Known | 'seen' | 'none';

/** Analyses of texts that differ in constants alone, where the worker has found that those change nothing in them. */
export class AlikeTexts {
  readonly #shapes: LruCache<Entry>;

  constructor(maxEntries: number, maxBytes: number) {
    this.#shapes = new LruCache(maxEntries, maxBytes);
  }

  /** The analysis of a text like this one; its own texts are that one's. */
  find(epoch: number, sql: string): Analysed | null {
    const shape = shapeOf(sql);
    if (shape === null) return null;
    const known = this.#shapes.get(epoch, shape.rest);
    return typeof known === 'object' ? (known.byFixed.get(fixedOf(sql, shape, known.fixed)) ?? null) : null;
  }

  /** The shape of a text that is about to be analysed, when it is worth finding out which constants are free. */
  wanted(epoch: number, sql: string): Shape | null {
    const shape = shapeOf(sql);
    if (shape === null) return null;
    const known = this.#shapes.get(epoch, shape.rest);
    if (known === undefined) this.#shapes.set(epoch, shape.rest, 'seen', shape.rest.length * 2 + 64);
    return known === undefined || known === 'none' ? null : shape;
  }

  learn(epoch: number, { sql, analysis }: Analysed, shape: Shape, free: readonly number[] | null, bytes: number): void {
    const { rest, constants } = shape;
    const before = this.#shapes.get(epoch, rest);
    if (free === null) {
      if (typeof before !== 'object') this.#shapes.set(epoch, rest, 'none', rest.length * 2 + 64);
      return;
    }
    const fixed = [...constants.keys()].filter((index) => !free.includes(index));
    const isAlike = typeof before === 'object' && before.fixed.join() === fixed.join();
    const byFixed = isAlike && before.byFixed.size < maxVariants ? before.byFixed : new Map<string, Analysed>();
    byFixed.set(fixedOf(sql, shape, fixed), { sql, analysis });
    this.#shapes.set(epoch, rest, { fixed, byFixed }, rest.length * 2 + bytes * byFixed.size);
  }

  clear(): void {
    this.#shapes.clear();
  }
}

function fixedOf(sql: string, { constants }: Shape, fixed: readonly number[]): string {
  let values = '';
  for (const index of fixed) values += sql.slice(constants[index]?.start, constants[index]?.end) + separator;
  return values;
}
