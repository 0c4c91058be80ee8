import { constantOf, list, namesOf, tagged, type Body } from './ast.js';
import type { Context } from './context.js';
import { derive, isTainted, type Value } from './value.js';

/** Beyond this a chosen factor or summand could overflow on one value and not on another. */
const maxScale = 1000;
const maxSummand = 1_000_000;
/** No stored value that is made so much smaller comes near to what the narrowest type takes for nought. */
const maxShrink = 1e12;
/** Types in which no value that is stored comes near what they hold at most; four bytes are soon full. */
const wide = /^(numeric|decimal|bigint|int8|real|float[48]|double precision|money|date|time|interval)/;

export function isArithmetic(name: string, left: Value | null): boolean {
  return left !== null && '+-*/%^'.includes(name) && name.length === 1;
}

/** Arithmetic fails on zero and on overflow; with small constants it cannot, and its result is just derived. */
export function analyseArithmetic(ctx: Context, name: string, body: Body, left: Value, right: Value): Value {
  const value = derive([left, right], left.type || right.type);
  const constants = [numericConstant(body['lexpr']), numericConstant(body['rexpr'])] as const;
  const scale = scaleOf(name, left, constants[0], right, constants[1]);
  const limit =
    isWide(left, right) || constants.some((number) => number !== null && !Number.isInteger(number)) ? maxScale : 1;
  const shrink = Math.max(left.shrink, right.shrink) * shrinkOf(name, constants);
  const isTiny = shrink > maxShrink;
  if (isTainted(value) && (scale > limit || isTiny)) ctx.findings.infer(value);
  const canFail = name === '/' || name === '%' || name === '^' || scale > maxScale || isTiny;
  const divisor = numericConstant(body['rexpr']);
  const fallible =
    value.fallible || (canFail && !((name === '/' || name === '%') && divisor !== null && divisor !== 0));
  return { ...value, fallible, scale: Math.min(scale, maxScale), shrink };
}

/** `0` may be a constant that is too small for a number of JavaScript's. */
function shrinkOf(name: string, constants: readonly (number | null)[]): number {
  const factors = constants.flatMap((number) => (number === null ? [] : [Math.abs(number)]));
  if (name === '*') return Math.max(1, ...factors.map((factor) => 1 / factor));
  return name === '/' ? Math.max(1, ...factors) : 1;
}

/** What is protected is of a type in which such a step cannot overflow. */
function isWide(left: Value, right: Value): boolean {
  return [left, right].every((value) => !isTainted(value) || wide.test(value.type));
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
