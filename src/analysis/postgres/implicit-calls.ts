import type { RawCatalog, RawComparison, RawOperator, RawTypeCall } from '../postgres-types.js';
import { isBuiltinType, isOwnName } from './builtin-types.js';
import { baseName, isSameType, mayBeOf } from './type-match.js';
import type { Value } from './value.js';

/** A function that a user has made, and that is called without a call in the text. */
export interface ImplicitFunction {
  readonly functionSchema: string;
  readonly functionName: string;
}

const comparisons = new Set('= <> != < <= > >='.split(' '));
/** Of these the server has no comparison of its own. */
const incomparable = new Set(
  'json xml point line lseg path polygon record refcursor unknown cstring aclitem'.split(' '),
);

const documents = /^(jsonb?|text|bytea|xml)$/;

/** What a database's operators, conversions and operator classes call. */
export class ImplicitCalls {
  readonly #operators = new Map<string, RawOperator[]>();
  readonly #typeCalls = new Map<string, RawTypeCall[]>();
  readonly #casts: readonly RawTypeCall[];
  readonly #comparisons = new Map<string, RawComparison[]>();
  readonly #kept = new Map<number, RawComparison[]>();
  readonly #searchPath: readonly string[];

  constructor(raw: RawCatalog) {
    this.#searchPath = raw.searchPath;
    for (const operator of raw.operators ?? []) push(this.#operators, operator.name, operator);
    for (const call of raw.typeCalls ?? []) push(this.#typeCalls, call.name, call);
    this.#casts = (raw.typeCalls ?? []).filter(({ implicit }) => implicit === true);
    for (const call of raw.comparisons ?? [])
      if (call.relation === 0) push(this.#comparisons, baseName(call.type), call);
      else push(this.#kept, call.relation, call);
  }

  /** Conversions call user functions at all. */
  get hasTypeCalls(): boolean {
    return this.#typeCalls.size > 0;
  }

  /** User-defined operators of this name that the path reaches, and that these operands may mean. */
  operators(schema: string, name: string, operands: readonly Value[]): readonly RawOperator[] {
    const found = this.#operators.get(name) ?? [];
    if (found.length === 0) return found;
    const own = schema === '' ? comparedType(name, operands) : '';
    return found.filter(
      (operator) =>
        (schema === '' ? this.#searchPath.includes(operator.schema) : operator.schema === schema) &&
        // The server looks for an operator of exactly the operands' types before all else. PostgreSQL 10.2.
        (own === '' || [operator.left, operator.right].every((type) => type == null || isSameType(type, own))) &&
        this.#mayTake(operator, operands),
    );
  }

  /** No value of the server's own types becomes one of somebody's unless a cast makes it one. */
  #mayTake({ left, right }: RawOperator, operands: readonly Value[]): boolean {
    if (left == null || right == null || operands.length < 2) return true;
    const [first, ...others] = operands;
    const becomes = (value: Value | undefined, type: string): boolean =>
      value === undefined ||
      !isOwnName(type) ||
      type.startsWith('any') ||
      !isKnownBuiltin(value) ||
      this.#casts.some((cast) => cast.name === baseName(type));
    return becomes(first, left) && others.some((value) => becomes(value, right));
  }

  /**
   * User functions called by a conversion of this value to this type, as SQL or format_type names it. Null: it is made of
   * what somebody wrote, or of a document.
   */
  typeCalls(type: string, value: Value | null): readonly ImplicitFunction[] {
    const found = this.#typeCalls.get(baseName(type)) ?? [];
    return found.filter(
      ({ source }) => source == null || (value === null ? documents.test(baseName(source)) : mayBeOf(value, source)),
    );
  }

  /** Every conversion that calls user functions. */
  everyTypeCall(): readonly ImplicitFunction[] {
    return [...this.#typeCalls.values()].flat();
  }

  /** Casts that the server may apply to this value where it is an argument or an operand. */
  casts(value: Value): readonly ImplicitFunction[] {
    return this.#casts.filter(
      ({ source }) =>
        source != null &&
        (value.type === '' && value.row === null ? value.own && isOwnName(source) : mayBeOf(value, source)),
    );
  }

  /** What compares, sorts or hashes values of this type. */
  comparisonsOf(type: string): readonly ImplicitFunction[] {
    return this.#comparisons.get(baseName(type)) ?? [];
  }

  /** Some relation is kept by an operator class that somebody made. */
  get keepsAny(): boolean {
    return this.#kept.size > 0;
  }

  /** What keeps the indexes and the partitions of this relation. */
  keeping(relation: number): readonly ImplicitFunction[] {
    return this.#kept.get(relation) ?? [];
  }
}

/** The one type of the server's own that is compared here; '' when that cannot be told, or it has no comparison. */
export function comparedType(operator: string, operands: readonly Value[]): string {
  if (!comparisons.has(operator)) return '';
  const known = operands.filter(({ type, literals }) => type !== 'unknown' && (type !== '' || literals === null));
  const [first] = known;
  if (first === undefined || known.some(({ type, row }) => row !== null || !isSameType(type, first.type))) return '';
  const name = baseName(first.type);
  return isBuiltinType('', name) && !incomparable.has(name) && !first.type.endsWith(']') ? first.type : '';
}

function isKnownBuiltin({ type, row }: Value): boolean {
  return row === null && type !== '' && type !== 'unknown' && !type.startsWith('record') && !isOwnName(type);
}

function push<K, T>(map: Map<K, T[]>, name: K, item: T): void {
  const items = map.get(name);
  if (items === undefined) map.set(name, [item]);
  else items.push(item);
}
