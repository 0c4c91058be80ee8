import type { Policy } from '../policies.js';

/** Which policies determined the verdict of at least one effect in the tests. */
export interface Coverage {
  readonly policies: number;
  readonly covered: number;
  readonly uncovered: readonly { readonly id: string; readonly file: string; readonly line: number }[];
}

/** A policy that never determined anything could be deleted without a test noticing. */
export function coverageOf(
  policies: readonly Policy[],
  used: ReadonlySet<string>,
  lineOf: (policy: Policy) => number,
): Coverage {
  const uncovered = policies
    .filter(({ id }) => !used.has(id))
    .map((policy) => ({ id: policy.id, file: policy.source.file, line: lineOf(policy) }));
  return { policies: policies.length, covered: policies.length - uncovered.length, uncovered };
}
