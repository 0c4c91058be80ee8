import type { ApprovalRequest } from '../approvals/types.js';
import { SluiceError } from '../lib/errors.js';

/** The answer to a held operation when the client does not wait. */
export function pendingError(request: ApprovalRequest, target: string): SluiceError {
  return new SluiceError('approval_pending', `Approval required on ${target}: ${request.message}`, {
    decider: 'gateway',
    policy: request.policies[0] ?? null,
    requestId: request.id,
    expiresAt: new Date(request.expiresAt).toISOString(),
    retryable: true,
    next: [
      { command: `sluice requests wait ${request.id} --timeout 10m --json`, when: 'to wait' },
      { command: `sluice exec ${target} --request ${request.id} --json`, when: 'after approval' },
    ],
  });
}
