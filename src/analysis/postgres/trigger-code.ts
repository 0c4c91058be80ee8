import type { RawFunction } from '../postgres-types.js';
import type { Context } from './context.js';
import type { Value } from './value.js';

/** Sets columns to the time or a random name, and no more. */
const stamp =
  /^\s*begin\s+(new\.\w+\s*:?=\s*(now\(\)|current_timestamp|clock_timestamp\(\)|statement_timestamp\(\)|gen_random_uuid\(\))\s*;\s*)*return\s+new\s*;\s*end\s*;?\s*$/i;

/** Code that only puts a time into the row. */
export const isStamp = (body: string | null): boolean => body !== null && stamp.test(body);

/**
 * A trigger's code runs with whatever somebody writes, may read anything there, and put it in the row or say it by failing: a
 * definition of its own kind of what defaults and checks are, which infer what they read.
 */
export function inferTriggerCode(ctx: Context, schema: string, name: string): void {
  const { user } = ctx.catalog.functions(schema, name, -1);
  if (user.some((fn) => fn.extension !== true && !isStamp(fn.body))) ctx.findings.inferAll();
}

/** A view, or a function under another name, that such code may come to read. */
export function inferForTriggers(ctx: Context, name: string, values: readonly Value[] | null): void {
  if (!ctx.catalog.isClassified || !isRunByTriggers(ctx, name)) return;
  if (values === null) ctx.findings.inferAll();
  else for (const value of values) ctx.findings.infer(value);
}

/** Says whether a trigger runs a function of this name, by itself or because a function's text has the word. */
export function isRunByTriggers({ catalog }: Context, name: string): boolean {
  const pending: RawFunction[] = [...catalog.eventTriggers, ...catalog.triggers].flatMap(
    ({ functionSchema, functionName }) => catalog.functions(functionSchema, functionName, -1).user,
  );
  const seen = new Set(pending);
  for (const fn of pending) {
    if (fn.name === name) return true;
    const words = (fn.extension === true ? null : fn.body?.match(/[\p{L}_][\p{L}\p{N}_$]*/gu)) ?? [];
    // As it is where it stands in quotes, folded where it does not.
    const names = new Set(words.flatMap((word) => [word, word.toLowerCase()]));
    if (names.has(name)) return true;
    for (const called of names)
      for (const next of catalog.functions('', called, -1).user) {
        if (seen.has(next)) continue;
        seen.add(next);
        pending.push(next);
      }
  }
  return false;
}
