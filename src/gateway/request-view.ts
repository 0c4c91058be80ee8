import type { ApprovalRequest } from '../approvals/types.js';
import type { RequestSummary } from './schemas/requests.js';

/** A request as the API shows it. */
export function viewRequest(request: ApprovalRequest): RequestSummary {
  return {
    id: request.id,
    state: request.state,
    target: request.target,
    requester: request.principal.name,
    requester_kind: request.principal.kind,
    text: request.text,
    parameters: [...request.parameters],
    effects: [...request.effects],
    policies: [...request.policies],
    message: request.message,
    reason: request.reason,
    required: request.approvals.map(({ group, count }) => ({ group, count, have: countApprovals(request, group) })),
    votes: request.votes.map(({ name, decision, comment, at }) => ({ name, decision, comment, at: instant(at) })),
    session_id: request.session,
    created_at: instant(request.createdAt),
    expires_at: instant(request.expiresAt),
    decided_at: request.decidedAt === null ? null : instant(request.decidedAt),
    digest: request.digest,
  };
}

/** RFC 3339 in UTC. */
export function instant(ms: number): string {
  return new Date(ms).toISOString();
}

function countApprovals(request: ApprovalRequest, group: string): number {
  const people = request.votes
    .filter((vote) => vote.decision === 'approve' && vote.groups.includes(group))
    .map((vote) => vote.by);
  return new Set(people).size;
}
