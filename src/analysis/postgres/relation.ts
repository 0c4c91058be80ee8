import type { Effect } from '../effects.js';
import type { RawFunction } from '../postgres-types.js';
import type { Field, Value } from './value.js';

/** A table, view or other relation, with what is known of its columns. */
export interface Relation {
  readonly oid: number;
  /** `pg_temp` for a temporary relation of this session. */
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly attnums: readonly number[];
  readonly fields: readonly Field[];
  /** Has a protected column, or is a view that uses one. */
  readonly touchesProtected: boolean;
  /** Calls a view makes whenever it is read. */
  readonly calls: readonly Effect[];
  /** Of a view: what the names in its definition mean, its own views' included. */
  readonly objects: readonly string[];
  /** Calls that its defaults and generated columns make when a row is written. */
  readonly written: { readonly insert: readonly Effect[]; readonly update: readonly Effect[] };
  /** What the names mean by which values were computed that it keeps: of a materialized view, generated columns, defaults. */
  readonly computedFrom: readonly string[];
}

/** What an expression that the catalog keeps turned out to give. */
export interface ExpressionReading {
  readonly value: Value;
  readonly calls: readonly Effect[];
  readonly objects: readonly string[];
}

/** Functions that a call may mean. */
export interface FunctionCandidates {
  readonly builtin: readonly RawFunction[];
  readonly user: readonly RawFunction[];
}

/** What a view's definition turned out to give. */
export interface ViewReading {
  readonly fields: readonly Field[] | null;
  readonly touchesProtected: boolean;
  readonly calls: readonly Effect[];
  readonly objects: readonly string[];
}
