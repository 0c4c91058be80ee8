import { messageOf, SluiceError, type ErrorCode } from '../lib/errors.js';
import type { ErrorDocument } from '../client/api-types.js';
import { exitCodeOf } from './exit-codes.js';

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

const systemCodes: Readonly<Record<string, ErrorCode>> = {
  EADDRINUSE: 'local',
  EACCES: 'local',
  EPERM: 'local',
  EROFS: 'local',
  ENOSPC: 'local',
  EISDIR: 'usage',
  ENOENT: 'usage',
  ENOTDIR: 'usage',
  ECONNREFUSED: 'gateway_unreachable',
  ENOTFOUND: 'gateway_unreachable',
  EHOSTUNREACH: 'gateway_unreachable',
  ECONNRESET: 'gateway_unreachable',
};

/** Whatever was thrown, as the one error type. */
export function asSluiceError(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  if (isObject(error) && error['name'] === 'AbortError')
    return new SluiceError('interrupted', 'Interrupted.', { cause: error });
  if (isObject(error) && error['name'] === 'TimeoutError')
    return new SluiceError('timeout', 'Timed out.', { cause: error });
  const code = isObject(error) && typeof error['code'] === 'string' ? systemCodes[error['code']] : undefined;
  return new SluiceError(code ?? 'unexpected', messageOf(error), { decider: 'local', cause: error });
}

/** `sluice.error/v1` for an error, whichever side it came from. */
export function errorDocument(error: SluiceError, exitCode = exitCodeOf(error.code)): ErrorDocument {
  const { details } = error;
  return {
    schema: 'sluice.error/v1',
    ok: false,
    error: {
      code: error.code,
      exit_code: exitCode,
      decider: details.decider ?? 'local',
      policy: details.policy ?? null,
      message: error.message,
      retryable: details.retryable ?? false,
      request_id: details.requestId ?? null,
      expires_at: details.expiresAt ?? null,
      target_code: details.targetCode ?? null,
      target_contacted: details.targetContacted ?? null,
      next: details.next ?? [],
    },
  };
}
