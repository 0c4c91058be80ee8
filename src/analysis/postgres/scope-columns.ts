import { stringOf } from './ast.js';
import type { Scope } from './scope.js';
import type { Value } from './value.js';

/** The columns that a list of String nodes names. */
export function columnOf(scope: Scope, nodes: readonly unknown[]): readonly Value[] {
  return nodes.map((node) => scope.column(stringOf(node))).filter((value) => value !== null);
}
