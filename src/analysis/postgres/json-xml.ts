import { child, flag, list, namesOf, tagged, text, type Body, bodyOf } from './ast.js';
import type { Context } from './context.js';
import { analyseWindow, castToJson, withCalled } from './functions.js';
import type { Scope } from './scope.js';
import { derive, isTainted, type Value } from './value.js';

type Handler = (ctx: Context, body: Body, scope: Scope) => Value;

/** SQL/JSON and XML constructors and queries. */
export const jsonXmlHandlers: Readonly<Record<string, Handler>> = {
  XmlExpr: (ctx, body, scope) => {
    const named = list(body, 'named_args').map((node) => ctx.expr(bodyOf(node, 'ResTarget')?.['val'], scope));
    const value = derive([...named, ...values(ctx, list(body, 'args'), scope)]);
    const op = text(body, 'op');
    return op === 'IS_XMLPARSE' || op === 'IS_XMLPI' || op === 'IS_XMLROOT' ? mayFail(ctx, value) : value;
  },
  XmlSerialize: (ctx, body, scope) => {
    const value = derive([ctx.expr(body['expr'], scope)], 'text');
    // What is no document, because it has two roots or none, is an error; so is what is longer than its type.
    const isTotal = text(body, 'xmloption') !== 'XMLOPTION_DOCUMENT' && holds(child(body, 'typeName') ?? {});
    return isTotal ? value : mayFail(ctx, value);
  },
  JsonValueExpr: (ctx, body, scope) => jsonValue(ctx, body, scope),
  JsonObjectConstructor: (ctx, body, scope) => {
    const pairs = list(body, 'exprs').map((node) => keyValue(ctx, bodyOf(node, 'JsonKeyValue') ?? {}, scope));
    return made(ctx, flag(body, 'unique') ? mayFail(ctx, derive(pairs)) : derive(pairs), body);
  },
  JsonArrayConstructor: (ctx, body, scope) => made(ctx, derive(values(ctx, list(body, 'exprs'), scope)), body),
  JsonArrayQueryConstructor: (ctx, body, scope) => {
    const parts = ctx.query(body['query'], scope).fields.map((field) => field.value);
    const rows = derive([...parts, ...castToJson(ctx, parts)]);
    return made(ctx, isReadAsJson(child(body, 'format'), rows, false) ? mayFail(ctx, rows) : rows, body);
  },
  JsonObjectAgg: (ctx, body, scope) => {
    const constructor = child(body, 'constructor') ?? {};
    aggregate(ctx, constructor, scope);
    const value = keyValue(ctx, child(body, 'arg') ?? {}, scope);
    return made(ctx, flag(body, 'unique') ? mayFail(ctx, value) : value, constructor);
  },
  JsonArrayAgg: (ctx, body, scope) => {
    const constructor = child(body, 'constructor') ?? {};
    aggregate(ctx, constructor, scope);
    return made(ctx, derive([jsonValue(ctx, child(body, 'arg') ?? {}, scope)]), constructor);
  },
  JsonFuncExpr: (ctx, body, scope) => {
    const passing = list(body, 'passing').map((node) =>
      jsonValue(ctx, child(bodyOf(node, 'JsonArgument') ?? {}, 'val') ?? {}, scope),
    );
    const behaviours = ['on_empty', 'on_error'].map((key) => child(body, key));
    const defaults = behaviours.flatMap((behaviour) =>
      behaviour?.['expr'] === undefined ? [] : [ctx.expr(behaviour['expr'], scope)],
    );
    const path = ctx.expr(body['pathspec'], scope);
    const item = jsonDocument(ctx, child(body, 'context_item') ?? {}, scope);
    const value = derive(
      [item, path, ...passing, ...defaults],
      child(body, 'output') === null ? resultTypes[text(body, 'op')] : '',
    );
    const canFail =
      behaviours.some((behaviour) => behaviour !== null) ||
      isTainted(path) ||
      passing.some(isTainted) ||
      child(body, 'output') !== null;
    return canFail ? mayFail(ctx, value) : value;
  },
  JsonParseExpr: (ctx, body, scope) => mayFail(ctx, jsonValue(ctx, child(body, 'expr') ?? {}, scope)),
  JsonScalarExpr: (ctx, body, scope) => {
    const value = ctx.expr(body['expr'], scope);
    return derive([value, ...castToJson(ctx, [value])], 'json');
  },
  JsonSerializeExpr: (ctx, body, scope) => {
    const value = derive([jsonDocument(ctx, child(body, 'expr') ?? {}, scope)], 'text');
    return isTotalOutput(body) ? value : mayFail(ctx, value);
  },
  JsonIsPredicate: (ctx, body, scope) => derive([ctx.expr(body['expr'], scope)]),
};

