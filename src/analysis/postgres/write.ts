import type { ActionName } from '../effects.js';
import { bodyOf, child, list, text, type Body } from './ast.js';
import { convertWritten, noteRows, noteWritten, writtenBy } from './copies.js';
import type { Context } from './context.js';
import { isFiltered } from './filtered.js';
import { analyseFrom, analyseFromItem } from './from.js';
import { inferWritten, judgeWritten } from './into.js';
import { addTableEffect, findRelation, readRelation } from './relations.js';
import type { Relation } from './relation.js';
import { asWritten, putsOf, type Put } from './returned.js';
import { Scope, itemOf, type FromItem, type Source } from './scope.js';
import { analyseTargets } from './select.js';
import { addUnnamedSetting } from './set-config.js';
import { clear, isTainted, noRows, unknownValue, type Field, type Rows, type Value } from './value.js';
import { defineCtes } from './with.js';

/** InsertStmt: what is written, what a conflict shows, what is returned. */
export function analyseInsert(ctx: Context, body: Body, outer: Scope | null): Rows | null {
  const level = new Scope(outer);
  defineCtes(ctx, body, level);
  const target = targetOf(ctx, child(body, 'relation') ?? {}, 'insert');
  const written = body['selectStmt'] === undefined ? noRows : ctx.query(body['selectStmt'], level);
  inferWritten(ctx, written);
  judgeIndexes(ctx, list(body, 'cols'), level);
  const names = list(body, 'cols').map((node) => text(bodyOf(node, 'ResTarget') ?? {}, 'name'));
  noteRows(ctx, writtenBy(ctx, body), names, written);
  const puts = [...putsOf(target.relation, names, written)];
  const conflict = child(body, 'onConflictClause');
  if (conflict !== null) puts.push(...analyseConflict(ctx, conflict, { target, body, names, written }, level));
  return returning(ctx, body, asWritten(ctx, target, puts), level);
}

/** ON CONFLICT tells whether a row with these values is there. Gives what it writes then. PostgreSQL, INSERT. */
function analyseConflict(
  ctx: Context,
  conflict: Body,
  insert: { readonly target: Source; readonly body: Body; readonly names: readonly string[]; readonly written: Rows },
  level: Scope,
): readonly Put[] {
  const { target, body, names, written } = insert;
  const excluded: Source = {
    alias: 'excluded',
    schema: '',
    fields: excludedFields(target, names, written),
    open: target.open,
    relation: null,
  };
  const scope = new Scope(level, [itemOf(target), { columns: [], open: false, sources: [excluded] }]);
  const arbiter = child(conflict, 'infer');
  if (arbiter === null || text(arbiter, 'conname') !== '') {
    // Any unique index may decide: every protected column that is written may be in one.
    for (const field of target.fields)
      if (names.length === 0 || names.includes(field.name)) ctx.findings.infer(field.value);
  } else {
    for (const node of list(arbiter, 'indexElems')) {
      const element = bodyOf(node, 'IndexElem') ?? {};
      const column = text(element, 'name');
      ctx.findings.infer(column === '' ? ctx.expr(element['expr'], scope) : (scope.column(column) ?? unknownValue));
    }
    if (arbiter['whereClause'] !== undefined) ctx.findings.infer(ctx.expr(arbiter['whereClause'], scope));
  }
  if (text(conflict, 'action') !== 'ONCONFLICT_UPDATE') return [];
  addTableEffect(ctx, 'update', findTarget(ctx, target));
  const puts = assign(ctx, body, list(conflict, 'targetList'), scope);
  if (conflict['whereClause'] !== undefined) ctx.findings.infer(ctx.expr(conflict['whereClause'], scope));
  return puts;
}

/** `excluded` holds the row that was to be inserted: its values are the source's, not the table's. */
function excludedFields(target: Source, names: readonly string[], written: Rows): readonly Field[] {
  return target.fields.map((field, index) => {
    const position = names.length === 0 ? index : names.indexOf(field.name);
    return { name: field.name, value: written.fields[position]?.value ?? clear };
  });
}

