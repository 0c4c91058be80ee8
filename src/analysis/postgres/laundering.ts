import { bodyOf, child, itemsOf, list, namesOf, tagged, text, walk, type Body, type Tagged } from './ast.js';
import type { Context } from './context.js';
import { noteComputed, noteKept, noteWritten } from './copies.js';
import { addTableEffect, findRelation, type NamedRelation } from './relations.js';
import { inferRetyped } from './rows-checked.js';
import { Scope } from './scope.js';
import { columnOf } from './scope-columns.js';
import { clear, derive, isTainted, type Field } from './value.js';

/** A relation, or one column of it, leaves the name or parent that protects it (test/promises/README.md, D). */
export function inferRelation(ctx: Context, rangeVar: Body, column: string | null = null): void {
  const { relation } = findRelation(ctx, rangeVar);
  for (const field of relation?.fields ?? []) {
    if (column === null || field.name === column) ctx.findings.infer(field.value);
  }
  if (relation !== null) noteKept(ctx, relation, column);
}

/** Commands of ALTER TABLE that copy, compare or unprotect values. */
export function inferTableChanges(ctx: Context, rangeVar: Body, commands: readonly unknown[]): void {
  const named = findRelation(ctx, rangeVar);
  const { relation } = named;
  const scope = new Scope(null, [{ columns: relation?.fields ?? [], open: relation === null, sources: [] }]);
  inferReferenced(ctx, commands);
  for (const node of commands) {
    const command = bodyOf(node, 'AlterTableCmd') ?? {};
    const definition = tagged(command['def']);
    switch (text(command, 'subtype')) {
      case 'AT_AlterColumnType':
        // Without USING the value stays where it is, converted; with it, it may come from another column.
        if (definition?.body['raw_default'] !== undefined) {
          const value = ctx.expr(definition.body['raw_default'], scope);
          ctx.findings.infer(value);
          noteWritten(ctx, named, text(command, 'name'), value);
        } else
          inferRetyped(
            ctx,
            relation?.fields ?? [],
            text(command, 'name'),
            child(definition?.body ?? {}, 'typeName') ?? {},
          );
        break;
      case 'AT_ColumnDefault':
        if (relation !== null) noteComputed(ctx, relation, text(command, 'name'));
        inferStored(ctx, [command['def']], []);
        break;
      case 'AT_AddColumn':
        for (const node_ of list(definition?.body ?? {}, 'constraints')) {
          const constraint = bodyOf(node_, 'Constraint') ?? {};
          inferConstraint(ctx, constraint, scope);
          if (/DEFAULT|GENERATED/.test(text(constraint, 'contype')))
            noteWritten(ctx, named, text(definition?.body ?? {}, 'colname'), ctx.expr(constraint['raw_expr'], scope));
        }
        break;
      case 'AT_DropExpression':
        // What was generated so far stays, and nothing says any more from what.
        if (relation !== null) noteKept(ctx, relation, text(command, 'name'));
        break;
      case 'AT_AddConstraint':
        inferConstraint(ctx, definition?.body ?? {}, scope);
        break;
      case 'AT_SetExpression': {
        const value = ctx.expr(command['def'], scope);
        ctx.findings.infer(value);
        noteWritten(ctx, named, text(command, 'name'), value);
        break;
      }
      case 'AT_SetNotNull':
        for (const value of columnOf(scope, [{ String: { sval: text(command, 'name') } }])) ctx.findings.infer(value);
        break;
      case 'AT_AttachPartition':
        inferAttached(ctx, named, attachedBy(definition));
        inferBound(ctx, child(definition?.body ?? {}, 'bound'));
        break;
      case 'AT_AddInherit':
        inferJoined(ctx, definition?.body ?? {}, named);
        break;
      case 'AT_DropInherit':
      case 'AT_DetachPartition':
        inferDetached(ctx, rangeVar, command);
        break;
      default:
    }
  }
}

/** A foreign key asks of each value that comes to stand under it whether the other table has it. */
export function inferReferenced(ctx: Context, nodes: unknown): void {
  for (const { tag, body } of walk(nodes)) {
    if (tag !== 'Constraint' || text(body, 'contype') !== 'CONSTR_FOREIGN') continue;
    const { relation } = findRelation(ctx, child(body, 'pktable') ?? {});
    const named = namesOf(list(body, 'pk_attrs'));
    const key = relation === null || named.length > 0 ? (relation?.fields ?? []) : ctx.catalog.primaryKey(relation);
    for (const { name, value } of key) if (named.length === 0 || named.includes(name)) ctx.findings.infer(value);
  }
}

/** A constraint is checked against every row: whether it holds shows them. */
function inferConstraint(ctx: Context, constraint: Body, scope: Scope): void {
  if (constraint['raw_expr'] !== undefined) ctx.findings.infer(ctx.expr(constraint['raw_expr'], scope));
  for (const key of ['keys', 'fk_attrs']) {
    for (const value of columnOf(scope, list(constraint, key))) ctx.findings.infer(value);
  }
  inferExcluded(ctx, constraint, scope);
}

/** EXCLUDE compares every two rows, by columns or expressions, among those that its condition takes. */
function inferExcluded(ctx: Context, constraint: Body, scope: Scope): void {
  if (constraint['where_clause'] !== undefined) ctx.findings.infer(ctx.expr(constraint['where_clause'], scope));
  for (const node of list(constraint, 'exclusions').flatMap(itemsOf)) {
    const element = bodyOf(node, 'IndexElem');
    if (element === null) continue;
    const name = { ColumnRef: { fields: [{ String: { sval: text(element, 'name') } }] } };
    ctx.findings.infer(ctx.expr(element['expr'] ?? name, scope));
  }
}

