import type { ApprovalRequest } from '../approvals/types.js';
import { isSluiceError, type NextStep, SluiceError } from '../lib/errors.js';
import type { EndEvent } from '../recording/events.js';

/** What a client is told while its operation waits for people; the engine says it in its own protocol. */
export function heldWords(
  request: ApprovalRequest,
  nowMs: number,
): { readonly message: string; readonly hint: string } {
  const needed = request.approvals.map(({ group, count }) => `${count} of @${group}`).join(', ');
  const minutes = Math.max(1, Math.round((request.expiresAt - nowMs) / 60_000));
  return {
    message: `held for approval: ${request.message} (policy "${request.policies.join('", "')}", needs ${needed}). Request ${request.id}, open for ${minutes} min`,
    hint: approveHint(request),
  };
}

/** How a reviewer lets it run, with the comment that policy wants of them. */
export function approveHint({ id, approvals }: Pick<ApprovalRequest, 'id' | 'approvals'>): string {
  const comment = approvals.some((asked) => asked.comment !== undefined) ? ' --comment "…"' : '';
  return `A reviewer runs: sluice requests approve ${id}${comment}`;
}

/** How a session ends whose connection the gateway aborts for this reason: for the record, and for the client. */
export function abortWords(reason: unknown): {
  readonly reason: EndEvent['reason'];
  readonly detail: string;
  readonly message: string;
} {
  switch (reason) {
    case 'revoked':
      return {
        reason,
        detail: 'the user may not connect any more',
        message: 'you may no longer connect to this target',
      };
    case 'login over':
      return {
        reason: 'revoked',
        detail: 'the login is over, and no newer one was shown',
        message: 'your login is over; log in again, then connect again',
      };
    case 'timeout':
      return { reason: 'ended by gateway', detail: 'the time was up', message: 'the time was up' };
    case 'client closed':
      return { reason, detail: '', message: 'the client is gone' };
    default:
      return {
        reason: 'ended by gateway',
        detail: 'the gateway is shutting down',
        message: 'the gateway is shutting down; connect again',
      };
  }
}

/** Why a request is withdrawn whose wait ended for this: what its requester reads where nobody has decided. */
export function withdrawnWords(reason: unknown): string {
  if (!isSluiceError(reason)) return abortWords(reason).detail || 'the client is gone';
  return reason.message === 'client closed' ? 'the client is gone' : reason.message;
}

/** What to do where the same text will be judged by what is so now; `exec` says it as its own command. */
export const sendAgain = 'send the statement again';

/** A request that waits in no connection outlives them all, and the gateway's restarts. */
export function askAhead(target: string): NextStep {
  return { command: `sluice requests create ${target} …`, when: 'to ask ahead of time, without waiting' };
}

/** What a client is told when its session ends while an operation of it is held: the request goes with the session. */
export function endedWhileHeld(
  error: SluiceError,
  { id, target }: Pick<ApprovalRequest, 'id' | 'target'>,
): SluiceError {
  return new SluiceError(error.code, `${error.message}; request ${id}, which waited here, is withdrawn`, {
    ...error.details,
    requestId: id,
    next: [...(error.details.next ?? []), askAhead(target)],
  });
}
