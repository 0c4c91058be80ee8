import type { Effect } from '../analysis/effects.js';
import type { CompiledPolicies } from './decide.js';
import type { Decision, DecisionQuery } from './types.js';
import type { EffectJudgement } from './verdicts.js';

/** Why a decision is as it is: every effect with every policy that determined its verdict. */
export interface PolicyExplanation {
  readonly decision: Decision;
  readonly effects: readonly ExplainedEffect[];
  readonly policyVersion: string;
}

export interface ExplainedEffect {
  readonly effect: Effect;
  readonly verdict: 'allow' | 'hold' | 'deny';
  /** Permits of an allowed effect, forbids of a refused one; empty when no policy permits it. */
  readonly policies: readonly ExplainedPolicy[];
  /** Why it is refused; '' when allowed. */
  readonly message: string;
}

export interface ExplainedPolicy {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly message: string | null;
  readonly approvals: readonly { readonly group: string; readonly count: number }[];
  /** Where the policy stands in the bundle. */
  readonly file: string;
  /** Where it begins in the file, in UTF-16 units. */
  readonly offset: number;
}

/** Judges a query effect by effect, uncached and unrecorded. Never throws. */
export function explain(query: DecisionQuery, policies: CompiledPolicies): PolicyExplanation {
  const { decision, judgements } = policies.judge(query);
  return { decision, effects: judgements.map(explainEffect), policyVersion: policies.version };
}

function explainEffect({ effect, outcome, policies, message }: EffectJudgement): ExplainedEffect {
  return {
    effect,
    verdict: outcome === 'fault' ? 'deny' : outcome,
    policies: policies.map((policy) => ({
      id: policy.id,
      effect: policy.effect,
      message: policy.message,
      approvals: policy.approvals,
      file: policy.source.file,
      offset: policy.source.offset,
    })),
    message,
  };
}
