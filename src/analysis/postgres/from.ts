import { bodyOf, child, flag, itemsOf, list, namesOf, stringOf, tagged, text, type Body } from './ast.js';
import type { Context } from './context.js';
import { columnName, firstNameOf } from './column-names.js';
import type { CallResult } from './function-results.js';
import { analyseCall, callIn } from './functions.js';
import { joinItems } from './joins.js';
import { noteMeeting } from './literals.js';
import { readRelation } from './relations.js';
import { Scope, itemOf, type FromItem, type Source } from './scope.js';
import { columnsOf, isScalarMember } from './shapes.js';
import { analyseJsonTable, analyseXmlTable } from './table-functions.js';
import { clear, derive, renameFields, type Field, type Rows, type Value } from './value.js';

/** Analyses a FROM clause into `scope`, whose items are what is visible to LATERAL as the clause is read. */
export function analyseFrom(ctx: Context, nodes: readonly unknown[], scope: Scope): void {
  for (const node of nodes) scope.items.push(analyseFromItem(ctx, node, scope));
}

/** One item. A subquery that is not LATERAL sees the outer query but not its neighbours. */
export function analyseFromItem(ctx: Context, node: unknown, scope: Scope): FromItem {
  const found = tagged(node);
  const body = found?.body ?? {};
  switch (found?.tag) {
    case 'RangeVar':
      return rangeVar(ctx, body, scope);
    case 'RangeSubselect': {
      const rows = ctx.query(body['subquery'], flag(body, 'lateral') ? scope : new Scope(scope.parent));
      return itemOf(aliased(child(body, 'alias'), rows, ''));
    }
    case 'JoinExpr':
      return join(ctx, body, scope);
    case 'RangeFunction':
      return rangeFunction(ctx, body, scope);
    case 'RangeTableSample': {
      for (const argument of [...list(body, 'args'), body['repeatable']]) ctx.findings.infer(ctx.expr(argument, scope));
      return analyseFromItem(ctx, body['relation'], scope);
    }
    case 'RangeTableFunc':
      return itemOf(aliased(child(body, 'alias'), analyseXmlTable(ctx, body, scope), 'xmltable'));
    case 'JsonTable':
      return itemOf(aliased(child(body, 'alias'), analyseJsonTable(ctx, body, scope), 'json_table'));
    default:
      ctx.findings.addGlobal('unknown', found?.tag ?? 'from');
      return { columns: [], open: true, sources: [] };
  }
}

/** A result under its alias: `AS t(a, b)` renames the first columns. */
export function aliased(alias: Body | null, rows: Rows, fallback: string): Source {
  const name = alias === null ? fallback : text(alias, 'aliasname');
  const names = alias === null ? [] : namesOf(list(alias, 'colnames'));
  const source: Source = {
    alias: name,
    schema: '',
    fields: renameFields(rows, names),
    open: rows.open,
    relation: null,
  };
  return rows.isTyped === true ? { ...source, typed: rows.fields } : source;
}

function rangeVar(ctx: Context, body: Body, scope: Scope): FromItem {
  const name = text(body, 'relname');
  const alias = child(body, 'alias');
  const cte = text(body, 'schemaname') === '' ? scope.cte(name) : null;
  if (cte !== null) return itemOf(aliased(alias, cte, name));
  const source = readRelation(ctx, body, 'select');
  if (alias === null) return itemOf(source);
  const names = namesOf(list(alias, 'colnames'));
  const { fields } = source;
  const own = { alias: text(alias, 'aliasname'), schema: '', typed: fields };
  return itemOf({ ...source, ...own, fields: renameFields(source, names) });
}

