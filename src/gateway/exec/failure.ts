import type { ApprovalRequest } from '../../approvals/types.js';
import { isSluiceError, SluiceError } from '../../lib/errors.js';
import { pendingError } from '../../sessions/pending-error.js';
import { askAhead, endedWhileHeld } from '../../sessions/words.js';
import type { ExecObserver } from './observer.js';

/** What is known of a text that failed. */
interface Failed {
  readonly target: string;
  readonly wait: boolean;
  /** What the gateway itself ended it for. */
  readonly cut: SluiceError | null;
  readonly heard: ExecObserver;
}

/** Who decided: what was cut here, then what the engine says it refused, and only then what the target answered. */
export function explainFailure({ target, wait, cut, heard }: Failed, error: unknown): SluiceError {
  if (cut !== null) return cut;
  if (heard.refusal !== null) return heard.refusal;
  if (heard.request !== null && !wait) return pendingError(heard.request, target);
  if (isSluiceError(error)) return error;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code)) {
    // Without a session nothing was ever sent: connection failures are the network's, not the target's SQL.
    if (error.code.startsWith('08') || error.code === '57P03') {
      return new SluiceError('target_unreachable', error.message, { targetCode: error.code, cause: error });
    }
    // statement_timeout, which only the gateway sets here.
    if (error.code === '57014')
      return new SluiceError('timeout', error.message, { decider: 'target', targetCode: error.code, cause: error });
    return new SluiceError('target_rejected', error.message, {
      decider: 'target',
      targetCode: error.code,
      cause: error,
    });
  }
  return new SluiceError('target_unreachable', `the connection to ${target} broke`, { cause: error });
}

/** The time was up, at the target or while people were asked. */
export function timeoutError(target: string, timeoutMs: number, request: ApprovalRequest | null): SluiceError {
  const seconds = Math.round(timeoutMs / 1000);
  if (request === null) return new SluiceError('timeout', `no answer from ${target} within ${seconds} s`);
  return new SluiceError('timeout', `nobody decided within ${seconds} s; the request was withdrawn`, {
    requestId: request.id,
    policy: request.policies[0] ?? null,
    next: [askAhead(target)],
  });
}

/** Why the gateway ended the session itself; null when it did not. `waiting`: the request that people were asked for in it. */
export function endedByGateway(signal: AbortSignal, waiting: ApprovalRequest | null): SluiceError | null {
  if (!signal.aborted) return null;
  const error =
    signal.reason === 'draining'
      ? new SluiceError('unavailable', 'the gateway is shutting down')
      : new SluiceError('denied', 'the session was ended: you may no longer connect to this target');
  return waiting === null ? error : endedWhileHeld(error, waiting);
}
