import { type ActionName, type Effect, type actionGroups, plainFacts } from '../analysis/effects.js';
import { SluiceError } from '../lib/errors.js';
import { type Decision, noFacts, type PolicySet, type Principal, type TargetRef } from '../policy/types.js';
import type { TargetConfig } from '../sessions/types.js';

/** What the gateway's own API asks policy about, on Gateway::"gateway". */
export type GatewayAction = (typeof actionGroups)['gateway'][number];

/** Judges an action on the gateway itself. The API holds nothing: a hold is a refusal. */
export function decideOnGateway(policies: PolicySet, principal: Principal, action: GatewayAction): Decision {
  const effect: Effect = { action, resource: { type: 'Gateway', path: ['gateway'] }, facts: plainFacts };
  return policies.decide({ principal, target: null, effects: [effect], approvals: [], session: noFacts, reason: null });
}

/** Judges whether a principal may connect to a target at all; where not, the target does not exist for them. */
export function decideConnect(policies: PolicySet, principal: Principal, target: TargetRef): Decision {
  return decideOnTarget(policies, principal, target, 'connect');
}

/** Judges one action on a whole target, as `describe` shows it. */
export function decideOnTarget(
  policies: PolicySet,
  principal: Principal,
  target: TargetRef,
  action: ActionName,
): Decision {
  const effect: Effect = { action, resource: { type: 'Target', path: [target.name] }, facts: plainFacts };
  return policies.decide({ principal, target, effects: [effect], approvals: [], session: noFacts, reason: null });
}

/** Judges whether a principal sees a protected column in clear, as `describe` shows it. */
export function decideReveal(
  policies: PolicySet,
  principal: Principal,
  target: TargetConfig,
  column: { readonly schema: string; readonly table: string; readonly column: string; readonly class: string },
): Decision {
  const path = [target.name, target.database, column.schema, column.table, column.column];
  const facts = { ...plainFacts, class: column.class };
  const effect: Effect = { action: 'reveal', resource: { type: 'Column', path }, facts };
  return policies.decide({ principal, target, effects: [effect], approvals: [], session: noFacts, reason: null });
}

const acts: Readonly<Record<GatewayAction, string>> = {
  review: 'decide requests',
  apply: 'apply a bundle',
  manageSecrets: 'manage secrets',
  readSession: 'see the sessions of others',
  readPolicy: 'read the policies',
  endSession: 'end the sessions of others',
  holdSession: 'hold recordings',
};

/** The error of a refused action on the gateway. */
export function refusedOnGateway(decision: Decision, action: GatewayAction): SluiceError {
  const policy = decision.policies[0] ?? null;
  const message = decision.verdict === 'allow' ? '' : decision.message;
  // Without a policy of one's own to blame, the effect's name would be all that is said.
  const why = policy === null || message === '' ? `No policy permits you to ${acts[action]} (${action}).` : message;
  const next = [{ command: 'sluice whoami', when: 'to see your groups; policies/gateway.cedar says what each may do' }];
  return new SluiceError('denied', why, { decider: 'gateway', policy, next });
}
