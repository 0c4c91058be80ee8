import type { RequestStore } from './store.js';
import { hasQuorum } from './quorum.js';
import type { ApprovalRequest, ApprovalVote, Approvals, RequestDraft } from './types.js';
import { refused } from './refused.js';

/** So often an approval may be used again; whoever needs it more often needs a policy, not a reviewer. */
const maxReuses = 200;

/** An approval that stands for a while: for the very same operation of the same identity, and for nothing like it. */
export interface Reuse {
  readonly until: number;
  readonly uses: number;
  readonly revoked: {
    readonly by: string;
    readonly name: string;
    readonly at: number;
    readonly comment: string;
  } | null;
}

/** A request whose approval stands. */
export type Standing = ApprovalRequest & { readonly reuse: Reuse };

/** For how long a voter lets the approval stand; throws where policy lets it be used only once. */
export function checkReuse(request: ApprovalRequest, forMs: number): void {
  if (forMs <= 0) return;
  const allowed = request.reuseMs ?? 0;
  if (allowed === 0) {
    const which = request.policies.join('", "');
    throw refused(
      'usage',
      `An approval of this is good for one run: policy "${which}" has no @reuse. Leave out --for.`,
      request,
    );
  }
  if (forMs > allowed)
    throw refused('usage', `Policy lets an approval of this stand for ${minutes(allowed)} at most.`, request);
}

/** How long an approval by these votes stands: as long as the most careful of them said, from the last. */
export function standing(votes: readonly ApprovalVote[], at: number): Reuse | null {
  const times = votes.filter(({ decision }) => decision === 'approve').map(({ forMs }) => forMs ?? 0);
  const least = times.length === 0 ? 0 : Math.min(...times);
  return least === 0 ? null : { until: at + least, uses: 0, revoked: null };
}

/**
 * An approval that stands for this operation now: of the same identity and who it acts for, the same digest (target, text,
 * parameters, effects, objects), approved by those whom policy asks for today and who may still approve, and not for longer
 * than policy allows today.
 */
export function findStanding(
  store: RequestStore,
  draft: RequestDraft,
  { digest, now, votesNow }: Pick<Approvals, 'votesNow'> & { readonly digest: string; readonly now: number },
): Standing | null {
  const allowed = draft.reuseMs ?? 0;
  if (allowed === 0 || (draft.access ?? null) !== null) return null;
  for (const request of store.listStanding({ requester: draft.principal.id, digest })) {
    const { reuse = null, decidedAt } = request;
    if (request.state === 'pending')
      throw refused('conflict', 'Nobody has approved this request yet: deny it, or cancel your own.', request);
    if (reuse === null || reuse.revoked !== null || reuse.uses >= maxReuses || decidedAt === null) continue;
    if (now >= Math.min(reuse.until, decidedAt + allowed)) continue;
    if (!isGood(request) || request.digest !== digest || !isAskedAlike(request, draft)) continue;
    if (hasQuorum(request, votesNow(request))) return { ...request, reuse };
  }
  return null;
}

/** What was denied, cancelled or has expired stands for nothing. */
function isGood({ state }: ApprovalRequest): boolean {
  return state === 'approved' || state === 'executed' || state === 'failed';
}

function isAskedAlike(before: ApprovalRequest, now: RequestDraft): boolean {
  const asked = ({ approvals }: Pick<RequestDraft, 'approvals'>): string =>
    JSON.stringify(approvals.map(({ group, count, policy, comment = null }) => [group, count, policy, comment]));
  return (
    asked(before) === asked(now) && (before.principal.onBehalfOf?.id ?? '') === (now.principal.onBehalfOf?.id ?? '')
  );
}

/** The approval with nobody's leave to use it again. Throws for what stands for nothing any more. */
export function revoked(
  request: ApprovalRequest,
  by: { readonly id: string; readonly name: string; readonly at: number; readonly comment: string },
): ApprovalRequest {
  const { reuse = null } = request;
  if (request.state === 'approved') {
    const ended = reuse === null ? {} : { reuse: { ...reuse, revoked: revocation(by) } };
    return { ...request, ...ended, state: 'cancelled' };
  }
  if (request.state === 'pending')
    throw refused('conflict', 'Nobody has approved this request yet: deny it, or cancel your own.', request);
  if (reuse === null || reuse.revoked !== null || by.at >= reuse.until)
    throw refused('conflict', 'There is nothing left to revoke: this approval stands for no further run.', request);
  return { ...request, reuse: { ...reuse, revoked: revocation(by) } };
}

function revocation({ id, name, at, comment }: { id: string; name: string; at: number; comment: string }) {
  return { by: id, name, at, comment };
}

function minutes(ms: number): string {
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000}h` : `${ms / 60_000}m`;
}
