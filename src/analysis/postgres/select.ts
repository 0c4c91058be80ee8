import { bodyOf, child, constantOf, list, namesOf, tagged, text, type Body } from './ast.js';
import { columnName, firstNameOf } from './column-names.js';
import type { Context } from './context.js';
import { analyseFrom } from './from.js';
import { analyseWindow } from './functions.js';
import { createInto } from './into.js';
import { noteMeeting } from './literals.js';
import { withNamedSetting } from './named-setting.js';
import { addTableEffect, findRelation } from './relations.js';
import { Scope, type Source } from './scope.js';
import { expandStar, valuesOf } from './stars.js';
import { derive, mergeRows, unknownValue, type Field, type Rows, type Value } from './value.js';
import { defineCtes } from './with.js';

/** SelectStmt in all its forms: VALUES, set operations, and SELECT itself. */
export function analyseSelect(ctx: Context, body: Body, outer: Scope | null): Rows {
  const level = new Scope(outer);
  defineCtes(ctx, body, level);
  const op = text(body, 'op');
  if (op !== '' && op !== 'SETOP_NONE') return finishRows(ctx, body, setOperation(ctx, body, op, level), level);
  const values = list(body, 'valuesLists');
  if (values.length > 0) return finishRows(ctx, body, valuesRows(ctx, values, level), level);
  return plainSelect(ctx, body, level);
}

function plainSelect(ctx: Context, body: Body, level: Scope): Rows {
  const scope = new Scope(level);
  analyseFrom(ctx, list(body, 'fromClause'), scope);
  if (body['whereClause'] !== undefined) ctx.findings.infer(ctx.expr(body['whereClause'], scope));
  const rows = analyseTargets(ctx, withNamedSetting(ctx, body), scope);
  for (const node of list(body, 'groupClause')) inferGrouping(ctx, node, rows, scope);
  if (body['havingClause'] !== undefined) ctx.findings.infer(ctx.expr(body['havingClause'], scope));
  for (const node of list(body, 'windowClause')) analyseWindow(ctx, bodyOf(node, 'WindowDef') ?? {}, scope);
  inferDistinct(ctx, list(body, 'distinctClause'), rows, scope);
  return finishRows(ctx, body, rows, scope);
}

/** ORDER BY, LIMIT, FOR UPDATE and INTO, which stand at the end of every form. */
function finishRows(ctx: Context, body: Body, rows: Rows, scope: Scope): Rows {
  for (const node of list(body, 'sortClause')) {
    const key = bodyOf(node, 'SortBy')?.['node'];
    ctx.findings.infer(outputFirst(ctx, key, rows, scope));
  }
  for (const key of ['limitOffset', 'limitCount']) {
    if (body[key] !== undefined) ctx.findings.infer(ctx.expr(body[key], scope));
  }
  for (const node of list(body, 'lockingClause')) lock(ctx, bodyOf(node, 'LockingClause') ?? {}, scope);
  const into = child(body, 'intoClause');
  if (into !== null) createInto(ctx, into, rows, 'table');
  return rows;
}

/** The columns of a select list or RETURNING, `*` expanded. */
export function analyseTargets(ctx: Context, nodes: readonly unknown[], scope: Scope): Rows {
  const fields: Field[] = [];
  let open = false;
  for (const node of nodes) {
    const target = bodyOf(node, 'ResTarget') ?? {};
    const star = expandStar(ctx, target['val'], scope);
    if (star !== null) {
      fields.push(...star.fields);
      open ||= star.open;
      continue;
    }
    const value = ctx.expr(target['val'], scope);
    const name = text(target, 'name') || columnName(target['val'], (subquery) => firstNameOf(ctx, subquery));
    open ||= name === '';
    fields.push({ name, value });
  }
  for (const { value } of fields) ctx.findings.carry(value);
  if (open && ctx.catalog.isClassified) ctx.findings.carry(unknownValue);
  return { fields, open };
}

/**
 * GROUP BY: input columns first, those of this level only, then output names; a number is a position. PostgreSQL's
 * findTargetlistEntrySQL92.
 */
