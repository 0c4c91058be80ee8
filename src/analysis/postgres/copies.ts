import { bodyOf, child, list, namesOf, text, type Body } from './ast.js';
import type { Context } from './context.js';
import { convertTo } from './functions.js';
import { noteStored } from './literals.js';
import type { Relation } from './relation.js';
import { clear, isTainted, unknownValue, type Rows, type Value } from './value.js';

/** What is written: a relation of the catalog, or only its name. */
interface Written {
  readonly schema: string;
  readonly name: string;
  readonly relation: Relation | null;
  /** The statement makes it: nothing is protected in it yet. */
  readonly isNew?: boolean;
}

/**
 * Notes that a column gets a value (test/promises/README.md, D): when it shows anything protected, the column is
 * protected like it from then on. A parent shows the rows of its children, so it is marked with them.
 */
export function noteWritten(ctx: Context, written: Written, column: string | null, value: Value): void {
  if (written.isNew !== true)
    noteStored(ctx, value, written.relation?.fields.find((field) => field.name === column)?.value);
  if (!isTainted(value)) return;
  const { relation } = written;
  if (relation !== null && column !== null && relation.kind === 'v') {
    const base = baseColumn(ctx, relation, column);
    if (base !== null) return noteWritten(ctx, base, base.column, value);
  }
  note(ctx, written, column, value);
  if (relation === null) return;
  for (const there of relation.kind === 'f' ? behind(ctx, relation, column) : [])
    noteWritten(ctx, there, there.column, value);
  for (const parent of ctx.catalog.ancestors(relation.oid)) {
    const shows = column === null || parent.fields.some((field) => field.name === column);
    if (shows) note(ctx, { schema: parent.schema, name: parent.name, relation: parent }, column, value);
  }
}

/** The rows of an INSERT or COPY, by the names they are written to; none means the table's own columns in order. */
export function noteRows(ctx: Context, written: Written, names: readonly string[], rows: Rows): void {
  if (rows.open) return noteWritten(ctx, written, null, unknownValue);
  rows.fields.forEach(({ value }, index) => {
    const name = names.length === 0 ? written.relation?.fields[index]?.name : names[index];
    convertWritten(ctx, written, name ?? null, value);
    noteWritten(ctx, written, name ?? null, value);
  });
}

/** A value becomes one of its column's type, by a cast where it is of another. */
export function convertWritten(ctx: Context, { relation }: Written, column: string | null, value: Value): void {
  if (!ctx.catalog.implicit.hasTypeCalls) return;
  for (const field of relation?.fields ?? [])
    if (column === null || field.name === column) convertTo(ctx, field.value.type, value);
}

/** The columns of a table that is made from a result. Whatever has its name now, this is another. */
export function noteCreated(
  ctx: Context,
  place: { schema: string; name: string },
  names: readonly string[],
  rows: Rows | 'unknown',
): void {
  const written = { ...place, relation: null, isNew: true };
  if (rows === 'unknown' || rows.open) return noteWritten(ctx, written, null, unknownValue);
  rows.fields.forEach((field, index) => noteWritten(ctx, written, names[index] ?? field.name, field.value));
}

/** A relation, or one column of it, keeps its values where the pattern or parent that protects them no longer reaches. */
export function noteKept(ctx: Context, relation: Relation, column: string | null): void {
  relation.fields.forEach((field, index) => {
    if (!isTainted(field.value) || (column !== null && field.name !== column)) return;
    add(ctx, place(relation, field.name, relation.attnums[index] ?? 0), field.value);
  });
}

/**
 * Some columns of a relation hold what a definition made of others once (materialized views, generated columns, defaults).
 * When that makes another thing of them, they hold it still: each is protected like what it was until now.
 */
export function noteComputed(ctx: Context, relation: Relation, column: string | null): void {
  for (const { name, value } of relation.fields)
    if ((column === null || name === column) && isTainted(value))
      note(ctx, { schema: relation.schema, name: relation.name, relation }, name, value);
}

