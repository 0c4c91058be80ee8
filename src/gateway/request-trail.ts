import type { Grant, GrantStep } from '../approvals/grant-types.js';
import type { ApprovalRequest, RequestState, Transition } from '../approvals/types.js';
import type { Audit, AuditAction } from './audit.js';

/** Writes every step of every request to the audit trail, whoever or whatever took it. */
export function tellStep(audit: Audit, request: ApprovalRequest, step: Transition): void {
  const { via } = step;
  const by =
    step.by === 'gateway'
      ? 'gateway'
      : via === undefined
        ? { id: step.by, name: step.name }
        : { id: botActor(via), name: via };
  audit.record(by, actionOf(step), request.id, {
    target: request.target,
    state: step.to,
    ...(via === undefined ? {} : { on_behalf_of: step.by, on_behalf_of_name: step.name }),
    ...(step.note === '' ? {} : { [noteName(step)]: step.note }),
    ...(step.from === null ? { policies: request.policies.join(', ') } : {}),
    ...(request.session === null ? {} : { session: request.session }),
  });
}

/** How the trail names a bot: no provider's identity begins so. */
export function botActor(name: string): string {
  return `bot:${name}`;
}

function actionOf({ from, to, act }: Transition): AuditAction {
  if (act !== undefined) return `request.${act}`;
  if (from === null) return 'request.create';
  // A vote that leaves it open is a step too.
  if (from === 'pending' && to === 'pending') return 'request.approve';
  // An answer that only says how it ended.
  if (from === 'executed' && to === 'executed') return 'request.complete';
  return actions[to];
}

const actions: Readonly<Record<RequestState, AuditAction>> = {
  pending: 'request.create',
  approved: 'request.approve',
  denied: 'request.deny',
  expired: 'request.expire',
  cancelled: 'request.cancel',
  executed: 'request.execute',
  failed: 'request.fail',
};

function noteName({ from, to, act }: Transition): string {
  if (act === 'reuse') return 'request';
  if (act === 'revoke') return 'comment';
  if (from === null && to === 'approved') return 'reuse';
  if (from === null) return 'reason';
  return to === 'executed' || to === 'failed' ? 'answer' : 'comment';
}

/** Writes every step of every grant; breaking the glass has an event of its own. */
export function tellGrant(
  audit: Audit,
  grant: Grant,
  step: GrantStep,
  by: { readonly id: string; readonly name: string } | 'gateway',
): void {
  const note = step === 'revoke' ? grant.revoked : step === 'review' ? grant.review : null;
  audit.record(by, grantActions[step], grant.id, {
    group: grant.group,
    user: grant.principal.name,
    until: new Date(grant.endsAt).toISOString(),
    ...(grant.reason === '' ? {} : { reason: grant.reason }),
    ...(grant.request === null ? {} : { request: grant.request }),
    ...(note === null || note.comment === '' ? {} : { comment: note.comment }),
  });
}

const grantActions: Readonly<Record<GrantStep, AuditAction>> = {
  begin: 'access.begin',
  emergency: 'access.emergency',
  end: 'access.end',
  revoke: 'access.revoke',
  review: 'access.review',
};