function join(ctx: Context, body: Body, scope: Scope): FromItem {
  const left = analyseFromItem(ctx, body['larg'], scope);
  // LATERAL on the right of a join sees its left side.
  const right = analyseFromItem(ctx, body['rarg'], new Scope(scope.parent, [...scope.items, left]));
  const using = flag(body, 'isNatural') ? 'natural' : list(body, 'usingClause').map(stringOf);
  const { item, compared } = joinItems(left, right, using);
  for (let index = 0; index < compared.length; index += 2) {
    const pair = compared.slice(index, index + 2);
    noteMeeting(ctx, pair);
    for (const value of [...pair, derive(pair)]) ctx.findings.infer(value);
  }
  if (body['quals'] !== undefined)
    // ON sees the two that it joins, not what stands before them in FROM. PostgreSQL, transformJoinOnClause.
    ctx.findings.infer(ctx.expr(body['quals'], new Scope(scope.parent, [item])));
  const usingAlias = child(body, 'join_using_alias');
  const merged =
    usingAlias === null || using === 'natural'
      ? []
      : [aliasOfMerged(text(usingAlias, 'aliasname'), item, using.length)];
  const alias = child(body, 'alias');
  if (alias === null) return { ...item, sources: [...item.sources, ...merged] };
  return itemOf(aliased(alias, { fields: item.columns, open: item.open }, ''));
}

/** `JOIN … USING (a) AS j`: j names the merged columns only. */
function aliasOfMerged(alias: string, item: FromItem, count: number): Source {
  return { alias, schema: '', fields: item.columns.slice(0, count), open: item.open, relation: null };
}

/** Functions in FROM always see what stands before them: they are LATERAL by nature. PostgreSQL 7.2.1.4. */
function rangeFunction(ctx: Context, body: Body, scope: Scope): FromItem {
  const alias = child(body, 'alias');
  const functions = list(body, 'functions').map((node) => itemsOf(node));
  const columns: Field[] = [];
  let open = false;
  let isTyped = functions.length === 1 && !flag(body, 'ordinality');
  for (const [index, [node, definitions]] of functions.entries()) {
    const names = index === 0 && list(body, 'coldeflist').length > 0 ? list(body, 'coldeflist') : itemsOf(definitions);
    const rows = functionRows(ctx, node, names, scope, functions.length === 1 ? alias : null);
    open ||= rows.open;
    isTyped &&= rows.isTyped === true;
    columns.push(...rows.fields);
  }
  if (flag(body, 'ordinality')) columns.push({ name: 'ordinality', value: clear });
  const fallback = nameOf(ctx, functions[0]?.[0]);
  return itemOf(aliased(alias, { fields: columns, open, isTyped }, fallback));
}

function functionRows(
  ctx: Context,
  node: unknown,
  definitions: readonly unknown[],
  scope: Scope,
  alias: Body | null,
): Rows {
  const call = callIn(node);
  const result: CallResult = call === null ? scalarResult(ctx.expr(node, scope)) : analyseCall(ctx, call, scope);
  // How many rows a function gives depends on its arguments.
  ctx.findings.infer(result.input ?? clear);
  const defined = definitions.map((item) => bodyOf(item, 'ColumnDef')).filter((item) => item !== null);
  if (defined.length > 0) {
    const value: Value = { ...derive([result.value]), fallible: true };
    return { fields: defined.map((item) => ({ name: text(item, 'colname'), value })), open: false };
  }
  if (result.rows !== null && (result.rows.fields.length > 0 || result.rows.open))
    return {
      ...result.rows,
      open: result.rows.open || (isUnnest(call) && !isScalarMember(ctx, node, scope)),
    };
  const name = alias === null ? nameOf(ctx, node) : text(alias, 'aliasname');
  return columnsOf(ctx, node, { name, value: derive([result.value]), scope });
}

const isUnnest = (call: Body | null): boolean => namesOf(list(call ?? {}, 'funcname')).at(-1) === 'unnest';
const nameOf = (ctx: Context, node: unknown): string => columnName(node, (subquery) => firstNameOf(ctx, subquery));

function scalarResult(value: Value): CallResult {
  return { value, input: value, rows: null };
}
