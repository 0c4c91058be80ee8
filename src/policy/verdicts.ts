import { describeEffect, type Effect } from '../analysis/effects.js';
import { messageOf } from '../lib/errors.js';
import type { Policy } from './policies.js';
import type { Decision, RequiredApproval } from './types.js';

/** Cedar's answer for one effect, with the policies that determined it. */
export interface EffectJudgement {
  readonly effect: Effect;
  /** `fault`: it could not be judged, and so is refused. */
  readonly outcome: 'allow' | 'hold' | 'deny' | 'fault';
  readonly policies: readonly Policy[];
  /** Why it is refused; '' when allowed. */
  readonly message: string;
}

/** What policy says of one effect, whichever it is. */
export type Verdict = Omit<EffectJudgement, 'effect'>;

/** Why Cedar refused: forbids that an approval lifts hold, all others deny, and none at all means no permit. */
export function refusal(effect: Effect, forbids: readonly Policy[]): Verdict {
  const what = describeEffect(effect);
  if (forbids.length === 0) return { outcome: 'deny', policies: [], message: `No policy permits ${what}.` };
  const hard = forbids.filter(({ approvals }) => approvals.length === 0);
  const outcome = hard.length > 0 ? 'deny' : 'hold';
  const policies = hard.length > 0 ? hard : forbids;
  const spoken = policies.find(({ message }) => message !== null)?.message;
  const verb = outcome === 'deny' ? 'forbids' : 'asks for an approval of';
  return { outcome, policies, message: spoken ?? `Policy "${policies[0]?.id}" ${verb} ${what}.` };
}

/** The union: of two policies that ask the same group, the larger number counts, and a comment if either wants one. */
export function requireAll(required: Map<string, RequiredApproval>, policy: Policy): void {
  for (const { group, count } of policy.approvals) {
    const known = required.get(group);
    const comment = known?.comment ?? (policy.requiresComment ? policy.id : undefined);
    const stricter = known === undefined || known.count < count ? { group, count, policy: policy.id } : known;
    required.set(group, comment === undefined ? stricter : { ...stricter, comment });
  }
}

/** What the holding policies ask besides approvals: a reason if any does, reuse only if and as long as all allow it. */
export function termsOf(holding: readonly EffectJudgement[]): {
  readonly needsReason: string | null;
  readonly reuseMs: number;
} {
  const policies = holding.flatMap((judgement) => judgement.policies);
  return {
    needsReason: policies.find(({ requiresReason }) => requiresReason)?.id ?? null,
    reuseMs: policies.length === 0 ? 0 : Math.min(...policies.map(({ reuseMs }) => reuseMs)),
  };
}

/** The deny of an operation for these of its effects. */
export function denyDecision(refused: readonly EffectJudgement[]): Decision {
  // What a policy says helps more than that none said anything.
  const spoken = refused.filter(({ policies }) => policies.length > 0);
  const ordered = [...spoken, ...refused.filter(({ policies }) => policies.length === 0)];
  return {
    verdict: 'deny',
    policies: idsOf(spoken),
    message: ordered[0]?.message ?? '',
    refused: ordered.map(({ effect }) => effect),
  };
}

/** Ids of the determining policies, each once. */
export function idsOf(judgements: readonly EffectJudgement[]): readonly string[] {
  return [...new Set(judgements.flatMap(({ policies }) => policies.map(({ id }) => id)))];
}

/** A refusal because nothing could be judged; never remembered. */
export function fault(reason: string): Verdict {
  return { outcome: 'fault', policies: [], message: `The gateway could not judge this: ${reason}.` };
}

/** The deny of an operation that could not be judged at all. */
export function faultDecision(effects: readonly Effect[], error: unknown): Decision {
  return { verdict: 'deny', policies: [], message: fault(messageOf(error)).message, refused: effects };
}
