import { constantOf, itemsOf, list, namesOf, tagged, text, type Body } from './ast.js';
import type { Context } from './context.js';
import { implicitCall } from './functions.js';
import { noteMeeting } from './literals.js';
import type { Scope } from './scope.js';
import { clear, derive, isTainted, type Value } from './value.js';

/** Operators that give a value for every operand, so that using one shows nothing by failing. */
const totalOperators = new Set(
  '= <> != < <= > >= ~~ !~~ ~~* !~~* ~ !~ ~* !~* || -> ->> #> #>> @> <@ ? ?| ?& && @@ @? & | # - #- ^@'.split(' '),
);
/** Take a part out of a document. */
const accessors = new Set(['->', '->>', '#>', '#>>']);
const patternOperators = new Set('~~ !~~ ~~* !~~* ~ !~ ~* !~*'.split(' '));
const patternKinds = new Set(['AEXPR_LIKE', 'AEXPR_ILIKE', 'AEXPR_SIMILAR']);

/** Beyond this a chosen factor or summand could overflow on one value and not on another. */
const maxScale = 1000;
const maxSummand = 1_000_000;

/** A_Expr: `left operator right`, with its special kinds (IN, LIKE, BETWEEN, NULLIF, DISTINCT, ANY, ALL). */
export function analyseOperator(ctx: Context, body: Body, scope: Scope): Value {
  const kind = text(body, 'kind');
  const names = namesOf(list(body, 'name'));
  const name = names[names.length - 1] ?? '';
  const left = body['lexpr'] === undefined ? null : ctx.expr(body['lexpr'], scope);
  const rights = body['rexpr'] === undefined ? [] : itemsOf(body['rexpr']).map((node) => ctx.expr(node, scope));
  const values = left === null ? rights : [left, ...rights];
  const called = callUserOperators(ctx, names, values);
  if (isArithmetic(name, left) && rights.length === 1)
    return derive([analyseArithmetic(ctx, name, body, left ?? clear, rights[0] ?? clear), ...called]);
  if (left === null && (name === '-' || name === '+')) return derive([...values, ...called], values[0]?.type);
  if (!accessors.has(name) && name !== '||') noteMeeting(ctx, values);
  const isPattern = patternKinds.has(kind) || patternOperators.has(name);
  // A pattern can be malformed, so a protected one shows itself by failing.
  if (isPattern) rights.forEach((value) => isTainted(value) && ctx.findings.infer(value));
  const isTotal =
    totalOperators.has(name) || (kind !== 'AEXPR_OP' && kind !== 'AEXPR_OP_ANY' && kind !== 'AEXPR_OP_ALL');
  if (!isTotal) values.forEach((value) => isTainted(value) && ctx.findings.infer(value));
  const value = derive([...values, ...called], kind === 'AEXPR_NULLIF' ? (left?.type ?? '') : resultType(name, left));
  const fallible = value.fallible || !isTotal;
  // The key by which something is taken out of a document says nothing of it.
  const literals = accessors.has(name) ? (left?.literals ?? null) : value.literals;
  return { ...value, fallible, literals, scale: kind === 'AEXPR_NULLIF' ? value.scale : 1 };
}

function resultType(name: string, left: Value | null): string {
  if (name === '||' || name === '->>' || name === '#>>') return 'text';
  if ((name === '->' || name === '#>') && (left?.type === 'json' || left?.type === 'jsonb')) return left.type;
  return '';
}

/** A user operator is a call without a call node (test/promises/README.md, C): it does what its function does. */
function callUserOperators(ctx: Context, names: readonly string[], values: readonly Value[]): readonly Value[] {
  const name = names[names.length - 1] ?? '';
  const schema = names.length > 1 ? (names[0] ?? '') : '';
  return ctx.catalog
    .operators(schema, name)
    .map((operator) => implicitCall(ctx, operator.functionSchema, operator.functionName, values));
}

function isArithmetic(name: string, left: Value | null): boolean {
  return left !== null && '+-*/%^'.includes(name) && name.length === 1;
}

/** Arithmetic fails on zero and on overflow; with small constants it cannot, and its result is just derived. */
function analyseArithmetic(ctx: Context, name: string, body: Body, left: Value, right: Value): Value {
  const value = derive([left, right], left.type || right.type);
  const scale = scaleOf(name, left, numericConstant(body['lexpr']), right, numericConstant(body['rexpr']));
  if (isTainted(value) && scale > maxScale) ctx.findings.infer(value);
  const canFail = name === '/' || name === '%' || name === '^' || scale > maxScale;
  const divisor = numericConstant(body['rexpr']);
  const fallible =
    value.fallible || (canFail && !((name === '/' || name === '%') && divisor !== null && divisor !== 0));
  return { ...value, fallible, scale: Math.min(scale, maxScale) };
}

function scaleOf(
  name: string,
  left: Value,
  leftConstant: number | null,
  right: Value,
  rightConstant: number | null,
): number {
  const constant = rightConstant ?? leftConstant;
  const tainted = isTainted(left) ? left : right;
  if (name === '/' || name === '%') {
    return isTainted(right) || rightConstant === null || Math.abs(rightConstant) < 0.001
      ? Infinity
      : left.scale / Math.min(1, Math.abs(rightConstant));
  }
  if (name === '^') return Infinity;
  if (constant !== null) {
    if (name === '*') return tainted.scale * Math.max(1, Math.abs(constant));
    return Math.abs(constant) <= maxSummand ? tainted.scale + 1 : Infinity;
  }
  // Two protected numbers may be added; a factor or summand that is not constant could be chosen row by row.
  if (!isTainted(left) || !isTainted(right) || name === '*') return Infinity;
  return left.scale + right.scale;
}

/** A number written in the query, a sign and a cast aside. */
export function numericConstant(node: unknown): number | null {
  const found = tagged(node);
  if (found?.tag === 'A_Expr' && found.body['lexpr'] === undefined && namesOf(list(found.body, 'name'))[0] === '-') {
    const inner = numericConstant(found.body['rexpr']);
    return inner === null ? null : -inner;
  }
  const value = constantOf(node);
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
