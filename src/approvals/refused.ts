import { SluiceError, type ErrorCode, type NextStep } from '../lib/errors.js';
import type { ApprovalRequest } from './types.js';

/** An error about this request; it names the request so that the user can look at it. */
export function refused(
  code: ErrorCode,
  message: string,
  request: ApprovalRequest,
  next = nextSteps(code, request),
): SluiceError {
  const expiresAt = new Date(request.expiresAt).toISOString();
  return new SluiceError(code, message, {
    decider: 'gateway',
    requestId: request.id,
    expiresAt,
    policy: request.policies[0] ?? null,
    next,
  });
}

function nextSteps(code: ErrorCode, request: ApprovalRequest): readonly NextStep[] {
  switch (code) {
    case 'request_denied':
    case 'request_expired':
    case 'conflict': {
      const show = { command: `sluice requests show ${request.id}`, when: 'to see what became of it' };
      // Nobody has said no: it may be asked for again.
      return request.state === 'cancelled' || request.state === 'expired' ? [show, askAgain(request)] : [show];
    }
    case 'approval_pending':
      return [{ command: `sluice requests wait ${request.id} --timeout 10m`, when: 'to wait' }];
    default:
      return [];
  }
}

/** Such a request waits in no connection, and so outlives them, and the gateway's restarts. */
export function askAgain({ access, target }: Pick<ApprovalRequest, 'access' | 'target'>): NextStep {
  return access === undefined || access === null
    ? { command: `sluice requests create ${target} …`, when: 'to ask again, ahead of time' }
    : { command: `sluice access request ${access.group} …`, when: 'to ask again' };
}
