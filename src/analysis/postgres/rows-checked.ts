import { bodyOf, child, list, namesOf, text, type Body } from './ast.js';
import { isBuiltinType } from './builtin-types.js';
import type { Context } from './context.js';
import { noteWritten } from './copies.js';
import { findRelation } from './relations.js';
import { Scope } from './scope.js';
import { derive, type Field } from './value.js';

/** ALTER COLUMN TYPE without USING converts every row as a cast would, but refuses what a limit would cut. */
export function inferRetyped(ctx: Context, fields: readonly Field[], column: string, typeName: Body): void {
  const scope = new Scope(null, [{ columns: fields, open: false, sources: [] }]);
  const arg = { ColumnRef: { fields: [{ String: { sval: column } }] } };
  const field = fields.find(({ name }) => name === column);
  if (field === undefined) return;
  if (list(typeName, 'typmods').length > 0) ctx.findings.infer(field.value);
  ctx.expr({ TypeCast: { arg, typeName } }, scope);
}

/** ALTER DOMAIN … ADD CHECK, VALIDATE, SET NOT NULL looks at every column of the domain. */
export function inferDomain(ctx: Context, domain: string): void {
  for (const relation of ctx.catalog.relations()) {
    for (const { value } of relation.fields) if (lastPart(value.type) === domain) ctx.findings.infer(value);
  }
}

const lastPart = (type: string): string =>
  type
    .replace(/^.*\./, '')
    .replace(/^"(.*)"$/, '$1')
    .replaceAll('""', '"');

/** CLUSTER lays the rows in the order of an index, and they are read in that order. */
export function inferOrdered(ctx: Context, rangeVar: Body | null): void {
  if (rangeVar === null) return ctx.findings.inferAll();
  for (const { value } of findRelation(ctx, rangeVar).relation?.fields ?? []) ctx.findings.infer(value);
}

/** An index that has more than the protected column gives the rest in that column's order, without a word of it. */
export function inferCovering(ctx: Context, body: Body, fields: readonly Field[]): void {
  const keys = list(body, 'indexParams');
  if (keys.length + list(body, 'indexIncludingParams').length < 2) return;
  for (const node of keys) {
    const column = fields.find(({ name }) => name === text(bodyOf(node, 'IndexElem') ?? {}, 'name'));
    if (column !== undefined) ctx.findings.infer(column.value);
  }
}

/** The server's own triggers that fill a column from others: tsvector_update_trigger(to, configuration, from…). */
export function inferFilled(ctx: Context, body: Body): void {
  const name = namesOf(list(body, 'funcname')).at(-1) ?? '';
  if (!name.startsWith('tsvector_update_trigger')) return;
  const written = findRelation(ctx, child(body, 'relation') ?? {});
  const [to, , ...from] = namesOf(list(body, 'args'));
  const read = (written.relation?.fields ?? []).filter((field) => from.includes(field.name));
  const value = derive(read.map((field) => field.value));
  ctx.findings.infer(value);
  if (to !== undefined) noteWritten(ctx, written, to, { ...value, derived: true });
}

/**
 * Temporary types and tables stand before those of the server (PostgreSQL 20.11.1, search_path): what is called `text`
 * then means another type, in any later statement.
 */
export function inferShadowed(ctx: Context, schema: string, name: string, isRelation = true): void {
  if (!/^pg_temp(_\d+)?$/.test(schema) || !ctx.catalog.isClassified) return;
  // A relation under the name of another is known by its columns; a domain is not.
  if (isBuiltinType('', name) || (!isRelation && ctx.catalog.relation('', name) !== null)) ctx.findings.inferAll();
}
