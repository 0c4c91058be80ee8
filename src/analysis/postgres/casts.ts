import { isBuiltinType } from './builtin-types.js';
import { child, list, namesOf, type Body } from './ast.js';
import type { Context } from './context.js';
import { convertTo } from './functions.js';
import type { Scope } from './scope.js';
import { derive, isTainted, vague, type Value } from './value.js';

const textTypes = new Set([
  'text',
  'varchar',
  'bpchar',
  'char',
  'name',
  'unknown',
  'cstring',
  'character varying',
  'character',
]);
const numberTypes = [
  'smallint',
  'int2',
  'integer',
  'int4',
  'bigint',
  'int8',
  'real',
  'float4',
  'numeric',
  'double precision',
  'float8',
];
const identical: Readonly<Record<string, string>> = {
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  bool: 'boolean',
  timestamptz: 'timestamp with time zone',
  timestamp: 'timestamp without time zone',
  jsonb: 'jsonb',
};

/** TypeCast: a conversion to text always succeeds; one that can fail on a derived value reads it bit by bit. */
export function analyseCast(ctx: Context, body: Body, scope: Scope): Value {
  const value = ctx.expr(body['arg'], scope);
  const typeName = child(body, 'typeName') ?? {};
  const names = namesOf(list(typeName, 'names'));
  const name = names[names.length - 1] ?? '';
  const isArray = list(typeName, 'arrayBounds').length > 0;
  const called = convertTo(ctx, name, value);
  const builtin = isBuiltinType(names.at(-2) ?? '', name);
  const total = !isArray && builtin && isTotalCast(value.type, name, list(typeName, 'typmods').length > 0);
  // As it is stored, a value shows by failing no more than its own form; a chosen limit (numeric(5,0)) would show more.
  // A domain or an enumeration of somebody's fails for the values that its maker has chosen.
  // A name that somebody's table or role has converts to an OID, and what is too large for two bytes does not fit in them.
  const isChosen = /^reg|^aclitem$|^(int2|smallint)$/.test(name) || (name === 'char' && !textTypes.has(value.type));
  const plain = builtin && !value.derived && !isChosen && list(typeName, 'typmods').length === 0;
  if (isTainted(value) && !total && !plain) ctx.findings.infer(value);
  const type = isArray ? '' : (identical[name] ?? name);
  const cast = derive([value, ...called], type);
  const collated = ctx.catalog.isDomain(names.join('.')) || ctx.catalog.isDomain(name);
  if (collated) return { ...cast, collation: `${names.join('.')}${vague}`, fallible: true };
  return total || cast.fallible ? cast : { ...cast, fallible: isColumnLike(body['arg']) };
}

/** A constant converts or fails for every row alike, so that tells nothing. */
function isColumnLike(argument: unknown): boolean {
  return JSON.stringify(argument)?.startsWith('{"A_Const"') !== true;
}

function isTotalCast(from: string, to: string, hasLimit: boolean): boolean {
  if (textTypes.has(to)) return to !== 'char' || textTypes.has(from);
  if (hasLimit) return false;
  const base = from.replace(/\(.*\)/, '');
  const source = identical[base] ?? base;
  const target = identical[to] ?? to;
  if (source !== '' && source === target) return true;
  const fromRank = numberTypes.indexOf(source);
  const toRank = numberTypes.indexOf(target);
  if (fromRank >= 0 && toRank >= 0) return fromRank <= toRank;
  return (target === 'json' || target === 'jsonb') && (source === 'json' || source === 'jsonb');
}
