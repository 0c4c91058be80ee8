import { countApprovals } from '../approvals/quorum.js';
import type { ApprovalRequest } from '../approvals/types.js';
import type { Seen } from './request-eyes.js';
import type { RequestSummary } from './schemas/requests.js';

/** A request as the API shows it to one person. */
export function viewRequest(request: ApprovalRequest, seen: Seen): RequestSummary {
  const { counted, words } = seen;
  const have = countApprovals(request, counted);
  return {
    id: request.id,
    state: request.state,
    target: request.target,
    requester: request.principal.name,
    requester_kind: request.principal.kind,
    text: seen.text,
    parameters: [...seen.parameters],
    context: (request.context ?? []).map(words),
    text_masked: seen.masked,
    effects: [...seen.effects],
    policies: [...request.policies],
    message: request.message,
    reason: request.reason === null ? null : words(request.reason),
    required: request.approvals.map(({ group, count, comment }) => ({
      ...{ group, count, have: have.get(group) ?? 0 },
      comment: comment !== undefined,
    })),
    votes: request.votes.map(({ name, decision, comment, at, via }) => ({
      name,
      decision,
      comment: words(comment),
      at: instant(at),
      via: via ?? null,
    })),
    session_id: request.session,
    client: request.client ?? null,
    created_at: instant(request.createdAt),
    expires_at: instant(request.expiresAt),
    decided_at: request.decidedAt === null ? null : instant(request.decidedAt),
    digest: seen.digest,
    access:
      request.access === undefined || request.access === null
        ? null
        : { group: request.access.group, duration_ms: request.access.durationMs },
    outcome:
      request.outcome === null
        ? null
        : { ok: request.outcome.ok, detail: words(request.outcome.detail), at: instant(request.outcome.at) },
    reuse: {
      allowed_ms: request.reuseMs ?? 0,
      until: request.reuse === undefined || request.reuse === null ? null : instant(request.reuse.until),
      uses: request.reuse?.uses ?? 0,
      revoked: viewRevocation(request.reuse?.revoked ?? null, words),
    },
    reuse_of: request.reuseOf ?? null,
    history: request.history.map(({ at, from, to, name, note, via }) => ({
      at: instant(at),
      from,
      to,
      by: name,
      note: words(note),
      via: via ?? null,
    })),
  };
}

function viewRevocation(
  revoked: NonNullable<ApprovalRequest['reuse']>['revoked'],
  words: Seen['words'],
): RequestSummary['reuse']['revoked'] {
  return revoked && { by: revoked.name, at: instant(revoked.at), comment: words(revoked.comment) };
}

/** RFC 3339 in UTC. */
export function instant(ms: number): string {
  return new Date(ms).toISOString();
}
