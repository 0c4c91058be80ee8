import { SluiceError } from '../lib/errors.js';
import type { Principal } from '../policy/types.js';
import { maxCommentCharacters } from './digest.js';
import { isSameActor, isSamePerson } from './people.js';
import { countApprovals, hasQuorum, openGroups, requiredGroups, saysSomething, voter } from './quorum.js';
import { askAgain, refused } from './refused.js';
import { checkReuse, standing } from './reuse.js';
import type { ApprovalRequest, ApprovalVote, RequestSubject, Voter } from './types.js';

export interface Vote {
  readonly by: Voter;
  readonly decision: 'approve' | 'deny';
  readonly comment: string;
  readonly at: number;
  /** For how long the approval is to stand; 0: for one run. */
  readonly forMs?: number;
  /** Which of the votes before it count by now; absent: all of them. */
  readonly before?: readonly ApprovalVote[];
}

/** The request after this vote. Throws when this person may not cast it; says nothing of the state to who may not decide. */
export function castVote(request: ApprovalRequest, vote: Vote): ApprovalRequest {
  const { by, decision, at, forMs = 0, before = request.votes } = vote;
  const groups = requiredGroups(request).filter((group) => by.groups.includes(group));
  if (isSamePerson(by, request.principal)) throw refused('denied', 'Nobody decides on their own request.', request);
  const { onBehalfOf } = request.principal;
  if (onBehalfOf !== undefined && isSamePerson(by, onBehalfOf)) {
    throw refused('denied', 'Nobody decides on what a machine asks on their behalf.', request);
  }
  if (by.kind !== 'human') throw refused('denied', 'Only people can decide on requests.', request);
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
  if (decision === 'deny' && comment === '') {
    const again = { command: `sluice requests deny ${request.id} --comment "…"`, when: 'the requester sees it' };
    throw refused('usage', 'A denial needs a comment that says why.', request, [again]);
  }
  if (decision === 'approve') checkReuse(request, forMs);
  const cast: ApprovalVote = {
    by: by.id,
    name: by.name,
    ...(by.aliases === undefined ? {} : { aliases: by.aliases }),
    groups,
    decision,
    comment,
    at,
    ...(forMs === 0 ? {} : { forMs }),
    ...(by.via === undefined ? {} : { via: by.via }),
  };
  const votes = [...request.votes, cast];
  if (decision === 'approve') requireProgress(request, cast, before);
  const state = decision === 'deny' ? 'denied' : hasQuorum(request, [...before, cast]) ? 'approved' : 'pending';
  const reuse = state === 'approved' ? standing(votes, at) : null;
  return { ...request, votes, state, decidedAt: state === 'pending' ? null : at, ...(reuse === null ? {} : { reuse }) };
}

/** Who may end an approval: those whom it takes to decide, and the requester. */
export function requireSay(request: ApprovalRequest, by: Principal): void {
  if (isSameActor(by, request.principal)) return;
  const required = requiredGroups(request);
  if (by.kind !== 'human' || !required.some((group) => by.groups.includes(group)))
    throw refused('denied', `Revoking this takes membership in ${required.join(' or ')}.`, request);
}

/** An approval that fills no place is refused: it would look like a further pair of eyes where none was asked for. */
function requireProgress(request: ApprovalRequest, cast: ApprovalVote, before: readonly ApprovalVote[]): void {
  // Enough have approved and it is still open: one of them did not count when the last vote was cast, and counts again by
  // now (back in the group, say). Any approver's word is then what it takes to notice; it adds no place.
  if (hasQuorum(request, before)) return;
  if (before.some((earlier) => earlier.decision === 'approve' && isSamePerson(voter(cast), voter(earlier)))) {
    throw refused('conflict', 'You have approved this request already; it needs other people too.', request);
  }
  if (filled(request, [...before, cast]) > filled(request, before)) return;
  requireComment(request, cast, before);
  const open = openGroups(request, before).join(' and ');
  throw refused('conflict', `Your group has approved enough; the request still needs ${open}.`, request);
}

/** Throws when it is only a comment that this approval lacks. */
function requireComment(request: ApprovalRequest, cast: ApprovalVote, before: readonly ApprovalVote[]): void {
  if (saysSomething(cast.comment)) return;
  if (filled(request, [...before, { ...cast, comment: 'said' }]) <= filled(request, before)) return;
  const policy = request.approvals.find(({ group, comment }) => comment !== undefined && cast.groups.includes(group));
  const again = { command: `sluice requests approve ${request.id} --comment "…"`, when: 'to say why' };
  throw refused('usage', `Policy "${policy?.comment}" asks who approves to say why, in a comment.`, request, [again]);
}

function filled(request: ApprovalRequest, votes: readonly ApprovalVote[]): number {
  return [...countApprovals(request, votes).values()].reduce((sum, count) => sum + count, 0);
}

/** Comments are shown in terminals and records: no control characters but tab and newline, nothing that reverses text. */
export function cleanComment(comment: string): string {
  const clean = comment.replace(/(?![\t\n])\p{Cc}|\p{Bidi_Control}/gu, '').trim();
  if (clean.length > maxCommentCharacters)
    throw new SluiceError('usage', `A comment may have ${maxCommentCharacters} characters.`);
  return clean;
}

/**
 * Not what was approved; says what differs. Where the same was asked for and has come to mean something else, that is the
 * database, or a gateway that reads it otherwise since it was upgraded.
 */
export function otherSubject(request: ApprovalRequest, subject: RequestSubject, version: string): SluiceError {
  if (!isSameAsked(request, subject))
    return refused('denied', 'The approval is for another identity, target, statement or parameters.', request);
  const { place } = request;
  if (place !== undefined && place !== subject.place) {
    const message = `${request.target} leads elsewhere since this was approved: to another address, relay, database or program, or with another login. Ask again.`;
    return refused('denied', message, request, [askAgain(request)]);
  }
  const before = new Set(request.objects ?? []);
  const objects = subject.objects ?? [];
  const moved =
    objects.find((object) => !before.has(object)) ?? [...before].find((object) => !objects.includes(object));
  const what =
    moved === undefined
      ? 'the statement would do something else than it would have then'
      : `${moved.replace(/ \(.*$/s, '')} is not what it was then`;
  const { gatewayVersion = 'an older version' } = request;
  if (gatewayVersion === version)
    return refused('denied', `The database has changed since this was approved: ${what}.`, request);
  return refused(
    'denied',
    `The gateway was upgraded since this was approved, from ${gatewayVersion} to ${version}, and as it reads the database now ${what}. What was approved may be something else: ask again.`,
    request,
  );
}

/** The same person asks for the same text with the same values, whatever those mean. */
function isSameAsked(request: ApprovalRequest, asked: RequestSubject): boolean {
  const { principal, target, text, parameters, context = [] } = asked;
  return (
    (request.access ?? null) === null &&
    isSameActor(principal, request.principal) &&
    target === request.target &&
    text === request.text &&
    JSON.stringify([parameters, context]) === JSON.stringify([request.parameters, request.context ?? []])
  );
}
