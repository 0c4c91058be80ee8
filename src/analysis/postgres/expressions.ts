import { bodyOf, list, number, tagged, type Body } from './ast.js';
import { analyseCast } from './casts.js';
import { analyseColumnRef, analyseIndirection } from './column-ref.js';
import type { Context } from './context.js';
import { analyseCall } from './functions.js';
import { jsonXmlHandlers } from './json-xml.js';
import { analyseOperator, judgeOperator } from './operators.js';
import { literalOf, noteMeeting, parameterOf } from './literals.js';
import type { Scope } from './scope.js';
import { valuesOf } from './stars.js';
import { analyseSubLink } from './sublinks.js';
import { clear, clearOf, derive, isTainted, rowValue, unknownValue, type Literals, type Value } from './value.js';

type Handler = (ctx: Context, body: Body, scope: Scope) => Value;

/** How each expression node is valued. A node that is not here is unknown, and its statement with it. */
const handlers: Readonly<Record<string, Handler>> = {
  A_Const: (ctx, body) => constantType(body, literalOf(ctx, body)),
  ParamRef: (ctx, body, scope) => {
    const position = number(body, 'number');
    const value = scope.parameter(position);
    const literals = value === clear ? parameterOf(ctx, position) : null;
    return literals === null ? value : { ...value, literals };
  },
  ColumnRef: analyseColumnRef,
  A_Indirection: analyseIndirection,
  A_Expr: analyseOperator,
  TypeCast: analyseCast,
  FuncCall: (ctx, body, scope) => analyseCall(ctx, body, scope).value,
  SubLink: analyseSubLink,
  // What meets a protected value in one condition says nothing of what stands in the others.
  BoolExpr: (ctx, body, scope) => {
    const values = all(ctx, list(body, 'args'), scope);
    const stored = values.some((value) => value.stored && isTainted(value));
    return { ...lazy(ctx, values), literals: null, stored };
  },
  CoalesceExpr: (ctx, body, scope) => {
    const values = all(ctx, list(body, 'args'), scope);
    return lazy(ctx, values, commonType(values));
  },
  MinMaxExpr: (ctx, body, scope) => {
    const values = all(ctx, list(body, 'args'), scope);
    noteMeeting(ctx, values);
    values.forEach((value) => ctx.findings.noteCompared(value));
    const fails = judgeOperator(ctx, { name: '<', kind: 'AEXPR_OP', left: null, rights: values, right: undefined });
    const value = derive(values, commonType(values));
    return fails ? { ...value, fallible: true } : value;
  },
  CaseExpr: analyseCase,
  NullTest: (ctx, body, scope) => derive([ctx.expr(body['arg'], scope)]),
  BooleanTest: (ctx, body, scope) => derive([ctx.expr(body['arg'], scope)]),
  CollateClause: (ctx, body, scope) => ({ ...ctx.expr(body['arg'], scope), collated: true }),
  A_ArrayExpr: (ctx, body, scope) => {
    const values = all(ctx, list(body, 'elements'), scope);
    const type = commonType(values);
    return derive(values, type === '' || type.endsWith('[]') ? '' : `${type}[]`);
  },
  RowExpr: (ctx, body, scope) => {
    const { values, open } = valuesOf(ctx, list(body, 'args'), scope);
    const fields = values.map((value, index) => ({ name: `f${index + 1}`, value }));
    return open && !ctx.catalog.isClassified ? derive(values) : rowValue(fields, open);
  },
  NamedArgExpr: (ctx, body, scope) => ctx.expr(body['arg'], scope),
  MultiAssignRef: (ctx, body, scope) => {
    const source = ctx.expr(body['source'], scope);
    return source.row?.[number(body, 'colno') - 1]?.value ?? source;
  },
  List: (ctx, body, scope) => derive(all(ctx, list(body, 'items'), scope)),
  GroupingFunc: () => clear,
  SQLValueFunction: () => clear,
  CurrentOfExpr: () => clear,
  SetToDefault: () => clear,
  MergeSupportFunc: () => clear,
  ...jsonXmlHandlers,
};

/** The value of an expression; null nodes (absent clauses) are nothing. */
export function analyseExpression(ctx: Context, node: unknown, scope: Scope): Value {
  const found = tagged(node);
  if (found === null) return clear;
  const handler = Object.hasOwn(handlers, found.tag) ? handlers[found.tag] : undefined;
  if (handler !== undefined) return handler(ctx, found.body, scope);
  ctx.findings.addGlobal('unknown', found.tag);
  ctx.findings.hidesSecrets ||= ctx.catalog.isClassified;
  ctx.findings.touchesProtected = true;
  return unknownValue;
}

function all(ctx: Context, nodes: readonly unknown[], scope: Scope): readonly Value[] {
  return nodes.map((node) => ctx.expr(node, scope));
}

/** A constant says nothing; its type matters where it meets `||` and casts. */
function constantType(body: Body, literals: Literals | null): Value {
  const isText = body['sval'] !== undefined || bodyOf(body['val'], 'String') !== null;
  const value = isText ? clearOf('unknown') : clear;
  return literals === null ? value : { ...value, literals };
}

/**
 * AND, OR and COALESCE stop early: whether the rest was computed shows through any part that can fail, so a protected
 * value beside such a part is inferred.
 */
function lazy(ctx: Context, values: readonly Value[], type = ''): Value {
  const value = derive(values, type);
  if (isTainted(value) && value.fallible) ctx.findings.infer(value);
  return value;
}

/** The type that all of these have; '' when they have several, or it is not known. Constants take that of the others. */
function commonType(values: readonly Value[]): string {
  const types = new Set(
    values
      .filter(({ type, literals }) => type !== 'unknown' && (type !== '' || literals === null))
      .map(({ type }) => type),
  );
  const [only = values.some(({ type }) => type === 'unknown') ? 'text' : '', other] = types;
  return other === undefined ? only : '';
}

/** CASE: what decides is inferred by which branch runs; what is chosen is the output. */
function analyseCase(ctx: Context, body: Body, scope: Scope): Value {
  const subject = body['arg'] === undefined ? clear : ctx.expr(body['arg'], scope);
  const conditions: Value[] = [subject];
  const results: Value[] = [];
  for (const node of list(body, 'args')) {
    const when = bodyOf(node, 'CaseWhen') ?? {};
    conditions.push(ctx.expr(when['expr'], scope));
    results.push(ctx.expr(when['result'], scope));
  }
  if (body['defresult'] !== undefined) results.push(ctx.expr(body['defresult'], scope));
  if (body['arg'] !== undefined) noteMeeting(ctx, conditions);
  conditions.forEach((condition) => ctx.findings.infer(condition));
  return derive([...conditions, ...results], commonType(results));
}
