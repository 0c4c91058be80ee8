import { child, flag, list, tagged, text, type Body, bodyOf } from './ast.js';
import type { Context } from './context.js';
import { analyseWindow } from './functions.js';
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
  XmlSerialize: (ctx, body, scope) => derive([ctx.expr(body['expr'], scope)], 'text'),
  JsonValueExpr: (ctx, body, scope) => jsonValue(ctx, body, scope),
  JsonObjectConstructor: (ctx, body, scope) => {
    const pairs = list(body, 'exprs').map((node) => keyValue(ctx, bodyOf(node, 'JsonKeyValue') ?? {}, scope));
    return flag(body, 'unique') ? mayFail(ctx, derive(pairs)) : derive(pairs);
  },
  JsonArrayConstructor: (ctx, body, scope) => derive(values(ctx, list(body, 'exprs'), scope)),
  JsonArrayQueryConstructor: (ctx, body, scope) =>
    derive(ctx.query(body['query'], scope).fields.map((field) => field.value)),
  JsonObjectAgg: (ctx, body, scope) => {
    aggregate(ctx, child(body, 'constructor') ?? {}, scope);
    const value = keyValue(ctx, child(body, 'arg') ?? {}, scope);
    return flag(body, 'unique') ? mayFail(ctx, value) : value;
  },
  JsonArrayAgg: (ctx, body, scope) => {
    aggregate(ctx, child(body, 'constructor') ?? {}, scope);
    return derive([jsonValue(ctx, child(body, 'arg') ?? {}, scope)]);
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
    const value = derive([jsonValue(ctx, child(body, 'context_item') ?? {}, scope), path, ...passing, ...defaults]);
    const canFail =
      behaviours.some((behaviour) => behaviour !== null) ||
      isTainted(path) ||
      passing.some(isTainted) ||
      child(body, 'output') !== null;
    return canFail ? mayFail(ctx, value) : value;
  },
  JsonParseExpr: (ctx, body, scope) => mayFail(ctx, jsonValue(ctx, child(body, 'expr') ?? {}, scope)),
  JsonScalarExpr: (ctx, body, scope) => derive([ctx.expr(body['expr'], scope)]),
  JsonSerializeExpr: (ctx, body, scope) => derive([jsonValue(ctx, child(body, 'expr') ?? {}, scope)], 'text'),
  JsonIsPredicate: (ctx, body, scope) => derive([ctx.expr(body['expr'], scope)]),
};

function values(ctx: Context, nodes: readonly unknown[], scope: Scope): readonly Value[] {
  return nodes.map((node) => ctx.expr(node, scope));
}

/** JsonValueExpr stands with and without its tag. */
export function jsonValue(ctx: Context, body: Body, scope: Scope): Value {
  const inner = tagged(body);
  const bare = inner?.tag === 'JsonValueExpr' ? inner.body : body;
  return derive([ctx.expr(bare['raw_expr'], scope)]);
}

/** A null key is an error, so a protected key shows itself. */
function keyValue(ctx: Context, body: Body, scope: Scope): Value {
  const key = ctx.expr(body['key'], scope);
  if (isTainted(key)) ctx.findings.infer(key);
  return derive([key, jsonValue(ctx, child(body, 'value') ?? {}, scope)]);
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
