import { describeEffect } from '../analysis/effects.js';
import type { Explanation } from '../sessions/engine.js';
import type { ExplainDocument } from './schemas/policy.js';

/** An explanation as the API shows it. */
export function viewExplanation(explanation: Explanation, policyVersion: string): ExplainDocument {
  const { decision, effects, maskedColumns } = explanation;
  return {
    schema: 'sluice.explain/v1',
    ok: true,
    verdict: decision.verdict,
    message: decision.verdict === 'allow' ? '' : decision.message,
    effects: effects.map((one) => ({
      action: one.effect.action,
      resource: describeEffect(one.effect).slice(`${one.effect.action} on `.length),
      facts: { ...one.effect.facts, arguments: [...one.effect.facts.arguments], paths: [...one.effect.facts.paths] },
      verdict: one.decision.verdict,
      policies: [...one.decision.policies],
    })),
    policies: [...decision.policies],
    masked_columns: [...maskedColumns],
    policy_version: policyVersion,
  };
}
