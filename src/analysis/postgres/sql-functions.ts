import type { RawFunction } from '../postgres-types.js';
import { bodyOf, list, tagged } from './ast.js';
import type { Context } from './context.js';
import { Scope } from './scope.js';
import { clear, rowValue, unknownValue, type Rows, type Value } from './value.js';

/** Bodies within bodies beyond this are not followed: what they give is unknown. */
const maxDepth = 8;

/** Analyses the body of an SQL function, a value for each parameter: its effects are the call's, its result the call's. */
export function readSqlFunction(
  ctx: Context,
  fn: RawFunction,
  values: readonly Value[],
): { value: Value; rows: Rows | null } {
  const label = `${fn.schema}.${fn.name}/${fn.oid}`;
  const statements = ctx.calls.length >= maxDepth || ctx.calls.includes(label) ? null : parseBody(ctx, fn.body ?? '');
  if (statements === null) {
    ctx.findings.touchesProtected ||= ctx.catalog.isClassified;
    return { value: ctx.catalog.isClassified ? unknownValue : { ...clear, fallible: true }, rows: null };
  }
  const inner = ctx.nested(ctx.findings, label);
  const names = new Map<string, Value>();
  (fn.argNames ?? []).forEach((name, index) => {
    for (const known of [name, `${fn.name}.${name}`]) if (name !== '') names.set(known, values[index] ?? clear);
  });
  const scope = new Scope(null, [], values, names);
  const last = ctx.findings.insideCall(() => statements.map((node) => inner.statement(node, scope)).at(-1) ?? null);
  if (last === 'unknown') return { value: unknownValue, rows: null };
  if (last === null) return { value: { ...clear, fallible: true }, rows: null };
  const only = last.fields.length === 1 && !last.open ? last.fields[0]?.value : undefined;
  const value = only ?? rowValue(last.fields, last.open);
  return { value: { ...value, derived: value.sources.length > 0 || value.unknown, fallible: true }, rows: last };
}

/**
 * A body is a list of statements, or since PostgreSQL 14 `BEGIN ATOMIC … END` or `RETURN expression`, which only parse
 * inside CREATE FUNCTION. Null when it does not parse.
 */
function parseBody(ctx: Context, body: string): readonly unknown[] | null {
  const isStandard = /^\s*(BEGIN\s+ATOMIC|RETURN)\b/i.test(body);
  try {
    if (!isStandard) return ctx.parse(body).map((statement) => statement.node);
    const [created] = ctx.parse(`CREATE FUNCTION f() RETURNS int LANGUAGE sql ${body}`);
    return statementsOf(bodyOf(created?.node, 'CreateFunctionStmt')?.['sql_body']);
  } catch {
    return null;
  }
}

/** `sql_body` is one ReturnStmt or nested Lists of statements. */
export function statementsOf(body: unknown): readonly unknown[] {
  const found = tagged(body);
  if (found === null) return [];
  return found.tag === 'List' ? list(found.body, 'items').flatMap(statementsOf) : [body];
}
