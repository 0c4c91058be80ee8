import type { Context } from './context.js';
import { noteComputed } from './copies.js';
import type { NamedObject } from './object-types.js';

/** What a function's text may name beside relations and functions, or call without naming it. */
const unnamed: ReadonlySet<string> = new Set(
  'operator,cast,type,domain,opclass,opfamily,schema,foreign schema,extension'.split(','),
);

/**
 * Something comes to be, goes, or means another thing under its name. Rows of materialized views, generated columns and
 * defaults were computed by what it meant until now, which is all that says what they hold.
 */
export function keepComputed(
  ctx: Context,
  { type, path, object }: Pick<NamedObject, 'type' | 'path' | 'object'>,
): void {
  if (!ctx.catalog.isClassified) return;
  const isNamed = type === 'Table' || type === 'Function';
  if (!isNamed && !unnamed.has(object)) return;
  for (const relation of ctx.catalog.computedBy(isNamed ? (path.at(-1) ?? '') : null))
    noteComputed(ctx, relation, null);
}
