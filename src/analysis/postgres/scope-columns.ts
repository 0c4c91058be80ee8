import { bodyOf, list, namesOf, stringOf, tagged } from './ast.js';
import type { Scope, Source } from './scope.js';
import type { Value } from './value.js';

/** The columns that a list of String nodes names. */
export function columnOf(scope: Scope, nodes: readonly unknown[]): readonly Value[] {
  return nodes.map((node) => scope.column(stringOf(node))).filter((value) => value !== null);
}

/**
 * The member of FROM whose whole row `t` or `t.*` is, written just there: what is taken from it then goes by the names of
 * its alias, and by those of its type as soon as the row has come through anything. PostgreSQL, ParseComplexProjection.
 */
export function memberOf(scope: Scope, node: unknown): Source | null {
  const fields = list(bodyOf(node, 'ColumnRef') ?? {}, 'fields');
  const isStar = tagged(fields.at(-1))?.tag === 'A_Star';
  const [name = '', ...more] = namesOf(isStar ? fields.slice(0, -1) : fields);
  if (name === '' || more.length > 0 || (!isStar && scope.column(name) !== null)) return null;
  return scope.source(name, null);
}
