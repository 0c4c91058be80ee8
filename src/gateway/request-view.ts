import { countApprovals } from '../approvals/quorum.js';
import type { ApprovalRequest } from '../approvals/types.js';
import type { RequestSummary } from './schemas/requests.js';

/** A request as the API shows it. */
export function viewRequest(request: ApprovalRequest): RequestSummary {
  const have = countApprovals(request, request.votes);
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
    required: request.approvals.map(({ group, count }) => ({ group, count, have: have.get(group) ?? 0 })),
    votes: request.votes.map(({ name, decision, comment, at }) => ({ name, decision, comment, at: instant(at) })),
    session_id: request.session,
    created_at: instant(request.createdAt),
    expires_at: instant(request.expiresAt),
    decided_at: request.decidedAt === null ? null : instant(request.decidedAt),
    digest: request.digest,
    access:
      request.access === undefined || request.access === null
        ? null
        : { group: request.access.group, duration_ms: request.access.durationMs },
    outcome:
      request.outcome === null
        ? null
        : { ok: request.outcome.ok, detail: request.outcome.detail, at: instant(request.outcome.at) },
    history: request.history.map(({ at, from, to, name, note }) => ({ at: instant(at), from, to, by: name, note })),
  };
}

/** RFC 3339 in UTC. */
export function instant(ms: number): string {
  return new Date(ms).toISOString();
}
