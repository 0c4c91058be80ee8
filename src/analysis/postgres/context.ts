import type { StatementAnalysis } from '../postgres-types.js';
import type { Catalog } from './catalog-model.js';
import type { Findings } from './findings.js';
import type { Scope } from './scope.js';
import type { Rows, Value } from './value.js';

/** PostgreSQL's own parser of one major version: statements as raw nodes. Throws `SqlSyntaxError` for bad SQL. */
export type ParseSql = (sql: string) => readonly ParsedStatement[];

/** One statement; offsets are UTF-8 bytes, length 0 means to the end. */
export interface ParsedStatement {
  readonly node: unknown;
  readonly location: number;
  readonly length: number;
}

/**
 * What every part of the analysis works with. Queries hold expressions and expressions hold queries: the parts reach
 * each other through here, so that files need not import in circles.
 */
export interface Context {
  readonly catalog: Catalog;
  readonly findings: Findings;
  readonly parse: ParseSql;
  /** The text of the statement that is being analysed. */
  readonly text: string;
  /** Names of SQL functions whose bodies are being read, outermost first. */
  readonly calls: readonly string[];
  /** The name of a subquery's first column, by the subquery's node; null when it is not known. */
  readonly firstNames: WeakMap<object, string | null>;
  /** The value of an expression; its effects go to `findings`. */
  expr(node: unknown, scope: Scope): Value;
  /** The result of a SELECT, VALUES or data-modifying statement; its effects go to `findings`. */
  query(node: unknown, scope: Scope | null): Rows;
  /** Any statement: its result, null when it returns none, 'unknown' when it cannot be named. */
  statement(node: unknown, scope: Scope | null): Rows | 'unknown' | null;
  /** A statement that will run later or elsewhere (PREPARE, DECLARE): analysed on its own. */
  separately(node: unknown): StatementAnalysis;
  /** The same analysis with findings of its own, inside the body of function `name`. */
  nested(findings: Findings, name: string | null): Context;
}
