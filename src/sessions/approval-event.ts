import type { ApprovalRequest } from '../approvals/types.js';
import type { ApprovalEvent } from '../recording/events.js';

/** What became of a request that an operation waited for, as its session records it; null while nothing has. */
export function approvalEvent(op: number, at: number, request: ApprovalRequest): ApprovalEvent | null {
  const { id, state, votes } = request;
  if (state === 'pending' || state === 'failed') return null;
  const by = votes.map(({ name, comment, via }) => ({
    name: via === undefined ? name : `${name} (by ${via})`,
    comment,
  }));
  return { type: 'approval', at, op, request: id, state, by };
}
