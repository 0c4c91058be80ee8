import { SluiceError, type ErrorCode } from '../lib/errors.js';
import type { Principal } from '../policy/types.js';
import { maxCommentCharacters } from './digest.js';
import type { ApprovalRequest, ApprovalVote } from './types.js';

export interface Vote {
  readonly by: Principal;
  readonly decision: 'approve' | 'deny';
  readonly comment: string;
  readonly at: number;
}

/** Two logins are one person when the subject or the name (as people write it) is the same: a second account is no second pair of eyes. */
export function isSamePerson(
  a: { readonly id: string; readonly name: string },
  b: { readonly id: string; readonly name: string },
): boolean {
  return a.id === b.id || fold(a.name) === fold(b.name);
}

function fold(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase();
}

/** The request after this vote. Throws when this person may not cast it; says nothing of the state to who may not decide. */
export function castVote(request: ApprovalRequest, vote: Vote): ApprovalRequest {
  const { by, decision, at } = vote;
  const groups = requiredGroups(request).filter((group) => by.groups.includes(group));
  if (by.kind !== 'human') throw refused('denied', 'Only people can decide on requests.', request);
  if (isSamePerson(by, request.principal)) throw refused('denied', 'Nobody decides on their own request.', request);
  const { onBehalfOf } = request.principal;
  if (onBehalfOf !== undefined && isSamePerson(by, onBehalfOf)) {
    throw refused('denied', 'Nobody decides on what a machine asks on their behalf.', request);
  }
  if (groups.length === 0) {
    throw refused(
      'denied',
      `Deciding on this request needs membership in ${requiredGroups(request).join(' or ')}.`,
      request,
    );
  }
  if (request.state === 'expired')
    throw refused('request_expired', 'The request expired before it was decided.', request);
  if (request.state !== 'pending') throw refused('conflict', `The request is already ${request.state}.`, request);
  const comment = cleanComment(vote.comment);
  if (decision === 'deny' && comment === '') throw refused('usage', 'A denial needs a comment that says why.', request);
  const person = { id: by.id, name: by.name };
  if (
    decision === 'approve' &&
    request.votes.some((cast) => cast.decision === 'approve' && isSamePerson(person, voter(cast)))
  ) {
    throw refused('conflict', 'You have approved this request already; it needs other people too.', request);
  }
  const votes = [...request.votes, { by: by.id, name: by.name, groups, decision, comment, at }];
  const state = decision === 'deny' ? 'denied' : hasQuorum(request, votes) ? 'approved' : 'pending';
  return { ...request, votes, state, decidedAt: state === 'pending' ? null : at };
}

/**
 * Every required group has enough approvals of distinct people. Someone who belongs to several of the groups counts in
 * each of them.
 */
export function hasQuorum(request: ApprovalRequest, votes: readonly ApprovalVote[]): boolean {
  return request.approvals.every(({ group, count }) => countApprovals(votes, group) >= count);
}

/** How many distinct people of this group have approved. */
export function countApprovals(votes: readonly ApprovalVote[], group: string): number {
  const people: { readonly id: string; readonly name: string }[] = [];
  for (const vote of votes) {
    if (vote.decision !== 'approve' || !vote.groups.includes(group)) continue;
    if (!people.some((person) => isSamePerson(person, voter(vote)))) people.push(voter(vote));
  }
  return people.length;
}

/** The groups of which the request needs approvals, each once. */
export function requiredGroups(request: Pick<ApprovalRequest, 'approvals'>): readonly string[] {
  return [...new Set(request.approvals.map(({ group }) => group))];
}

function voter(vote: ApprovalVote): { readonly id: string; readonly name: string } {
  return { id: vote.by, name: vote.name };
}

/** Comments are shown in terminals and records: no control characters but tab and newline, nothing that reverses text. */
function cleanComment(comment: string): string {
  const clean = comment.replace(/(?![\t\n])\p{Cc}|\p{Bidi_Control}/gu, '').trim();
  if (clean.length > maxCommentCharacters)
    throw new SluiceError('usage', `A comment may have ${maxCommentCharacters} characters.`);
  return clean;
}

/** An error about this request; it names the request so that the user can look at it. */
export function refused(code: ErrorCode, message: string, request: ApprovalRequest): SluiceError {
  const expiresAt = new Date(request.expiresAt).toISOString();
  return new SluiceError(code, message, {
    decider: 'gateway',
    requestId: request.id,
    expiresAt,
    policy: request.policies[0] ?? null,
  });
}
