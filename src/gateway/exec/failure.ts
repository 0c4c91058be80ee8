import type { ApprovalRequest } from '../../approvals/types.js';
import { isSluiceError, type NextStep, SluiceError } from '../../lib/errors.js';
import { pendingError } from '../../sessions/pending-error.js';
import type { TargetConfig } from '../../sessions/types.js';
import { askAhead, endedWhileHeld, sendAgain } from '../../sessions/words.js';
import type { ExecObserver } from './observer.js';
import { isServerError, rejectedError, type ServerError, wordsOfTarget } from './rejected.js';

/** What is known of a text that failed. */
interface Failed {
  readonly target: TargetConfig;
  readonly text: string;
  readonly wait: boolean;
  /** What the gateway itself ended it for. */
  readonly cut: SluiceError | null;
  readonly heard: ExecObserver;
}

/** Who decided: what was cut here, then what the engine says it refused, and only then what the target answered. */
export function explainFailure(failed: Failed, error: unknown): SluiceError {
  const { code, message, details } = reasonOf(failed, error);
  // Said by what was let through, never read out of words.
  const next = (details.next ?? []).map((step) => asCommand(step, failed.target.name));
  return new SluiceError(code, message, { ...details, next, targetContacted: failed.heard.forwarded, cause: error });
}

/** Statements are sent again from here by running the command again. */
function asCommand(step: NextStep, target: string): NextStep {
  return step.command === sendAgain ? { command: `sluice exec ${target} …`, when: 'to run it again' } : step;
}

function reasonOf({ target, text, wait, cut, heard }: Failed, error: unknown): SluiceError {
  if (cut !== null) return cut;
  if (heard.refusal !== null) {
    // The target's own parser speaks in the gateway too: its answer is told as the target's would be.
    const spoken = heard.refusal.code === 'target_rejected' && isServerError(error);
    return spoken ? wordsOfTarget(heard.refusal, error, { target: target.name, text }) : heard.refusal;
  }
  if (heard.request !== null && !wait) return pendingError(heard.request, target.name);
  if (isSluiceError(error)) return error;
  if (isServerError(error)) return serverFailure(error, { target: target.name, text, forwarded: heard.forwarded });
  return new SluiceError('target_unreachable', `the connection to ${target.name} broke`);
}

function serverFailure(
  error: ServerError,
  asked: { readonly target: string; readonly text: string; readonly forwarded: boolean },
): SluiceError {
  const { code, message } = error;
  // Without a session nothing was ever sent: connection failures are the network's, not the target's SQL.
  if (code === '57P03' || (code.startsWith('08') && !(code === protocolViolation && asked.forwarded)))
    return new SluiceError('target_unreachable', message, { targetCode: code });
  // statement_timeout, which only the gateway sets here.
  if (code === '57014') return new SluiceError('timeout', message, { decider: 'target', targetCode: code });
  return rejectedError(error, asked);
}

/** What Bind answers with when it has not as many values as the statement has parameters. */
const protocolViolation = '08P01';

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
