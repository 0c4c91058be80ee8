import { bodyOf, list, namesOf, tagged, type Body } from './ast.js';
import type { Context } from './context.js';
import { attributeCall } from './functions.js';
import { memberOf } from './scope-columns.js';
import { sourceColumn, sourceRow, type Scope } from './scope.js';
import { clear, derive, rowValue, unknownValue, type Value } from './value.js';

/** ColumnRef: a column, a whole row, or a function in attribute notation. */
export function analyseColumnRef(ctx: Context, body: Body, scope: Scope): Value {
  const fields = list(body, 'fields');
  if (fields.some((field) => bodyOf(field, 'A_Star') !== null)) return starAsValue(fields, scope);
  const names = namesOf(fields);
  const column = names[names.length - 1] ?? '';
  if (names.length === 1)
    // What a function is given comes after all else. PostgreSQL, sql_fn_post_column_ref.
    return scope.column(column) ?? wholeRow(scope, column, null) ?? scope.parameterNamed(column) ?? lost(ctx, names);
  const alias = names[names.length - 2] ?? '';
  const schema = names.length > 2 ? (names[names.length - 3] ?? '') : null;
  const source = scope.source(alias, schema);
  if (source !== null) {
    return sourceColumn(source, column) ?? attributeCall(ctx, column, sourceRow(source)) ?? lost(ctx, names);
  }
  // A parameter's field, or a column of composite type that only `(a).b` may reach: never less than its whole.
  const parameter = scope.parameterNamed(names.join('.'));
  const outer = parameter ?? scope.column(alias) ?? scope.parameterNamed(alias);
  if (outer === null) return lost(ctx, names);
  return parameter ?? outer.row?.find((field) => field.name === column)?.value ?? derive([outer]);
}

/** `count(t.*)`, `row(t.*)`: the row as an argument. */
function starAsValue(fields: readonly unknown[], scope: Scope): Value {
  const names = namesOf(fields).filter((name) => name !== '');
  const alias = names[names.length - 1];
  if (alias === undefined) return scope.everything();
  return wholeRow(scope, alias, names.length > 1 ? (names[names.length - 2] ?? null) : null) ?? unknownValue;
}

/** The row of a member of FROM; a function that gives one scalar is that scalar. */
function wholeRow(scope: Scope, alias: string, schema: string | null): Value | null {
  const source = scope.source(alias, schema);
  return source === null ? null : sourceRow(source);
}

/** Names nothing that is known: the server would reject it, or the catalog is stale. */
function lost(ctx: Context, names: readonly string[]): Value {
  ctx.findings.missing.add(names.join('.'));
  if (!ctx.catalog.isClassified) return { ...clear, fallible: true };
  ctx.findings.touchesProtected = true;
  return unknownValue;
}

/** What a field is taken from, or `*`. */
export function rowOf(ctx: Context, node: unknown, scope: Scope): Value {
  const member = memberOf(scope, node);
  const value = ctx.expr(node, scope);
  return member === null || value.row === null ? value : { ...value, row: member.fields };
}

/** A_Indirection: `(row).field`, `array[index]`. */
export function analyseIndirection(ctx: Context, body: Body, scope: Scope): Value {
  let value = rowOf(ctx, body['arg'], scope);
  for (const step of list(body, 'indirection')) {
    const found = tagged(step);
    if (found?.tag === 'String') value = attribute(ctx, value, namesOf([step])[0] ?? '');
    else if (found?.tag === 'A_Indices') {
      const indexes = ['lidx', 'uidx'].map((key) => found.body[key]).filter((node) => node !== undefined);
      value = derive([value, ...indexes.map((node) => ctx.expr(node, scope))]);
    } else if (found?.tag === 'A_Star') value = value.row === null ? derive([value]) : rowValue(value.row, false);
    else value = unknownValue;
  }
  return value;
}

function attribute(ctx: Context, value: Value, name: string): Value {
  const field = value.row?.find((candidate) => candidate.name === name);
  if (field !== undefined) return field.value;
  // `(x).f` calls f(x) for a value of any type, the server's own functions too. PostgreSQL 4.2.4, ParseFuncOrColumn.
  const called = attributeCall(ctx, name, value);
  return called ?? { ...derive([value]), fallible: value.fallible };
}
