import type { RawFunction } from '../postgres-types.js';
import { bindArguments, givenBy, isNamed, placed, type Given } from './arguments.js';
import { bodyOf, child, constantOf, flag, list, namesOf, tagged, type Body } from './ast.js';
import { dangerous, harmlessVolatile, makesAnyType, resultType, runsSql, unknownResult } from './builtin-functions.js';
import { isBuiltinType } from './builtin-types.js';
import { asRead } from './catalog-rows.js';
import type { Context } from './context.js';
import { rowsOfType, unite, type CallResult } from './function-results.js';
import { makesJson, mayBeOwnType } from './json-makers.js';
import { literalsOfCall, noteArguments } from './literals.js';
import { absentLine, functionLine } from './object-line.js';
import type { Scope } from './scope.js';
import { memberOf } from './scope-columns.js';
import { setConfig } from './set-config.js';
import { canFail, mayTake } from './totality.js';
import { readSqlFunction } from './sql-functions.js';
import { baseName } from './type-match.js';
import {
  calledValue,
  clear,
  derive,
  isTainted,
  unknownValue,
  type Field,
  type Literals,
  type Rows,
  type Value,
} from './value.js';

/** FuncCall: arguments, aggregate and window clauses, and everything the called function may be. */
export function analyseCall(ctx: Context, call: Body, scope: Scope): CallResult {
  const names = namesOf(list(call, 'funcname'));
  const name = names[names.length - 1] ?? '';
  const schema = names.length > 1 ? (names[names.length - 2] ?? '') : '';
  const given: Given = {
    ...givenBy(call, (node) => ctx.expr(node, scope)),
    columns: memberOf(scope, list(call, 'args')[0])?.fields ?? null,
  };
  const { values } = given;
  const ordered = list(call, 'agg_order').map((item) => ctx.expr(bodyOf(item, 'SortBy')?.['node'], scope));
  const within = flag(call, 'agg_within_group');
  if (!within) ordered.forEach((value) => ctx.findings.infer(value));
  if (flag(call, 'agg_distinct')) values.forEach((value) => ctx.findings.infer(value));
  if (call['agg_filter'] !== undefined) ctx.findings.infer(ctx.expr(call['agg_filter'], scope));
  const over = child(call, 'over');
  if (over !== null) analyseWindow(ctx, over, scope);
  noteArguments(ctx, name, values);
  const result = resolveCall(ctx, schema, name, within ? placed([...values, ...ordered], given.nodes) : given);
  const input = derive(values);
  return { ...withLiterals(result, literalsOfCall(name, values)), input };
}

/** What a call gives is made of the constants it was given, whatever else is known of it. */
function withLiterals(result: CallResult, literals: Literals | null): CallResult {
  if (literals === null && result.value.literals === null) return result;
  const rows = result.rows && {
    ...result.rows,
    fields: result.rows.fields.map((field) => ({ ...field, value: { ...field.value, literals } })),
  };
  return { value: { ...result.value, literals }, rows };
}

/** OVER and WINDOW: rows are grouped and ordered by these, which shows them. */
export function analyseWindow(ctx: Context, window: Body, scope: Scope): void {
  for (const node of list(window, 'partitionClause')) ctx.findings.infer(ctx.expr(node, scope));
  for (const node of list(window, 'orderClause')) ctx.findings.infer(ctx.expr(bodyOf(node, 'SortBy')?.['node'], scope));
  for (const key of ['startOffset', 'endOffset']) {
    if (window[key] !== undefined) ctx.findings.infer(ctx.expr(window[key], scope));
  }
}

