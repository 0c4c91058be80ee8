import { actionGroups, describeEffect, type ActionName, type Effect } from '../analysis/effects.js';
import { isSluiceError, messageOf, SluiceError } from '../lib/errors.js';
import type { Decision, RequiredApproval } from '../policy/types.js';

const readOnlyActions = new Set<ActionName>([
  ...actionGroups.read.filter((action) => action !== 'lockRow'),
  ...actionGroups.session,
  'callFunction',
  'infer',
]);

/** What a read-only session may do. */
export function isReadOnly(effect: Effect): boolean {
  if (!readOnlyActions.has(effect.action)) return false;
  if (effect.action === 'transaction') return effect.facts.object !== 'read write';
  return (
    effect.action !== 'callFunction' || effect.facts.volatility === 'immutable' || effect.facts.volatility === 'stable'
  );
}

/** A denial in the words of the policy that decided. */
export function deniedError(decision: Extract<Decision, { verdict: 'deny' }>, target: string): SluiceError {
  const first = decision.refused[0];
  const what = first === undefined ? '' : describeEffect(first);
  const [policy] = decision.policies;
  // A default message names the effect itself.
  const message = what === '' || decision.message.includes(what) ? decision.message : `${decision.message} (${what})`;
  return new SluiceError('denied', message, {
    decider: 'gateway',
    policy: policy ?? null,
    retryable: false,
    next: [{ command: `sluice policy explain ${target} "…"`, when: 'to see what policy asks for' }],
  });
}

/** What was approved once, by fewer than policy asks for now, or in a group that it does not ask for any more. */
export function approvedTooLittle(
  lacking: readonly Pick<RequiredApproval, 'group' | 'count' | 'comment'>[],
): SluiceError {
  const needed = lacking
    .map(({ group, count, comment }) => `${count} of @${group}${comment === undefined ? '' : ' with a comment'}`)
    .join(', ');
  const why = needed === '' ? '.' : `: it needs ${needed} now. Ask again.`;
  return new SluiceError('denied', `The approval no longer covers what policy asks for${why}`, { decider: 'gateway' });
}

/** What went wrong with an approval, as a refusal. */
export function asRefusal(error: unknown): SluiceError {
  if (isSluiceError(error)) return error;
  return new SluiceError('denied', `The gateway could not use the approval: ${messageOf(error)}`, {
    decider: 'gateway',
    cause: error,
  });
}
