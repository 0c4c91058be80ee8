import { ZodError } from 'zod';
import { type Decider, type ErrorCode, SluiceError, isSluiceError } from '../lib/errors.js';
import type { ErrorDocument } from './schemas/error.js';

interface Answer {
  readonly status: number;
  readonly exitCode: number;
  readonly retryable: boolean;
}

const answer = (status: number, exitCode: number, retryable = false): Answer => ({ status, exitCode, retryable });

/** The only map from code to HTTP status. The exit code is the one that the command line will end with. */
const answers: Readonly<Record<ErrorCode, Answer>> = {
  usage: answer(400, 2),
  config_invalid: answer(400, 2),
  login_required: answer(401, 4),
  denied: answer(403, 5),
  request_denied: answer(403, 6),
  request_expired: answer(410, 6),
  approval_pending: answer(202, 8, true),
  not_found: answer(404, 9),
  conflict: answer(409, 10),
  gateway_unreachable: answer(502, 11, true),
  target_unreachable: answer(502, 12, true),
  target_rejected: answer(422, 3),
  local: answer(500, 13),
  timeout: answer(504, 14, true),
  truncated: answer(413, 15),
  too_large: answer(413, 1),
  protocol: answer(502, 1),
  recorder_failed: answer(503, 1, true),
  unavailable: answer(503, 1, true),
  interrupted: answer(503, 130, true),
  unexpected: answer(500, 1),
};

/** The HTTP status that an error is answered with. */
export function httpStatusOf(code: ErrorCode): number {
  return answers[code].status;
}

/** The command line's exit code for an error, as its document says. */
export function documentedExitCodeOf(code: ErrorCode): number {
  return answers[code].exitCode;
}

/** `sluice.error/v1` for an error. */
export function errorDocumentOf(error: SluiceError): ErrorDocument {
  const { details, code } = error;
  return {
    schema: 'sluice.error/v1',
    ok: false,
    error: {
      code,
      exit_code: answers[code].exitCode,
      decider: details.decider ?? deciderOf(code),
      policy: details.policy ?? null,
      message: error.message,
      retryable: details.retryable ?? answers[code].retryable,
      request_id: details.requestId ?? null,
      expires_at: details.expiresAt ?? null,
      target_code: details.targetCode ?? null,
      target_contacted: details.targetContacted ?? null,
      next: (details.next ?? defaultNext(code)).map((step) => ({ command: step.command, when: step.when })),
    },
  };
}

/** Turns anything thrown while a request was served into an error that may be shown. */
export function showable(error: unknown, requestId: string): SluiceError {
  if (isSluiceError(error)) return error;
  if (error instanceof ZodError) return new SluiceError('usage', describeIssues(error));
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number') {
    if (error.statusCode === 413)
      return new SluiceError('too_large', 'the request body is larger than this route takes');
    if (error.statusCode >= 400 && error.statusCode < 500) return new SluiceError('usage', error.message);
  }
  // What broke inside is for the log alone: a stack or a driver's message may hold what the caller must not see.
  return new SluiceError('unexpected', `the gateway failed; its log says why under ${requestId}`, { cause: error });
}

/** The first few faults of an input, each with where it is. */
export function describeIssues(error: ZodError): string {
  const shown = error.issues.slice(0, 3).map((issue) => {
    const where = issue.path.map(String).join('.');
    return where === '' ? issue.message : `${where}: ${issue.message}`;
  });
  const more = error.issues.length - shown.length;
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '');
}

function deciderOf(code: ErrorCode): Decider {
  switch (code) {
    case 'target_rejected':
      return 'target';
    case 'target_unreachable':
      return 'network';
    default:
      return 'gateway';
  }
}

function defaultNext(code: ErrorCode): readonly { command: string; when: string }[] {
  return code === 'login_required' ? [{ command: 'sluice login', when: 'to log in again' }] : [];
}