function values(ctx: Context, nodes: readonly unknown[], scope: Scope): readonly Value[] {
  return nodes.map((node) => ctx.expr(node, scope));
}

/** A value that becomes a part of a document: as a string, or with FORMAT JSON as the document that its text must be. */
export function jsonValue(ctx: Context, body: Body, scope: Scope): Value {
  return readJson(ctx, body, scope, false);
}

/** A value that is read as a document, whether the query says so or not. */
export function jsonDocument(ctx: Context, body: Body, scope: Scope): Value {
  return readJson(ctx, body, scope, true);
}

/** JsonValueExpr stands with and without its tag. */
function readJson(ctx: Context, body: Body, scope: Scope, isDocument: boolean): Value {
  const inner = tagged(body);
  const bare = inner?.tag === 'JsonValueExpr' ? inner.body : body;
  const given = ctx.expr(bare['raw_expr'], scope);
  const value = isDocument ? given : withCalled(given, castToJson(ctx, [given]));
  const parsed = isReadAsJson(child(bare, 'format'), value, isDocument);
  return parsed ? mayFail(ctx, derive([value])) : derive([value], value.type);
}

/** Text that is no document is an error, which no ON ERROR catches: whether it is one can be asked of any part of a value. */
function isReadAsJson(format: Body | null, { type }: Value, isDocument: boolean): boolean {
  const isJson = type === 'json' || type === 'jsonb';
  return !isJson && (isDocument || (format !== null && text(format, 'format_type') !== 'JS_FORMAT_DEFAULT'));
}

/** What a constructor gives: RETURNING a type that is too short for it, or somebody's own, fails for some values. */
function made(ctx: Context, value: Value, body: Body): Value {
  const plain = derive([value], child(body, 'output') === null ? 'json' : '');
  return isTotalOutput(body) ? plain : mayFail(ctx, plain);
}

const resultTypes: Readonly<Record<string, string>> = {
  JSON_EXISTS_OP: 'boolean',
  JSON_QUERY_OP: 'jsonb',
  JSON_VALUE_OP: 'text',
};

/** Types that can hold any document. */
const holdsAny = new Set(['text', 'varchar', 'json', 'jsonb']);

/** Says whether the RETURNING clause of a constructor is absent or takes whatever there is. */
function isTotalOutput(body: Body): boolean {
  const output = child(body, 'output');
  if (output === null) return true;
  return holds(child(output, 'typeName') ?? {});
}

function holds(typeName: Body): boolean {
  const [name = '', schema = 'pg_catalog'] = namesOf(list(typeName, 'names')).toReversed();
  return holdsAny.has(name) && schema === 'pg_catalog' && list(typeName, 'typmods').length === 0;
}

/** A null key is an error, so a protected key shows itself. */
function keyValue(ctx: Context, body: Body, scope: Scope): Value {
  const key = ctx.expr(body['key'], scope);
  if (isTainted(key)) ctx.findings.infer(key);
  const value = derive([key, jsonValue(ctx, child(body, 'value') ?? {}, scope)]);
  return bodyOf(body['key'], 'A_Const') === null ? { ...value, fallible: true } : value;
}

function aggregate(ctx: Context, body: Body, scope: Scope): void {
  if (body['agg_filter'] !== undefined) ctx.findings.infer(ctx.expr(body['agg_filter'], scope));
  for (const node of list(body, 'agg_order')) ctx.findings.infer(ctx.expr(bodyOf(node, 'SortBy')?.['node'], scope));
  const over = child(body, 'over');
  if (over !== null) analyseWindow(ctx, over, scope);
}

/** Something that fails for some values: on a protected one it is an oracle. */
export function mayFail(ctx: Context, value: Value): Value {
  if (isTainted(value)) ctx.findings.infer(value);
  return { ...value, fallible: true };
}