/** UpdateStmt. */
export function analyseUpdate(ctx: Context, body: Body, outer: Scope | null): Rows | null {
  const level = new Scope(outer);
  defineCtes(ctx, body, level);
  const target = targetOf(ctx, child(body, 'relation') ?? {}, 'update', isFiltered(body['whereClause']));
  // Writing to this view is SET by another name. PostgreSQL 54.24, pg_settings.
  if (target.relation?.name === 'pg_settings' && target.relation.schema === 'pg_catalog') addUnnamedSetting(ctx);
  const scope = new Scope(level, [itemOf(target)]);
  analyseFrom(ctx, list(body, 'fromClause'), scope);
  const puts = assign(ctx, body, list(body, 'targetList'), scope);
  if (body['whereClause'] !== undefined) ctx.findings.infer(ctx.expr(body['whereClause'], scope));
  const [, ...others] = scope.items;
  return returning(ctx, body, asWritten(ctx, target, puts), level, (written) => [written, ...others]);
}

/** DeleteStmt. */
export function analyseDelete(ctx: Context, body: Body, outer: Scope | null): Rows | null {
  const level = new Scope(outer);
  defineCtes(ctx, body, level);
  const target = targetOf(ctx, child(body, 'relation') ?? {}, 'delete', isFiltered(body['whereClause']));
  const scope = new Scope(level, [itemOf(target)]);
  analyseFrom(ctx, list(body, 'usingClause'), scope);
  if (body['whereClause'] !== undefined) ctx.findings.infer(ctx.expr(body['whereClause'], scope));
  return returning(ctx, body, target, level, () => scope.items);
}

const mergeActions: Readonly<Record<string, ActionName>> = {
  CMD_INSERT: 'insert',
  CMD_UPDATE: 'update',
  CMD_DELETE: 'delete',
};

/** MergeStmt: each WHEN clause is a write of its own. */
export function analyseMerge(ctx: Context, body: Body, outer: Scope | null): Rows | null {
  const level = new Scope(outer);
  defineCtes(ctx, body, level);
  const target = targetOf(ctx, child(body, 'relation') ?? {}, 'merge');
  const scope = new Scope(level, [itemOf(target)]);
  const source = analyseFromItem(ctx, body['sourceRelation'], new Scope(level));
  scope.items.push(source);
  ctx.findings.infer(ctx.expr(body['joinCondition'], scope));
  const named = findTarget(ctx, target);
  const puts: Put[] = [];
  for (const node of list(body, 'mergeWhenClauses')) {
    const clause = bodyOf(node, 'MergeWhenClause') ?? {};
    const action = mergeActions[text(clause, 'commandType')];
    // What chooses the rows of a DELETE in its WHERE chooses them here in ON or in the clause.
    const filtered = isFiltered(body['joinCondition']) || isFiltered(clause['condition']);
    const facts = action === 'insert' ? {} : { filtered };
    if (action !== undefined) addTableEffect(ctx, action, named, facts);
    if (clause['condition'] !== undefined) ctx.findings.infer(ctx.expr(clause['condition'], scope));
    if (action === 'update') puts.push(...assign(ctx, body, list(clause, 'targetList'), scope));
    else judgeIndexes(ctx, list(clause, 'targetList'), scope);
    const columns = list(clause, 'targetList').map((column) => text(bodyOf(column, 'ResTarget') ?? {}, 'name'));
    const values = list(clause, 'values').map((value) => ctx.expr(value, scope));
    values.forEach((value) => ctx.findings.infer(value));
    const rows = { fields: values.map((value) => ({ name: '', value })), open: false };
    noteRows(ctx, writtenBy(ctx, body), columns, rows);
    puts.push(...putsOf(target.relation, columns, rows));
  }
  // `RETURNING *` gives the source's columns first, then the target's. PostgreSQL, MERGE.
  return returning(ctx, body, asWritten(ctx, target, puts), level, (written) => [source, written]);
}

/** The written relation as a member of the statement's scope, under its alias. */
function targetOf(ctx: Context, rangeVar: Body, action: ActionName, filtered = true): Source {
  const source = readRelation(ctx, rangeVar, action, { filtered });
  judgeWritten(ctx, source.schema, source.alias, action === 'delete' ? [] : source.fields);
  if (action !== 'insert' && handsOnRows(ctx, source)) for (const { value } of source.fields) ctx.findings.carry(value);
  const alias = child(rangeVar, 'alias');
  return alias === null ? source : { ...source, alias: text(alias, 'aliasname'), schema: '' };
}