function inferGrouping(ctx: Context, node: unknown, rows: Rows, scope: Scope): void {
  const set = bodyOf(node, 'GroupingSet');
  if (set !== null) {
    for (const inner of list(set, 'content')) inferGrouping(ctx, inner, rows, scope);
    return;
  }
  const name = bareName(node);
  const output = name === null || scope.ownColumn(name) !== null ? null : fieldNamed(rows, name);
  ctx.findings.infer(output ?? positional(node, rows) ?? ctx.expr(node, scope));
}

/** ORDER BY and DISTINCT ON: output names first, then input columns. */
function outputFirst(ctx: Context, node: unknown, rows: Rows, scope: Scope): Value {
  const name = bareName(node);
  const output = name === null ? null : fieldNamed(rows, name);
  return output ?? positional(node, rows) ?? ctx.expr(node, scope);
}

function bareName(node: unknown): string | null {
  const body = bodyOf(node, 'ColumnRef');
  const names = body === null ? [] : namesOf(list(body, 'fields'));
  return names.length === 1 ? (names[0] ?? null) : null;
}

function fieldNamed(rows: Rows, name: string): Value | null {
  const found = rows.fields.filter((field) => field.name === name).map((field) => field.value);
  const [only, other] = found;
  if (only === undefined) return null;
  return other === undefined ? only : derive(found);
}

function positional(node: unknown, rows: Rows): Value | null {
  const position = bodyOf(node, 'A_Const') === null ? undefined : constantOf(node);
  if (typeof position !== 'number') return null;
  return rows.open ? derive(rows.fields.map((field) => field.value)) : (rows.fields[position - 1]?.value ?? null);
}

/** DISTINCT compares every output; `DISTINCT ON (…)` what it names. Plain DISTINCT is a list of one empty node. */
function inferDistinct(ctx: Context, nodes: readonly unknown[], rows: Rows, scope: Scope): void {
  if (nodes.length === 0) return;
  const named = nodes.filter((node) => tagged(node) !== null);
  if (named.length === 0) for (const field of rows.fields) ctx.findings.infer(field.value);
  for (const node of named) ctx.findings.infer(outputFirst(ctx, node, rows, scope));
  if (rows.open && named.length === 0 && ctx.catalog.isClassified) ctx.findings.inferAll();
}

function setOperation(ctx: Context, body: Body, op: string, level: Scope): Rows {
  const left = ctx.query({ SelectStmt: body['larg'] }, level);
  const right = ctx.query({ SelectStmt: body['rarg'] }, level);
  const rows = mergeRows(left, right);
  // UNION ALL only appends; everything else compares rows.
  if (op !== 'SETOP_UNION' || body['all'] !== true) {
    for (const { value } of rows.fields) {
      noteMeeting(ctx, [value]);
      ctx.findings.infer(value);
    }
    if (rows.open && ctx.catalog.isClassified) ctx.findings.inferAll();
  }
  return rows;
}

function valuesRows(ctx: Context, lists: readonly unknown[], level: Scope): Rows {
  let rows: Rows | null = null;
  for (const item of lists) {
    const nodes = list(bodyOf(item, 'List') ?? {}, 'items');
    const { values, open } = valuesOf(ctx, nodes, level);
    const fields = values.map((value, index): Field => ({ name: `column${index + 1}`, value }));
    // Behind columns that could not be named every place may be another.
    const row = { fields: open ? [] : fields, open };
    rows = rows === null ? row : mergeRows(rows, row);
  }
  return rows ?? { fields: [], open: true };
}

/** FOR UPDATE, FOR SHARE…: a lock on the rows of the tables it names, or of all. */
function lock(ctx: Context, clause: Body, scope: Scope): void {
  const named = new Set(list(clause, 'lockedRels').map((node) => text(bodyOf(node, 'RangeVar') ?? {}, 'relname')));
  const sources: readonly Source[] = scope.items.flatMap((item) => item.sources);
  for (const source of sources) {
    if (source.relation === null || (named.size > 0 && !named.has(source.alias))) continue;
    const relation = findRelation(ctx, { schemaname: source.relation.schema, relname: source.relation.name });
    addTableEffect(ctx, 'lockRow', relation);
  }
  if (sources.every((source) => source.relation === null)) ctx.findings.addGlobal('lockRow', '');
}
