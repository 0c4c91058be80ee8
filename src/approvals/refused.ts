import { SluiceError, type ErrorCode } from '../lib/errors.js';
import type { ApprovalRequest } from './types.js';

/** An error about this request; it names the request so that the user can look at it. */
export function refused(code: ErrorCode, message: string, request: ApprovalRequest): SluiceError {
  const expiresAt = new Date(request.expiresAt).toISOString();
  return new SluiceError(code, message, {
    decider: 'gateway',
    requestId: request.id,
    expiresAt,
    policy: request.policies[0] ?? null,
    next: nextSteps(code, request),
  });
}

function nextSteps(code: ErrorCode, request: ApprovalRequest): readonly { command: string; when: string }[] {
  switch (code) {
    case 'request_denied':
    case 'request_expired':
    case 'conflict':
      return [{ command: `sluice requests show ${request.id}`, when: 'to see what became of it' }];
    case 'approval_pending':
      return [{ command: `sluice requests wait ${request.id} --timeout 10m`, when: 'to wait' }];
    default:
      return [];
  }
}