/** The plan of such a write holds whole rows of what it writes: preptlist.c, and before PostgreSQL 14 every UPDATE's. */
function handsOnRows(ctx: Context, { relation }: Source): boolean {
  return relation === null || relation.kind === 'v' || relation.kind === 'f' || ctx.catalog.major < 14;
}

function findTarget(ctx: Context, target: Source) {
  if (target.relation !== null)
    return findRelation(ctx, { schemaname: target.relation.schema, relname: target.relation.name });
  return findRelation(ctx, { schemaname: target.schema, relname: target.alias });
}

/** SET a = x: a protected value that is copied can be read where it was not protected. Gives what is written. */
function assign(ctx: Context, statement: Body, nodes: readonly unknown[], scope: Scope): readonly Put[] {
  const written = writtenBy(ctx, statement);
  const puts: Put[] = [];
  for (const node of nodes) {
    const target = bodyOf(node, 'ResTarget') ?? {};
    const value = ctx.expr(target['val'], scope);
    ctx.findings.infer(value);
    convertWritten(ctx, written, text(target, 'name'), value);
    noteWritten(ctx, written, text(target, 'name'), value);
    if (written.relation !== null) followKeys(ctx, written.relation, text(target, 'name'), value);
    puts.push({ column: text(target, 'name'), value });
  }
  judgeIndexes(ctx, nodes, scope);
  return puts;
}

/** A key that others refer to takes them along (ON UPDATE CASCADE): what is written to it is written there too. */
function followKeys(ctx: Context, relation: Relation, column: string, value: Value, seen = new Set<number>()): void {
  if (seen.has(relation.oid)) return;
  seen.add(relation.oid);
  const attnum = relation.attnums[relation.fields.findIndex((field) => field.name === column)];
  for (const { child, childColumns, parentColumns, onUpdate } of ctx.catalog
    .attached(relation.oid)
    .flatMap((all) => all.referring)) {
    const at = parentColumns.findIndex((known) => known === attnum);
    const referring = at < 0 || onUpdate === 'a' || onUpdate === 'r' ? null : ctx.catalog.relationOf(child);
    const name = referring?.fields[referring.attnums.findIndex((known) => known === childColumns[at])]?.name;
    if (referring === null || name === undefined) continue;
    addTableEffect(ctx, 'update', { schema: referring.schema, name: referring.name, relation: referring });
    if (onUpdate !== 'c') continue;
    noteWritten(ctx, { schema: referring.schema, name: referring.name, relation: referring }, name, value);
    followKeys(ctx, referring, name, value, seen);
  }
}

/** `SET a[f()] = x`: expressions inside the name of what is written. */
function judgeIndexes(ctx: Context, nodes: readonly unknown[], scope: Scope): void {
  for (const node of nodes) {
    for (const step of list(bodyOf(node, 'ResTarget') ?? {}, 'indirection')) {
      const indexes = bodyOf(step, 'A_Indices') ?? {};
      for (const key of ['lidx', 'uidx']) {
        if (indexes[key] !== undefined) ctx.findings.infer(ctx.expr(indexes[key], scope));
      }
    }
  }
}

/** RETURNING sees the target, FROM, and since PostgreSQL 18 `old` and `new`. */
function returning(
  ctx: Context,
  body: Body,
  target: Source,
  level: Scope,
  items: (target: FromItem) => readonly FromItem[] = (target) => [target],
): Rows | null {
  const clause = child(body, 'returningClause');
  const nodes = clause === null ? list(body, 'returningList') : list(clause, 'exprs');
  if (nodes.length === 0) return null;
  const scope = new Scope(level, items(itemOf(target)));
  if (ctx.catalog.major >= 18) {
    const given =
      clause === null
        ? []
        : list(clause, 'options').map((node) => text(bodyOf(node, 'ReturningOption') ?? {}, 'value'));
    const aliases = ['old', 'new', ...given];
    const copies = aliases.map((alias): Source => ({ ...target, alias, schema: '' }));
    scope.items.push({ columns: [], open: false, sources: copies });
  }
  const rows = analyseTargets(ctx, nodes, scope);
  // The answer to a write tells of it; a tainted value in it is masked like any output.
  if (rows.fields.some((field) => isTainted(field.value))) ctx.findings.touchesProtected = true;
  return rows;
}
