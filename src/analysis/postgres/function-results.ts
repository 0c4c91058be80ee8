import type { RawFunction } from '../postgres-types.js';
import { systemSchemas } from './classify.js';
import type { Context } from './context.js';
import { givesScalar } from './shapes.js';
import { derive, isTainted, mergeRows, rowValue, type Field, type Rows, type Value } from './value.js';

/** A call's result: one value, or the columns it has as a member of FROM. */
export interface CallResult {
  readonly value: Value;
  /** Its arguments together; absent where they do not matter. */
  readonly input?: Value;
  readonly rows: Rows | null;
}

/** What a call gives that means the one or the other. */
export function unite(left: CallResult, right: CallResult): CallResult {
  const value = derive([left.value, right.value]);
  const fields = [...(left.rows?.fields ?? []), ...(right.rows?.fields ?? [])];
  if (left.rows === null && right.rows === null) return { value, rows: null };
  const names = [left.rows, right.rows].map((rows) => JSON.stringify(rows?.fields.map(({ name }) => name)));
  if (left.rows !== null && right.rows !== null && names[0] === names[1])
    return { value, rows: mergeRows(left.rows, right.rows) };
  // One gives a scalar and the other columns, or columns of other names: which it will be depends on the arguments' types.
  // So each name stands for all of them together, and others may be there besides.
  const oneOfThem: Value = { ...derive([value, ...fields.map((field) => field.value)]), unknown: true, derived: true };
  const rows = {
    fields: [...new Set(fields.map(({ name }) => name))].map((name) => ({ name, value: oneOfThem })),
    open: true,
  };
  return { value, rows };
}

/** Names the columns of a result: OUT parameters, or the columns of the row type it returns. */
export function rowsOfType(ctx: Context, fn: RawFunction, result: CallResult): CallResult {
  const type = fn.returnType.replace(/^SETOF /i, '').replace(/^TABLE\(.*$/i, 'record');
  const { names, isTyped } = outputNames(ctx, fn, type);
  if (names === null)
    // The column of a scalar goes by the name of the function or its alias, not by what its body calls it.
    return { value: result.value, rows: type === 'record' ? (result.rows ?? { fields: [], open: true }) : null };
  const fields = names.map((name, index): Field => ({ name, value: fieldValue(result, index) }));
  return {
    value: { ...rowValue(fields, false, type), fallible: result.value.fallible },
    rows: { fields, open: fn.outNames.length === 1 && !isTyped && !givesScalar(ctx, fn), isTyped },
  };
}

/** One OUT parameter is the result itself, a row too; several make a row, named by their place where they have no name. */
function outputNames(
  ctx: Context,
  { outNames }: RawFunction,
  type: string,
): { readonly names: readonly string[] | null; readonly isTyped: boolean } {
  const named = outNames.length > 1 ? null : ctx.catalog.rowType(type);
  // Which of its columns a name means is a matter of its type.
  if (named !== null && !systemSchemas.has(named.schema)) ctx.findings.objects.add(ctx.catalog.identity(named));
  if (named !== null) return { names: named.fields.map((field) => field.name), isTyped: true };
  if (outNames.length === 0 || (outNames.length === 1 && outNames[0] === '')) return { names: null, isTyped: false };
  return { names: outNames.map((name, index) => name || `column${index + 1}`), isTyped: false };
}

function fieldValue(result: CallResult, index: number): Value {
  const fields = result.rows?.open === true ? [] : (result.rows?.fields ?? []);
  // A function's body may return one composite instead of its columns.
  const row = fields.length === 1 ? fields[0]?.value.row : null;
  const field = row == null ? fields[index] : row[index];
  if (field !== undefined) return field.value;
  return { ...result.value, row: null, derived: isTainted(result.value) };
}
