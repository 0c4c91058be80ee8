import { child, text, type Body } from './ast.js';
import type { Context } from './context.js';
import { intoNames, noteCreated } from './copies.js';
import { convertTo } from './functions.js';
import { keepComputed } from './kept-values.js';
import { inferShadowed } from './rows-checked.js';
import type { Field, Rows } from './value.js';

/** Where CREATE puts a relation: a temporary one goes to the session's own schema. */
export function creationPlace(
  ctx: Context,
  rangeVar: Body,
): { readonly schema: string; readonly name: string; readonly temporary: boolean } {
  const temporary = text(rangeVar, 'relpersistence') === 't' || text(rangeVar, 'schemaname') === 'pg_temp';
  const schema = temporary ? 'pg_temp' : text(rangeVar, 'schemaname') || ctx.catalog.creationSchema;
  return { schema, name: text(rangeVar, 'relname'), temporary };
}

/** SELECT INTO, CREATE TABLE AS: a new table filled with the result. A copy of protected values is laundering. */
export function createInto(
  ctx: Context,
  into: Body,
  rows: Rows | 'unknown',
  object: 'table' | 'materialized view',
): void {
  const { schema, name, temporary } = creationPlace(ctx, child(into, 'rel') ?? {});
  ctx.findings.add('create', 'Table', [schema, name], { object, temporary });
  ctx.findings.add('insert', 'Table', [schema, name], { object, temporary });
  ctx.findings.changeCatalog();
  keepComputed(ctx, { type: 'Table', path: [name], object });
  inferShadowed(ctx, schema, name);
  // The rows of a materialized view stay when what it is made of (functions, views) becomes another.
  if (object === 'table') inferWritten(ctx, rows);
  noteCreated(ctx, { schema, name }, intoNames(into), rows);
}

/** A row of this relation comes to be: its domains are checked; one of the server's own catalogs is an act of control. */
export function judgeWritten(ctx: Context, schema: string, name: string, fields: readonly Field[]): void {
  if (schema === 'pg_catalog' && name !== 'pg_settings') ctx.findings.addGlobal('alterSystem', 'system catalog');
  if (ctx.catalog.implicit.hasTypeCalls) for (const { value } of fields) convertTo(ctx, value.type, null);
  // Its indexes and its keys compare it.
  for (const { value } of fields) ctx.findings.noteCompared(value);
}

/** Values that are written somewhere else than where they are protected. */
export function inferWritten(ctx: Context, rows: Rows | 'unknown'): void {
  if (rows === 'unknown' || rows.open) {
    if (ctx.catalog.isClassified) ctx.findings.inferAll();
    return;
  }
  for (const field of rows.fields) ctx.findings.infer(field.value);
}
