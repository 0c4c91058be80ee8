import type { ErrorCode, SluiceError } from '../../lib/errors.js';

/**
 * The exit status of a channel that the gateway itself ended: 200 and the exit code of `sluice` for the same error, so that
 * a remote program's own status is never mistaken for it.
 */
export function exitStatusOf(code: ErrorCode): number {
  return 200 + numberOf(code);
}

function numberOf(code: ErrorCode): number {
  switch (code) {
    case 'usage':
    case 'config_invalid':
      return 2;
    case 'target_rejected':
      return 3;
    case 'login_required':
      return 4;
    case 'denied':
      return 5;
    case 'request_denied':
    case 'request_expired':
      return 6;
    case 'approval_pending':
      return 8;
    case 'not_found':
      return 9;
    case 'conflict':
      return 10;
    case 'gateway_unreachable':
      return 11;
    case 'target_unreachable':
      return 12;
    case 'local':
      return 13;
    case 'timeout':
      return 14;
    case 'truncated':
      return 15;
    case 'interrupted':
      return 30;
    case 'too_large':
    case 'protocol':
    case 'recorder_failed':
    case 'unavailable':
    case 'unexpected':
      return 1;
  }
}

/** An error as lines on stderr: who decided, why, and what to do next. */
export function errorText(error: SluiceError): string {
  const { decider, policy, next, requestId } = error.details;
  const who = decider === 'target' ? 'target' : decider === 'network' ? 'network' : 'gateway';
  const by = policy == null ? '' : ` (policy "${policy}")`;
  const lines = [`sluice: ${error.code === 'denied' ? 'denied by ' : ''}${who}${by}: ${error.message}`];
  if (requestId != null) lines.push(`sluice: request ${requestId}`);
  for (const step of next ?? []) lines.push(`sluice: ${step.when}: ${step.command}`);
  return `${lines.join('\n')}\n`;
}
