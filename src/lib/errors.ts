/** Stable error codes: the only vocabulary in which one part of Sluice tells another what went wrong. */
export type ErrorCode =
  | 'usage' // the caller's input is malformed
  | 'config_invalid' // a bundle or bootstrap file is wrong
  | 'login_required' // no login, or an expired or rejected one
  | 'denied' // policy said no; retrying the same thing will not help
  | 'approval_pending' // held until people decide
  | 'request_denied' // a person said no
  | 'request_expired' // nobody decided in time
  | 'not_found' // no such target, request, session… that the caller may see
  | 'conflict' // the state moved, or an idempotency key was reused with other input
  | 'gateway_unreachable'
  | 'target_unreachable'
  | 'target_rejected' // the target answered with an error of its own (SQL error…)
  | 'local' // this machine: port busy, socket or keyring blocked
  | 'timeout'
  | 'truncated'
  | 'too_large' // over a documented limit
  | 'protocol' // the peer broke its protocol
  | 'recorder_failed' // the record could not be written; the session stops
  | 'unavailable' // draining, full disk, starting
  | 'interrupted'
  | 'unexpected';

/** Who decided that something does not happen; every error shown to a person names one. */
export type Decider = 'gateway' | 'target' | 'network' | 'local' | 'identity-provider';

/** A command the user can run next, and when it helps. */
export interface NextStep {
  readonly command: string;
  readonly when: string;
}

/** What an error may carry beyond code and message; all of it may be shown to the user. */
export interface ErrorDetails {
  readonly decider?: Decider;
  readonly policy?: string | null;
  readonly requestId?: string | null;
  readonly expiresAt?: string | null;
  readonly retryable?: boolean;
  readonly next?: readonly NextStep[];
  /** The target's own error code (SQLSTATE, errno…), when `code` is `target_rejected`. */
  readonly targetCode?: string | null;
  /** Whether anything of the operation was let through to the target; null or absent where that is not known. */
  readonly targetContacted?: boolean | null;
  readonly cause?: unknown;
}

/** The one error class. `message` may be shown: it holds no secret, nor whether a hidden target exists. */
export class SluiceError extends Error {
  override readonly name = 'SluiceError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.details = details;
  }
}

/** Says whether `error` is a `SluiceError`, optionally of one code. */
export function isSluiceError(error: unknown, code?: ErrorCode): error is SluiceError {
  return error instanceof SluiceError && (code === undefined || error.code === code);
}

/** The message of anything thrown, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
