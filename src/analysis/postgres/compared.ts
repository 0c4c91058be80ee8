import type { Context } from './context.js';
import { callUser } from './functions.js';
import type { ImplicitFunction } from './implicit-calls.js';
import { clear, isTainted } from './value.js';

/**
 * ORDER BY, DISTINCT, GROUP BY, joins, set operations, aggregates and every comparison of rows or arrays call the
 * functions of their types' operator classes, and a relation's indexes and partitions those that they are kept by.
 * PostgreSQL 38.16.
 */
export function judgeCompared(ctx: Context): void {
  const { compared } = ctx.findings;
  const done = new Set<string>();
  // What these functions compare in turn is added while they are judged.
  for (const one of compared) {
    for (const { functionSchema, functionName } of callsFor(ctx, one)) {
      const name = JSON.stringify([functionSchema, functionName]);
      if (done.has(name)) continue;
      done.add(name);
      judge(ctx, functionSchema, functionName);
    }
  }
}

function callsFor({ catalog }: Context, one: string | number): readonly ImplicitFunction[] {
  const { implicit } = catalog;
  if (typeof one === 'string') return implicit.comparisonsOf(one);
  return implicit.keepsAny ? catalog.family(one).flatMap((oid) => implicit.keeping(oid)) : [];
}

/** What it says decides on the order, the groups and the rows. */
function judge(ctx: Context, schema: string, name: string): void {
  for (const fn of ctx.catalog.functions(schema, name, -1).user) {
    const { value } = callUser(
      ctx,
      fn,
      fn.argTypes.map(() => clear),
    );
    if (isTainted(value)) ctx.findings.infer(value);
  }
}
