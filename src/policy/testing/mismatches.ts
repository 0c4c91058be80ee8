import type { Decision } from '../types.js';
import type { Expectation } from './fixture-schema.js';

/** What policy answered, in the words a test compares. */
export interface Outcome {
  readonly verdict: Decision['verdict'];
  readonly policies: readonly string[];
  /** Groups whose approval is asked for; empty unless held. */
  readonly approvals: readonly string[];
  readonly message: string;
  /** With the policies in shadow mode in force too. */
  readonly shadow: Decision['verdict'];
  readonly effects: readonly {
    readonly effect: string;
    readonly verdict: Decision['verdict'];
    readonly policies: readonly string[];
  }[];
  readonly masked: readonly string[];
}

/** Every way in which the outcome is not what was expected, in words; empty when the test passes. */
export function mismatches(expected: Expectation, outcome: Outcome): readonly string[] {
  const wrong: string[] = [];
  if (expected.verdict !== outcome.verdict) wrong.push(`expected ${expected.verdict}, got ${said(outcome)}`);
  if (expected.shadow !== undefined && expected.shadow !== outcome.shadow)
    wrong.push(`expected ${expected.shadow} in shadow mode, got ${outcome.shadow}`);
  compareSets('policies', expected.policies, outcome.policies, wrong);
  compareSets('approvals', expected.approvals, outcome.approvals, wrong);
  compareSets('masked columns', expected.masked, outcome.masked, wrong);
  if (expected.message !== undefined && !outcome.message.includes(expected.message))
    wrong.push(`expected a message with "${expected.message}", got "${outcome.message}"`);
  return wrong;
}

function said({ verdict, policies, message }: Outcome): string {
  const by = policies.length === 0 ? '' : ` by ${policies.join(', ')}`;
  return `${verdict}${by}${message === '' ? '' : `: ${message}`}`;
}

function compareSets(
  what: string,
  expected: readonly string[] | undefined,
  actual: readonly string[],
  wrong: string[],
): void {
  if (expected === undefined) return;
  const [wanted, got] = [new Set(expected), new Set(actual)];
  const missing = [...wanted].filter((item) => !got.has(item));
  const extra = [...got].filter((item) => !wanted.has(item));
  if (missing.length === 0 && extra.length === 0) return;
  const parts = [
    ...(missing.length === 0 ? [] : [`missing ${missing.join(', ')}`]),
    ...(extra.length === 0 ? [] : [`also ${extra.join(', ')}`]),
  ];
  wrong.push(`${what}: ${parts.join('; ')}`);
}
