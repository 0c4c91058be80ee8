import { isBuiltinType } from './builtin-types.js';
import { bodyOf, child, list, namesOf, tagged, text, type Body } from './ast.js';
import type { Context } from './context.js';
import type { RawFunction } from '../postgres-types.js';
import type { Scope } from './scope.js';
import { clear, derive, type Field, type Rows, type Value } from './value.js';

/*
 * What stands in FROM has one column if it gives a scalar and many if it gives a row: how many there are decides which
 * column has which name behind `AS t(a, b)`. Where that is not known, the rows are open.
 */

/** The server's own functions whose result is as its argument is, so that it may be a row. */
const givesWhatItTakes = new Set(['unnest', 'lower', 'upper']);
const populates = /^jsonb?_populate_record(set)?$/;
/** Their arrays are of texts. */
const textArrays = new Set(
  'string_to_array regexp_split_to_array regexp_match regexp_matches current_schemas'.split(' '),
);
/** Their arrays are of what they are given. */
const sameArrays = new Set('array_agg array_append array_prepend array_cat array_remove array_replace'.split(' '));

/** The columns of a member of FROM that is not known to have others than one, called `name`. */
export function columnsOf(
  ctx: Context,
  node: unknown,
  { name, value, scope }: { readonly name: string; readonly value: Value; readonly scope: Scope },
): Rows {
  const row = populatedRow(ctx, node);
  if (row !== null) {
    const fields = row.map((field) => ({ name: field.name, value: derive([value]) }));
    return { fields, open: false, isTyped: true };
  }
  if (name !== '' && isScalarMember(ctx, node, scope)) return { fields: [{ name, value }], open: false };
  // If it is a row, its name is none of a column, and means what it means further out.
  const outer = scope.parent?.column(name) ?? clear;
  return { fields: [{ name, value: derive([value, outer]) }], open: true };
}

/** json_populate_record(null::t, …) has the columns of t. */
function populatedRow(ctx: Context, node: unknown): readonly Field[] | null {
  const call = bodyOf(node, 'FuncCall');
  const name = namesOf(list(call ?? {}, 'funcname')).at(-1) ?? '';
  if (call === null || !populates.test(name) || hasOthers(ctx, call)) return null;
  const cast = bodyOf(list(call, 'args')[0], 'TypeCast');
  const type = child(cast ?? {}, 'typeName') ?? {};
  const names = namesOf(list(type, 'names'));
  if (list(type, 'arrayBounds').length > 0) return null;
  return ctx.catalog.relation(names.at(-2) ?? '', names.at(-1) ?? '')?.fields ?? null;
}

/** Says whether a call or another expression in FROM surely gives one column, or `unnest` one for each argument. */
export function isScalarMember(ctx: Context, node: unknown, scope: Scope): boolean {
  const call = bodyOf(node, 'FuncCall');
  if (call === null) return isScalar(ctx, node, scope);
  const names = namesOf(list(call, 'funcname'));
  const name = names.at(-1) ?? '';
  const { builtin, user } = ctx.catalog.functions(names.at(-2) ?? '', name, list(call, 'args').length);
  if (!user.every((fn) => givesScalar(ctx, fn))) return false;
  if (builtin.length === 0) return user.length > 0;
  if (populates.test(name)) return false;
  if (!givesWhatItTakes.has(name)) return true;
  return list(call, 'args').every((argument) => isScalar(ctx, argument, scope));
}

/** Says whether the result of a function is surely no row. */
export const givesScalar = (ctx: Context, { returnType }: RawFunction): boolean => {
  const type = returnType.replace(/^SETOF /i, '');
  return type.endsWith('[]') || type === 'void' || isScalarType(ctx, type);
};

/** A type as format_type names it, an array being of such; the catalog knows all but enumerations. */
function isScalarType(ctx: Context, type: string): boolean {
  const element = type.replace(/(\[\])+$/, '').replace(/\(.*\)/, '');
  if (element === '' || element === 'record' || element === 'unknown') return false;
  const oid = ctx.catalog.typeOid(element);
  return isBuiltinType('', element) || (oid > 0 && oid < firstUserOid);
}
/** FirstNormalObjectId, transam.h. */
const firstUserOid = 16_384;

/** Says whether an expression is surely no row and no array of rows. */
function isScalar(ctx: Context, node: unknown, scope: Scope): boolean {
  const found = tagged(node);
  const body = found?.body ?? {};
  const every = (nodes: readonly unknown[]): boolean => nodes.every((inner) => isScalar(ctx, inner, scope));
  switch (found?.tag) {
    case 'A_Const':
    case 'SQLValueFunction':
    case 'NullTest':
    case 'BooleanTest':
      return true;
    case 'TypeCast':
      return isScalarName(ctx, namesOf(list(child(body, 'typeName') ?? {}, 'names')));
    case 'A_ArrayExpr':
      return every(list(body, 'elements'));
    case 'CoalesceExpr':
    case 'MinMaxExpr':
      return every(list(body, 'args'));
    case 'NamedArgExpr':
    case 'CollateClause':
      return isScalar(ctx, body['arg'], scope);
    case 'A_Expr':
      return text(body, 'kind') !== 'AEXPR_NULLIF' && body['lexpr'] === undefined
        ? isScalar(ctx, body['rexpr'], scope)
        : every([body['lexpr'], body['rexpr']]);
    case 'FuncCall':
      return isScalarCall(ctx, body, every);
    case 'ColumnRef':
    case 'SubLink':
      return isScalarType(ctx, ctx.expr(node, scope).type);
    default:
      return false;
  }
}

function isScalarName(ctx: Context, names: readonly string[]): boolean {
  const name = names.at(-1) ?? '';
  if (name === 'record') return false;
  // An object of somebody's own may have a name of the server's.
  if (ctx.catalog.relation(names.at(-2) ?? '', name) !== null) return false;
  return isBuiltinType(names.at(-2) ?? '', name) || isScalarType(ctx, name);
}

function isScalarCall(ctx: Context, call: Body, every: (nodes: readonly unknown[]) => boolean): boolean {
  const name = namesOf(list(call, 'funcname')).at(-1) ?? '';
  if (hasOthers(ctx, call)) return false;
  return textArrays.has(name) || (sameArrays.has(name) && every(list(call, 'args')));
}

/** A function of somebody's has this name too. */
function hasOthers(ctx: Context, call: Body): boolean {
  const names = namesOf(list(call, 'funcname'));
  const { builtin, user } = ctx.catalog.functions(names.at(-2) ?? '', names.at(-1) ?? '', list(call, 'args').length);
  return builtin.length === 0 || user.length > 0;
}
