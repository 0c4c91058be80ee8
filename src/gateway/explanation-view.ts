import { describeEffect, type Effect } from '../analysis/effects.js';
import { alternativesTo } from '../policy/alternatives.js';
import { explain } from '../policy/explain.js';
import { placeAt } from '../policy/problems.js';
import type { DecisionQuery } from '../policy/types.js';
import type { Configuration } from './configuration.js';
import type { ExplainDocument } from './schemas/policy.js';

/** Why the policies in force decide an operation as they do, and what would change it, as the API shows it. */
export function viewExplanation(
  query: DecisionQuery,
  configuration: Configuration,
  maskedColumns: readonly string[],
): ExplainDocument {
  const { policies, files, groups } = configuration;
  const { decision, effects, policyVersion } = explain(query, policies);
  const lineOf = ({ file, offset }: { readonly file: string; readonly offset: number }): number =>
    placeAt(files.get(file) ?? '', offset).line;
  return {
    schema: 'sluice.explain/v1',
    ok: true,
    verdict: decision.verdict,
    message: decision.verdict === 'allow' ? '' : decision.message,
    effects: effects.map((one) => ({
      action: one.effect.action,
      resource: resourceOf(one.effect),
      facts: { ...one.effect.facts, arguments: [...one.effect.facts.arguments], paths: [...one.effect.facts.paths] },
      verdict: one.verdict,
      message: one.message,
      policies: one.policies.map(({ id }) => id),
      determining: one.policies.map(({ id, effect, message, approvals, file, offset }) => ({
        id,
        effect,
        message,
        approvals: approvals.map(({ group, count }) => ({ group, count })),
        file,
        line: lineOf({ file, offset }),
      })),
    })),
    policies: [...decision.policies],
    changes: alternativesTo(query, policies, groups).map((alternative) => ({ ...alternative })),
    masked_columns: [...maskedColumns],
    policy_version: policyVersion,
    recorded: null,
  };
}

function resourceOf(effect: Effect): string {
  return describeEffect(effect).slice(`${effect.action} on `.length);
}