/** What `schema.name(values)` may be: a builtin, any user overload, or a column in function notation. */
export function resolveCall(ctx: Context, schema: string, name: string, given: Given): CallResult {
  const { values } = given;
  const candidates = ctx.catalog.functions(schema, name, values.length);
  const results: CallResult[] = [];
  const row = given.columns ?? values[0]?.row;
  const column = schema === '' && values.length === 1 ? row?.find((field) => field.name === name) : undefined;
  if (column !== undefined) results.push({ value: column.value, rows: null });
  if (candidates.builtin.length > 0) results.push(callBuiltin(ctx, name, candidates.builtin, given));
  for (const fn of candidates.user) results.push(callUser(ctx, fn, bindArguments(ctx, fn, given)));
  const [first, ...rest] = results;
  if (first === undefined) return callMissing(ctx, schema, name, values);
  return rest.reduce((all, next) => unite(all, next), first);
}

function callBuiltin(ctx: Context, name: string, overloads: readonly RawFunction[], given: Given): CallResult {
  const { nodes } = given;
  const values = asRead(ctx, name, given.values);
  const call = { name, values, nodes };
  // What is known of the server's own is known by place.
  const byName = isNamed(given);
  const isVolatile = overloads.some((fn) => fn.volatility === 'v');
  const volatility = isVolatile ? 'volatile' : overloads.some((fn) => fn.volatility === 's') ? 'stable' : 'immutable';
  if (name === 'set_config' && byName) ctx.findings.addGlobal('unknown', name);
  else if (name === 'set_config') setConfig(ctx, nodes, values);
  else if (dangerous.has(name) || (isVolatile && !harmlessVolatile.has(name))) {
    ctx.findings.add('callFunction', 'Function', [overloads[0]?.schema ?? 'pg_catalog', name], {
      source: 'builtin',
      volatility,
    });
  }
  if (runsSql.has(name)) ctx.findings.touchesProtected ||= ctx.catalog.isClassified;
  const returnsSet = overloads.some((fn) => fn.returnsSet);
  // json_populate_record(row, …) makes a row of the first argument's type.
  if (name.includes('_populate_record')) convertTo(ctx, values[0]?.type ?? '', null);
  if (makesAnyType.has(name)) convertToNamed(ctx, nodes[1]);
  values.forEach((value, index) => {
    if (isTainted(value) && (byName || returnsSet || !mayTake(call, index))) ctx.findings.infer(value);
  });
  for (const argument of values) ctx.findings.noteCompared(argument);
  const cast = values.filter((_, index) => bodyOf(nodes[index], 'A_Const') === null);
  const called = [...castImplicitly(ctx, cast), ...(makesJson(name) ? castToJson(ctx, values) : [])];
  const value = withCalled(builtinValue(ctx, call), called);
  // What unnest gives are the elements, rows among them, or what a tsvector holds.
  const outNames = name === 'unnest' ? [] : (overloads.find((fn) => fn.outNames.length > 0)?.outNames ?? []);
  const rows =
    outNames.length === 0 ? null : { fields: outNames.map((out): Field => ({ name: out, value })), open: false };
  return {
    value: rows === null ? value : { ...value, row: rows.fields },
    rows: name === 'unnest' && values.length > 1 ? unnestRows(values) : rows,
  };
}

function builtinValue(
  ctx: Context,
  call: { name: string; values: readonly Value[]; nodes: readonly unknown[] },
): Value {
  const { name, values } = call;
  if (unknownResult.has(name)) return ctx.catalog.isClassified ? unknownValue : { ...derive(values), fallible: true };
  const value = derive(values, resultType(name, values[0]?.type ?? ''));
  return value.fallible || !canFail(call) ? value : { ...value, fallible: true };
}

function unnestRows(values: readonly Value[]): Rows {
  return { fields: values.map((value) => ({ name: 'unnest', value: derive([value]) })), open: false };
}

const volatilities = { i: 'immutable', s: 'stable', v: 'volatile' } as const;

