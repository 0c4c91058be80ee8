import { bodyOf, constantOf, itemsOf, list, namesOf, text, type Body } from './ast.js';
import { analyseArithmetic, isArithmetic } from './arithmetic.js';
import type { Context } from './context.js';
import { castImplicitly, implicitCall } from './functions.js';
import { comparedType } from './implicit-calls.js';
import { noteMeeting } from './literals.js';
import type { Scope } from './scope.js';
import { isPlainPattern } from './totality.js';
import { clear, derive, isCollationOpen, isTainted, isVague, type Value } from './value.js';

const unscaled = { scale: 1, shrink: 1 } as const;
/** Take a part out of a document. */
const accessors = new Set(['->', '->>', '#>', '#>>']);
const comparisons = new Set('= <> != < <= > >='.split(' '));
/** Give a value for every operand. */
const totalOperators = new Set('@> <@ ? ?| ?& && @? ^@'.split(' '));
const bitOperators = new Set('& | #'.split(' '));
const likes = new Set('~~ !~~ ~~* !~~*'.split(' '));
const expressions = new Set('~ !~ ~* !~*'.split(' '));
const patternKinds = new Set(['AEXPR_LIKE', 'AEXPR_ILIKE', 'AEXPR_SIMILAR']);
/** They are conditions behind one another, of which the first that decides is the last that is computed. */
const stopsEarly = new Set([
  'AEXPR_IN',
  'AEXPR_BETWEEN',
  'AEXPR_NOT_BETWEEN',
  'AEXPR_BETWEEN_SYM',
  'AEXPR_NOT_BETWEEN_SYM',
]);
const integers = new Set(['smallint', 'int2', 'integer', 'int4', 'bigint', 'int8', 'boolean']);

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
  const fails = judgeOperator(ctx, { name, kind, left, rights, right: body['rexpr'] });
  const value = derive([...values, ...called], kind === 'AEXPR_NULLIF' ? (left?.type ?? '') : resultType(name, values));
  const fallible = value.fallible || fails;
  if (fallible && (stopsEarly.has(kind) || bodyOf(body['lexpr'], 'RowExpr') !== null)) ctx.findings.infer(value);
  // The key by which something is taken out of a document says nothing of it.
  const literals = accessors.has(name) ? (left?.literals ?? null) : value.literals;
  return { ...value, fallible, literals, ...(kind === 'AEXPR_NULLIF' ? {} : unscaled) };
}

function resultType(name: string, values: readonly Value[]): string {
  if (name === '->>' || name === '#>>') return 'text';
  if (name === '->' || name === '#>') return values[0]?.type ?? '';
  if (name === '||')
    return (values.find(({ type }) => isArray(type) || type.startsWith('json')) ?? { type: 'text' }).type;
  return comparisons.has(name) || likes.has(name) || expressions.has(name) || totalOperators.has(name) ? 'boolean' : '';
}

const isArray = (type: string): boolean => type.endsWith('[]');

interface Operation {
  readonly name: string;
  readonly kind: string;
  readonly left: Value | null;
  readonly rights: readonly Value[];
  /** The right operand as it is written, where that is known. */
  readonly right: unknown;
}

/**
 * Says whether an operator can fail for some operands. Where a protected one decides, that infers it: what was computed may
 * be null for chosen values, and null is passed by (totality.ts).
 */
export function judgeOperator(ctx: Context, operation: Operation): boolean {
  const { name, kind, left, rights } = operation;
  const values = left === null ? rights : [left, ...rights];
  const isPattern = patternKinds.has(kind) || likes.has(name) || expressions.has(name);
  // A pattern can be malformed, so a protected one shows itself by failing.
  if (isPattern) rights.forEach((value) => isTainted(value) && ctx.findings.infer(value));
  const isCollated = isCollationOpen(values) || ((isPattern || name === '^@') && values.some(isVague));
  const failsAlike = isCollated || failsForAll(operation);
  const fails = failsAlike || failsForSome(operation);
  for (const value of values)
    if (isTainted(value) && (failsForSome(operation) || (failsAlike && value.derived))) ctx.findings.infer(value);
  return fails;
}

/** It may fail, and then for every operand but null. */
function failsForAll({ name, kind, left, rights, right }: Operation): boolean {
  const values = left === null ? rights : [left, ...rights];
  if (expressions.has(name) || kind === 'AEXPR_SIMILAR') return !isPlainPattern(patternOf(right));
  if (name === '@@') return values.some((value) => isTainted(value) && !/^(jsonb|tsvector|tsquery)$/.test(value.type));
  return name === '||' && !isJoined(values);
}

/** Texts, documents and numbers are joined without fail; arrays to what is surely no array of other dimensions. */
function isJoined(values: readonly Value[]): boolean {
  const others = values.filter(({ type }) => !isArray(type));
  if (others.length < values.length)
    return others.length === values.length - 1 && others.every(({ type }) => type !== '' && type !== 'unknown');
  const meant = values.some(isTainted) ? values.filter(isTainted) : values;
  return meant.every(({ type }) => type !== '');
}

/** It may fail for one operand and not for another. */
function failsForSome({ name, kind, left, rights, right }: Operation): boolean {
  const values = left === null ? rights : [left, ...rights];
  const isOther = kind !== 'AEXPR_OP' && kind !== 'AEXPR_OP_ANY' && kind !== 'AEXPR_OP_ALL';
  if (likes.has(name) || kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE') return !isWholePattern(right);
  if (expressions.has(name) || kind === 'AEXPR_SIMILAR' || name === '@@' || name === '||') return false;
  // Rows of other columns, and numbers that are no OID, are found out when they are compared.
  if (comparisons.has(name) || isOther)
    return values.some((value) => value.rowLike || value.row !== null || /^(oid|reg[a-z]+)$/.test(value.type));
  if (bitOperators.has(name)) return values.some((value) => isTainted(value) && !integers.has(value.type));
  return !totalOperators.has(name) && !accessors.has(name);
}

/** LIKE fails when a text gets as far as an escape that nothing follows. */
function isWholePattern(node: unknown): boolean {
  const pattern = constantOf(node);
  return pattern === null || (typeof pattern === 'string' && (/\\*$/.exec(pattern)?.[0].length ?? 0) % 2 === 0);
}

/** SIMILAR TO is a regular expression made by a function of the server's. */
function patternOf(node: unknown): unknown {
  const call = bodyOf(node, 'FuncCall');
  const isMade = call !== null && namesOf(list(call, 'funcname')).at(-1) === 'similar_to_escape';
  return isMade && list(call, 'args').length === 1 ? list(call, 'args')[0] : node;
}

/** A user operator is a call without a call node (test/promises/README.md, C): it does what its function does. */
export function callUserOperators(
  ctx: Context,
  names: readonly string[],
  operands: readonly Value[],
): readonly Value[] {
  const name = names[names.length - 1] ?? '';
  const schema = names.length > 1 ? (names[0] ?? '') : '';
  const { implicit } = ctx.catalog;
  for (const operand of operands) ctx.findings.noteCompared(operand);
  return [
    ...implicit
      .operators(schema, name, operands)
      .map((operator) => implicitCall(ctx, operator.functionSchema, operator.functionName, operands)),
    ...(comparedType(name, operands) === '' ? castImplicitly(ctx, operands) : []),
  ];
}