function note(ctx: Context, { schema, name, relation }: Written, column: string | null, value: Value): void {
  const index = relation === null || column === null ? -1 : relation.fields.findIndex((field) => field.name === column);
  // What a definition makes of a column may be another thing tomorrow: only its own guard stays.
  const own = relation === null || column === null ? null : ctx.catalog.guard(relation.oid, column);
  if (own !== null && covers({ ...clear, ...own }, value)) return;
  const known =
    relation === null
      ? { schema, table: name, column, relation: 0, attribute: 0 }
      : place(relation, column, relation.attnums[index] ?? 0);
  add(ctx, known, value);
}

function place(relation: Relation, column: string | null, attribute: number) {
  return { schema: relation.schema, table: relation.name, column, relation: relation.oid, attribute };
}

function add(ctx: Context, where: ReturnType<typeof place>, value: Value): void {
  const classes = value.unknown ? ctx.findings.classes : [...new Set(value.sources.map((source) => source.class))];
  const derived = value.derived || value.unknown || classes.length > 1;
  for (const name of classes) ctx.findings.addCopy({ ...where, class: name, derived });
}

/** The column is protected at least like what is written to it. */
export function covers(own: Value, value: Value): boolean {
  if (own.unknown) return true;
  if (value.unknown) return false;
  const isOf = (name: string): boolean => own.sources.some((source) => source.class === name);
  return (own.derived || !value.derived) && value.sources.every((source) => isOf(source.class));
}

/** The column under that of a view which PostgreSQL writes through (CREATE VIEW, "Updatable Views"); null when there is none. */
function baseColumn(ctx: Context, view: Relation, column: string): (Written & { readonly column: string }) | null {
  const definition = ctx.catalog.definition(view);
  const select = definition === null ? null : bodyOf(ctx.parse(definition)[0]?.node, 'SelectStmt');
  const from = list(select ?? {}, 'fromClause');
  const rangeVar: Body | null = from.length === 1 ? bodyOf(from[0], 'RangeVar') : null;
  const target = list(select ?? {}, 'targetList')[view.fields.findIndex((field) => field.name === column)];
  const reference = bodyOf((bodyOf(target, 'ResTarget') ?? {})['val'], 'ColumnRef');
  if (rangeVar === null || reference === null) return null;
  const relation = ctx.catalog.relation(text(rangeVar, 'schemaname'), text(rangeVar, 'relname'));
  const name = namesOf(list(reference, 'fields')).at(-1);
  if (relation === null || name === undefined) return null;
  return { schema: relation.schema, name: relation.name, relation, column: name };
}

/** The columns of this database that a foreign table writes to; of a foreign table in turn, no more is known. */
function behind(
  ctx: Context,
  { oid, fields, attnums }: Relation,
  column: string | null,
): readonly (Written & { readonly column: string })[] {
  return fields.flatMap(({ name }, index) => {
    const found = column === null || column === name ? ctx.catalog.foreignColumn(oid, attnums[index] ?? 0) : null;
    if (found === null || found.relation.kind === 'f') return [];
    const { schema, name: table } = found.relation;
    return [{ schema, name: table, relation: found.relation, column: found.column }];
  });
}

/** Names given to the columns of a table that is made from a result. */
export function intoNames(into: Body): readonly string[] {
  return namesOf(list(into, 'colNames'));
}

/** The relation that an INSERT, UPDATE or MERGE writes. */
export function writtenBy(ctx: Context, body: Body): Written {
  const rangeVar = child(body, 'relation') ?? {};
  const name = text(rangeVar, 'relname');
  const schema = text(rangeVar, 'schemaname');
  const relation = ctx.catalog.relation(schema, name);
  return { schema: relation?.schema ?? (schema || ctx.catalog.creationSchema), name: relation?.name ?? name, relation };
}