export function callUser(ctx: Context, fn: RawFunction, values: readonly Value[]): CallResult {
  const { value, rows } = userResult(ctx, fn, values);
  const fields = rows?.fields.map((field) => ({ ...field, value: calledValue(field.value) }));
  const type = fn.returnType.replace(/^SETOF /i, '');
  // A value of somebody's own type goes where that is cast or compared by functions.
  const typed =
    value.type !== '' || /^any|^record$/.test(type) || isBuiltinType('', baseName(type)) ? value : { ...value, type };
  return { value: calledValue(typed), rows: rows && { ...rows, fields: fields ?? [] } };
}

function userResult(ctx: Context, fn: RawFunction, values: readonly Value[]): CallResult {
  ctx.findings.objects.add(functionLine(fn));
  const isExtension = fn.extension === true;
  // An aggregate is declared immutable whatever its transition function does.
  const volatility = fn.kind === 'a' && !isExtension ? 'volatile' : volatilities[fn.volatility];
  ctx.findings.add(fn.kind === 'p' ? 'callProcedure' : 'callFunction', 'Function', [fn.schema, fn.name], {
    source: 'user',
    volatility,
  });
  if (ctx.catalog.implicit.hasTypeCalls && !ctx.calls.includes(conversion)) convertArguments(ctx, fn, values);
  const read = fn.language === 'sql' && fn.body !== null ? readSqlFunction(ctx, fn, values) : null;
  if (read !== null && fn.volatility !== 'v' && !fn.returnsSet) {
    inferChecked(ctx, fn, values, read.value);
    return rowsOfType(ctx, fn, fn.strict === true ? ofStrict(ctx, values, read) : read);
  }
  for (const value of values) if (isTainted(value)) ctx.findings.infer(value);
  if (read !== null) return rowsOfType(ctx, fn, read);
  if (isExtension && fn.volatility === 'i' && (fn.language === 'c' || fn.language === 'internal')) {
    return rowsOfType(ctx, fn, { value: { ...derive(values), fallible: true }, rows: null });
  }
  if (ctx.catalog.protectedColumns.length === 0)
    return rowsOfType(ctx, fn, { value: { ...clear, fallible: true }, rows: null });
  ctx.findings.touchesProtected = true;
  return rowsOfType(ctx, fn, { value: unknownValue, rows: null });
}

/** Null where an argument is, whatever it is computed from; then the body does not run, which shows if it can fail. */
function ofStrict(ctx: Context, values: readonly Value[], read: CallResult): CallResult {
  for (const value of values) if (value.derived) ctx.findings.infer(value);
  if (!values.some(isTainted)) return read;
  const rows = read.rows && {
    ...read.rows,
    fields: read.rows.fields.map((field) => ({ ...field, value: derive([field.value, ...values], field.value.type) })),
  };
  return { value: { ...derive([read.value, ...values], read.value.type), fallible: true }, rows };
}

/** What a domain's checks say to an argument or the result shows in whether the call fails. */
function inferChecked(ctx: Context, fn: RawFunction, values: readonly Value[], result: Value): void {
  values.forEach((value, index) => {
    if (isTainted(value) && ctx.catalog.isDomain(fn.argTypes[index] ?? '')) ctx.findings.infer(value);
  });
  if (isTainted(result) && ctx.catalog.isDomain(fn.returnType)) ctx.findings.infer(result);
}

/** Marks the reading of a conversion, so that a check that takes its own domain comes to an end. */
const conversion = 'conversion';

function convertArguments(ctx: Context, fn: RawFunction, values: readonly Value[]): void {
  const inner = ctx.nested(ctx.findings, conversion);
  fn.argTypes.forEach((type, index) => convertTo(inner, type, values[index] ?? clear));
  convertTo(inner, fn.returnType.replace(/^SETOF /i, ''), clear);
}

