import type { ErrorCode } from '../lib/errors.js';

/** What a process ends with when interrupted: 128 + SIGINT, 128 + SIGTERM. */
export const interruptedExit = { SIGINT: 130, SIGTERM: 143 } as const;

/** Where a remote program's exit code is passed through, Sluice's own failures are this and their usual code. */
export const ownFailureBase = 200;

/** The only map from error code to exit code. Scripts rely on these numbers: they never change. */
export function exitCodeOf(code: ErrorCode): number {
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
      return interruptedExit.SIGINT;
    case 'too_large':
    case 'protocol':
    case 'recorder_failed':
    case 'unavailable':
    case 'unexpected':
      return 1;
  }
}

/** Every exit code and what it means, for `sluice help exit-codes`. Behind `exec TARGET -- …` see `ownFailureBase`. */
export const exitCodeMeanings: readonly (readonly [number, string])[] = [
  [0, 'done; an empty result is 0'],
  [1, 'unexpected failure, or an answer of "no" (a recording that does not verify)'],
  [2, 'usage, or an invalid bundle or configuration'],
  [3, 'the target rejected it (SQL error)'],
  [4, 'login required or expired'],
  [5, 'denied by policy; do not retry'],
  [6, 'the request for approval was denied or expired'],
  [8, 'approval pending'],
  [9, 'not found'],
  [10, 'conflict: the state moved, or a key was reused with other input'],
  [11, 'gateway unreachable'],
  [12, 'target offline'],
  [13, 'local: port busy, agent or socket blocked'],
  [14, 'timeout'],
  [15, 'output cap hit with --fail-on-truncate'],
  [interruptedExit.SIGINT, 'interrupted (SIGINT)'],
  [interruptedExit.SIGTERM, 'interrupted (SIGTERM)'],
];
