import { plainFacts, type ActionName, type Effect } from './effects.js';
import type { CatalogHandle, ProtectedColumn, QueryAnalysis, StatementAnalysis } from './postgres-types.js';

/** Actions that look at what names mean, so that a name which moved may show anything. */
const reading: ReadonlySet<ActionName> = new Set<ActionName>([
  'select',
  'update',
  'delete',
  'merge',
  'copyOut',
  'callFunction',
  'callProcedure',
  'explain',
  'refresh',
]);

/**
 * The same analysis for a session whose names may mean something else than the catalog says: after a change of the
 * catalog in the same query or transaction, or beside temporary objects that the catalog does not show
 * (`CREATE TEMP VIEW orders AS …; SELECT … FROM orders`). What a statement reads may be any protected value.
 */
export function distrust(query: QueryAnalysis, catalog: CatalogHandle, target: string): QueryAnalysis {
  if (!query.ok) return query;
  const columns = new Map<string, ProtectedColumn>();
  for (const { sources } of catalog.protectedOrigins.values()) {
    for (const source of sources) columns.set(JSON.stringify([source.schema, source.table, source.column]), source);
  }
  const inferred = [...columns.values()].map((column) => inferEffect([target, catalog.database], column));
  return { ok: true, statements: query.statements.map((statement) => distrustStatement(statement, inferred)) };
}

/** One statement of which nothing it reads is trusted; `inferred` is `infer` on every protected column. */
export function distrustStatement(statement: StatementAnalysis, inferred: readonly Effect[]): StatementAnalysis {
  const reads = statement.output !== null || statement.effects.some((effect) => reading.has(effect.action));
  if (inferred.length === 0 || !reads) return statement;
  const others = statement.effects.filter((effect) => effect.action !== 'infer');
  const output = statement.output === null ? null : 'unknown';
  return { ...statement, effects: [...others, ...inferred], output, touchesProtected: true };
}

/** `infer` on one column. */
export function inferEffect(root: readonly [target: string, database: string], column: ProtectedColumn): Effect {
  return {
    action: 'infer',
    resource: { type: 'Column', path: [...root, column.schema, column.table, column.column] },
    facts: { ...plainFacts, class: column.class },
  };
}