/** Not in the catalog: created since it was read, or a mistake. Nothing is known of it. */
function callMissing(ctx: Context, schema: string, name: string, values: readonly Value[]): CallResult {
  const where = schema === '' ? ctx.catalog.creationSchema : schema;
  ctx.findings.missing.add(`${where}.${name}()`);
  ctx.findings.objects.add(absentLine('function', where, name));
  ctx.findings.add('callFunction', 'Function', [where, name], { source: 'unknown', volatility: 'unknown' });
  for (const value of values) if (isTainted(value)) ctx.findings.infer(value);
  if (!ctx.catalog.isClassified) return { value: { ...clear, fallible: true }, rows: { fields: [], open: true } };
  ctx.findings.touchesProtected = true;
  return { value: unknownValue, rows: { fields: [], open: true } };
}

/** A call that a definition stores (a default, a check, a rule): its effect, whatever its arguments will be. */
export function noteStoredCall(ctx: Context, call: Body): void {
  const names = namesOf(list(call, 'funcname'));
  const name = names[names.length - 1] ?? '';
  const { builtin, user } = ctx.catalog.functions(names.length > 1 ? (names[names.length - 2] ?? '') : '', name, -1);
  if (builtin.length > 0) callBuiltin(ctx, name, builtin, placed([]));
  for (const fn of user) {
    ctx.findings.objects.add(functionLine(fn));
    ctx.findings.add('callFunction', 'Function', [fn.schema, fn.name], {
      source: 'user',
      volatility: volatilities[fn.volatility],
    });
  }
  if (builtin.length + user.length === 0) callMissing(ctx, names.length > 1 ? (names[0] ?? '') : '', name, []);
}

/** A column reference that is no column may call a function: `o.wipe` is `wipe(o)`. PostgreSQL 4.2.6. */
export function attributeCall(ctx: Context, name: string, row: Value): Value | null {
  const { builtin, user } = ctx.catalog.functions('', name, 1);
  if (builtin.length === 0 && user.length === 0) return null;
  return resolveCall(ctx, '', name, placed([row])).value;
}

/** A value becomes one of this type: what its domain's checks and user-defined casts call. Null: see `typeCalls`. */
export function convertTo(ctx: Context, type: string, value: Value | null): readonly Value[] {
  const calls = ctx.catalog.implicit.typeCalls(type, value);
  return calls.map((call) => implicitCall(ctx, call.functionSchema, call.functionName, [value ?? clear]));
}

/** What the casts do to arguments and operands that the server applies to them of its own accord. PostgreSQL 10.2, 10.3. */
export function castImplicitly(ctx: Context, values: readonly Value[]): readonly Value[] {
  return values.flatMap((value) =>
    ctx.catalog.implicit.casts(value).map((call) => implicitCall(ctx, call.functionSchema, call.functionName, [value])),
  );
}

/** The server's JSON functions call the casts to json of the types that people have made. PostgreSQL, to_json. */
export function castToJson(ctx: Context, values: readonly Value[]): readonly Value[] {
  // What they hold may be of any of those types.
  return values.filter(mayBeOwnType).flatMap((value) => convertTo(ctx, 'json', { ...value, type: '' }));
}

/** The same value, of which a part was given by calls. */
export function withCalled(value: Value, called: readonly Value[]): Value {
  return called.length === 0 ? value : derive([value, ...called], value.type);
}

/** A value becomes one of a type that is named by a value, so that it may be any of those that call functions. */
function convertToNamed(ctx: Context, node: unknown): void {
  const name = constantOf(node);
  const plain = typeof name === 'string' ? name.replace(/\(.*\)|(\[\])+$/g, '').trim() : '';
  if (isBuiltinType('', plain)) return;
  for (const { functionSchema, functionName } of ctx.catalog.implicit.everyTypeCall())
    implicitCall(ctx, functionSchema, functionName, [clear]);
}

/** A function behind an operator, a cast or a domain. */
export function implicitCall(ctx: Context, schema: string, name: string, values: readonly Value[]): Value {
  return resolveCall(ctx, schema, name, placed(values)).value;
}

/** Says whether a node in FROM is a plain call. */
export function callIn(node: unknown): Body | null {
  const found = tagged(node);
  return found?.tag === 'FuncCall' ? found.body : null;
}