/**
 * Expressions that a definition keeps (defaults, checks, conditions of policies and triggers) run with later statements,
 * and what they read shows there. Names that are not among `fields` are columns still to come; `aliases` name the row.
 */
export function inferStored(
  ctx: Context,
  nodes: readonly unknown[],
  fields: readonly Field[],
  aliases: readonly string[] = [],
): void {
  const columns = new Map(fields.map((field) => [field.name, field]));
  for (const { tag, body } of walk(nodes)) {
    const name = tag === 'ColumnRef' ? (namesOf(list(body, 'fields')).at(-1) ?? '') : '';
    if (name !== '' && !columns.has(name)) columns.set(name, { name, value: clear });
  }
  const row = { schema: '', fields: [...columns.values()], open: false, relation: null };
  const sources = aliases.map((alias) => ({ ...row, alias }));
  const scope = new Scope(null, [{ columns: row.fields, open: false, sources }]);
  for (const node of nodes) ctx.findings.infer(ctx.expr(node, scope));
}

/** The expressions of constraints: checks, defaults, generated columns. */
export function constraintExpressions(nodes: unknown): readonly unknown[] {
  return [...walk(nodes)]
    .filter(({ tag, body }) => tag === 'Constraint' && body['raw_expr'] !== undefined)
    .map(({ body }) => body['raw_expr']);
}

const attachedBy = (definition: Tagged | null): Body => child(definition?.body ?? {}, 'name') ?? {};

/**
 * ATTACH PARTITION reads the rows of the table, and those of the default partition, to hold them against the bound; what
 * the partitioned table has (indexes, foreign keys) is made for the new one, from its rows.
 */
function inferAttached(ctx: Context, parent: NamedRelation, rangeVar: Body): void {
  addTableEffect(ctx, 'alter', findRelation(ctx, rangeVar), { object: 'table' });
  const joined = findRelation(ctx, rangeVar);
  for (const { name, value } of [...(joined.relation?.fields ?? []), ...(parent.relation?.fields ?? [])])
    if (parent.relation === null || ctx.catalog.isPartitionKey(parent.relation, name)) ctx.findings.infer(value);
  joinRows(ctx, joined, parent);
}

/** INHERIT reads no row, but the parent shows those of the child from then on. */
function inferJoined(ctx: Context, rangeVar: Body, joined: NamedRelation): void {
  const parent = findRelation(ctx, rangeVar);
  addTableEffect(ctx, 'alter', parent, { object: 'table' });
  joinRows(ctx, joined, parent);
}

/**
 * The rows of one table become rows of another. Where a column is not protected there as it is here, whatever was made of it
 * (views with conditions, indexes, keys, policies) was judged as if nothing were in it; and a row may move on to another
 * partition, so it stays protected when the two part.
 */
function joinRows(ctx: Context, joined: NamedRelation, parent: NamedRelation): void {
  for (const { name, value } of joined.relation?.fields ?? []) {
    if (!isTainted(value)) continue;
    const there = parent.relation?.fields.find((field) => field.name === name)?.value;
    const isSame =
      there !== undefined && value.sources.every((source) => there.sources.some((own) => own.class === source.class));
    if (value.unknown || !isSame) ctx.findings.infer(value);
    noteWritten(ctx, parent, name, value);
  }
}

/** The bounds of a partition are computed at once, and what they come to stands in the catalog (relpartbound). */
export function inferBound(ctx: Context, bound: Body | null): void {
  for (const key of ['listdatums', 'lowerdatums', 'upperdatums']) {
    // MINVALUE and MAXVALUE look like columns.
    const nodes = list(bound ?? {}, key).filter((node) => bodyOf(node, 'ColumnRef') === null);
    const value = derive(nodes.map((node) => ctx.expr(node, new Scope(null))));
    ctx.findings.infer(value);
    // What stands in the catalog is shown to everybody.
    if (isTainted(value)) ctx.findings.addGlobal('unknown', 'partition bound');
  }
}

/** CREATE TABLE … PARTITION OF: a default partition is searched for rows that belong to the new one. */
export function inferPartition(ctx: Context, parent: NamedRelation): void {
  if (parent.relation === null) return;
  for (const { name, value } of parent.relation.fields)
    if (ctx.catalog.isPartitionKey(parent.relation, name)) ctx.findings.infer(value);
}

/** A child that leaves its parent keeps the rows but not the protection. */
function inferDetached(ctx: Context, parent: Body, command: Body): void {
  const definition = tagged(command['def']);
  const child_ = definition?.tag === 'PartitionCmd' ? child(definition.body, 'name') : (definition?.body ?? null);
  inferRelation(ctx, text(command, 'subtype') === 'AT_DropInherit' ? parent : (child_ ?? parent));
  if (definition?.tag === 'PartitionCmd') keepMoved(ctx, child_ ?? parent);
}

/** Rows of a partition may have moved on to others (UPDATE of the key): what protected them there must not go with it. */
export function keepMoved(ctx: Context, partition: Body): void {
  const { relation } = findRelation(ctx, partition);
  for (const parent of relation === null ? [] : ctx.catalog.ancestors(relation.oid))
    if (parent.kind === 'p') noteKept(ctx, parent, null);
}
