import type { CompiledPolicies } from './decide.js';
import type { Decision, DecisionQuery } from './types.js';

/** One thing that, were it otherwise, would make policy say something kinder. */
export interface Alternative {
  readonly change: 'approval' | 'group' | 'reason' | 'mfa';
  /** The group, for an approval or a membership; '' else. */
  readonly value: string;
  readonly verdict: Decision['verdict'];
}

const kindness: Readonly<Record<Decision['verdict'], number>> = { deny: 0, hold: 1, allow: 2 };
/** A bundle with more groups than this gets an answer about the first ones only. */
const maxGroups = 500;

/** Asks policy the same with one circumstance changed at a time, and tells those that help, the most helpful first. */
export function alternativesTo(
  query: DecisionQuery,
  policies: CompiledPolicies,
  groups: readonly string[],
): readonly Alternative[] {
  const { decision } = policies.judge(query);
  if (decision.verdict === 'allow') return [];
  const found: Alternative[] = [];
  const consider = (change: Alternative['change'], value: string, changed: DecisionQuery): void => {
    const { verdict } = policies.judge(changed).decision;
    if (kindness[verdict] > kindness[decision.verdict]) found.push({ change, value, verdict });
  };
  if (decision.verdict === 'hold') {
    const asked = decision.approvals.map(({ group }) => group);
    consider('approval', asked.join(', '), { ...query, approvals: [...query.approvals, ...asked] });
  }
  if (query.reason === null) consider('reason', '', { ...query, reason: 'reason' });
  const { principal } = query;
  if (!principal.mfa) consider('mfa', '', { ...query, principal: { ...principal, mfa: true } });
  for (const group of groups.slice(0, maxGroups)) {
    if (principal.groups.includes(group)) continue;
    consider('group', group, { ...query, principal: { ...principal, groups: [...principal.groups, group] } });
  }
  return found.sort((a, b) => kindness[b.verdict] - kindness[a.verdict]);
}
