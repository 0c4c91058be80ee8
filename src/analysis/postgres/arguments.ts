import type { RawFunction } from '../postgres-types.js';
import { bodyOf, itemsOf, list, text } from './ast.js';
import type { Context } from './context.js';
import { parseDefinition } from './definition.js';
import { Scope } from './scope.js';
import { clear, derive, unknownValue, type Field, type Value } from './value.js';

/** What a call gives, in the order in which it stands there. */
export interface Given {
  readonly values: readonly Value[];
  readonly nodes: readonly unknown[];
  /** Of each argument: the parameter that it names (`name => value`), or null. */
  readonly names: readonly (string | null)[];
  /** The last one is marked VARIADIC: an array in place of the arguments that it holds. */
  readonly isSpread: boolean;
  /** Of the first argument, where it is a member of FROM: its columns under the names of its alias. */
  readonly columns?: readonly Field[] | null;
}

/** Arguments by their places. */
export function placed(values: readonly Value[], nodes: readonly unknown[] = []): Given {
  return { values, nodes, names: values.map(() => null), isSpread: false };
}

/** FuncCall's args; `value` gives what an argument is. PostgreSQL 4.3, Calling Functions. */
export function givenBy(call: Record<string, unknown>, value: (node: unknown) => Value): Given {
  const all = list(call, 'args').map((node) => {
    const named = bodyOf(node, 'NamedArgExpr');
    return named === null ? { node, name: null } : { node: named['arg'], name: text(named, 'name') };
  });
  return {
    values: all.map(({ node }) => value(node)),
    nodes: all.map(({ node }) => node),
    names: all.map(({ name }) => name),
    isSpread: call['func_variadic'] === true,
  };
}

export const isNamed = ({ names }: Given): boolean => names.some((name) => name !== null);

/**
 * A value for each parameter of `fn`, as PostgreSQL matches them: by place, then by name, what is left of the places in the
 * array of a VARIADIC parameter, and defaults for what is not given. Where that cannot be told each may be anything given.
 */
export function bindArguments(ctx: Context, fn: RawFunction, given: Given): readonly Value[] {
  const { values, names, isSpread } = given;
  const last = fn.argTypes.length - 1;
  const bound: (Value | undefined)[] = fn.argTypes.map(() => undefined);
  const rest: Value[] = [];
  for (const [index, value] of values.entries()) {
    const name = names[index] ?? null;
    const place = name === null ? index : (fn.argNames ?? []).indexOf(name);
    if (fn.variadic === true && !isSpread && name === null && place >= last) rest.push(value);
    else if (place < 0 || place > last || bound[place] !== undefined) {
      const any = derive(values);
      return fn.argTypes.map(() => any);
    } else bound[place] = value;
  }
  if (rest.length > 0) bound[last] = derive(rest);
  const absent = bound.flatMap((value, index) => (value === undefined ? [index] : []));
  // None of the arguments that a VARIADIC parameter takes is an empty array.
  const isOnlyRest = fn.variadic === true && absent.every((index) => index === last);
  const defaults = absent.length === 0 || isOnlyRest ? [] : defaultsOf(ctx, fn);
  return bound.map((value, index) => {
    const whole = value ?? (isOnlyRest ? clear : (defaults[index] ?? unknownDefault(ctx)));
    return ofType(ctx, fn.argTypes[index] ?? '', whole);
  });
}

/** A row that becomes one of a named type is named as that names its columns. */
function ofType(ctx: Context, type: string, value: Value): Value {
  const named = value.row === null ? null : ctx.catalog.rowType(type);
  if (value.row === null || named === null) return value;
  const isWhole = value.row.length === named.fields.length;
  const row = value.row.map((field, index) => ({ ...field, name: named.fields[index]?.name ?? '' }));
  return { ...value, row: isWhole ? row : null };
}

/** By parameter. What they call is an effect of the call that leaves them out. */
function defaultsOf(ctx: Context, fn: RawFunction): readonly (Value | undefined)[] {
  const label = `defaults of ${fn.oid}`;
  const count = fn.argTypes.length - (fn.minArgs ?? fn.argTypes.length);
  if (fn.defaults == null || count === 0 || ctx.calls.includes(label)) return [];
  const select = bodyOf(parseDefinition(ctx.parse, `SELECT ${fn.defaults}`), 'SelectStmt');
  const nodes = list(select ?? {}, 'targetList').flatMap(itemsOf);
  if (nodes.length !== count) return [];
  const inner = ctx.nested(ctx.findings, label);
  const values = nodes.map((node) => inner.expr((bodyOf(node, 'ResTarget') ?? {})['val'], new Scope(null, [])));
  return [...fn.argTypes.slice(count).map(() => undefined), ...values];
}

function unknownDefault(ctx: Context): Value {
  ctx.findings.touchesProtected ||= ctx.catalog.isClassified;
  return ctx.catalog.isClassified ? unknownValue : { ...clear, fallible: true };
}
