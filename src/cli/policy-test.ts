import type { Output } from './output.js';
import { plain } from './plain.js';

/** `sluice.policy_test/v1`: every test with what was answered, and which policies no test speaks of. */
export interface PolicyTestDocument {
  readonly schema: 'sluice.policy_test/v1';
  readonly ok: true;
  readonly passed: number;
  readonly failed: number;
  readonly tests: readonly {
    readonly file: string;
    readonly line: number;
    readonly name: string;
    readonly passed: boolean;
    readonly mismatches: readonly string[];
    readonly verdict: string;
    readonly policies: readonly string[];
    readonly message: string;
    readonly effects: readonly {
      readonly effect: string;
      readonly verdict: string;
      readonly policies: readonly string[];
    }[];
    readonly masked_columns: readonly string[];
  }[];
  readonly coverage: {
    readonly policies: number;
    readonly covered: number;
    readonly uncovered: readonly { readonly id: string; readonly file: string; readonly line: number }[];
  };
}

/** Failures with all that policy said, then one line of totals and what no test speaks of. */
export function policyTestText({ tests, passed, failed, coverage }: PolicyTestDocument, out: Output): string {
  const failures = tests
    .filter((test) => !test.passed)
    .flatMap((test) => [
      `${out.paint('red', '✗')} ${plain(`${test.file}:${test.line}: ${test.name}`)}`,
      ...test.mismatches.map((mismatch) => `    ${plain(mismatch)}`),
      ...test.effects.map(({ effect, verdict, policies }) =>
        plain(`      ${verdict.padEnd(5)}  ${effect}   [${policies.join(', ') || 'no policy permits it'}]`),
      ),
    ]);
  const mark = failed === 0 && tests.length > 0 ? out.paint('green', '✓') : out.paint('red', '✗');
  const untested = coverage.uncovered.map(({ id, file, line }) => `  no test: ${plain(`${id}   ${file}:${line}`)}`);
  return [
    ...failures,
    `${mark} ${passed} passed, ${failed} failed; ${coverage.covered} of ${coverage.policies} policies covered`,
    ...untested,
  ].join('\n');
}

/** Nothing has failed, and nothing was shown either: in CI that is mostly a wrong folder or filter. */
export function noTestRan(filter: string | undefined): string {
  return filter === undefined
    ? 'No test ran: there is none in policies/*.test.yaml of this folder. What they look like: docs/policy.md.'
    : `No test ran: neither a name nor a file contains ${JSON.stringify(filter)}.`;
}

/** How much of the policies the tests cover, in whole per cent, rounded down. */
export function coveragePercent({ coverage }: PolicyTestDocument): number {
  return coverage.policies === 0 ? 100 : Math.floor((100 * coverage.covered) / coverage.policies);
}
