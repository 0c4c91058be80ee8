import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { exitCodeOf } from '../../../src/cli/exit-codes.js';
import { documentedExitCodeOf, errorDocumentOf, httpStatusOf, showable } from '../../../src/gateway/http-errors.js';
import { errorDocument } from '../../../src/gateway/schemas/error.js';
import { type ErrorCode, SluiceError } from '../../../src/lib/errors.js';

const statuses: Readonly<Record<ErrorCode, number>> = {
  usage: 400,
  config_invalid: 400,
  login_required: 401,
  denied: 403,
  request_denied: 403,
  request_expired: 410,
  approval_pending: 202,
  not_found: 404,
  conflict: 409,
  gateway_unreachable: 502,
  target_unreachable: 502,
  target_rejected: 422,
  local: 500,
  timeout: 504,
  truncated: 413,
  too_large: 413,
  protocol: 502,
  recorder_failed: 503,
  unavailable: 503,
  interrupted: 503,
  unexpected: 500,
};

describe('errors over HTTP', () => {
  it.each(Object.entries(statuses))('answers %s with %d', (code, status) => {
    expect(httpStatusOf(code as ErrorCode)).toBe(status);
  });

  it.each(Object.keys(statuses))('documents the exit code that the command line ends %s with', (code) => {
    expect(documentedExitCodeOf(code as ErrorCode)).toBe(exitCodeOf(code as ErrorCode));
  });

  it('gives every detail or null, never a missing field', () => {
    const document = errorDocumentOf(new SluiceError('denied', 'no', { policy: 'p1' }));
    expect(errorDocument.parse(document)).toEqual(document);
    expect(document.error).toEqual({
      code: 'denied',
      exit_code: 5,
      decider: 'gateway',
      policy: 'p1',
      message: 'no',
      retryable: false,
      request_id: null,
      expires_at: null,
      target_code: null,
      target_contacted: null,
      next: [],
    });
  });

  it('keeps what broke inside to itself', () => {
    const error = showable(new Error('password=hunter2 at /srv/secret'), 'evt_1');
    expect(error.code).toBe('unexpected');
    expect(JSON.stringify(errorDocumentOf(error))).not.toContain('hunter2');
    expect(error.message).toContain('evt_1');
  });

  it('says which field of an input is wrong', () => {
    const result = z.strictObject({ limit: z.int() }).safeParse({ limit: 'x', more: 1 });
    const error = showable(result.error, 'evt_1');
    expect(error.code).toBe('usage');
    expect(error.message).toMatch(/limit: .*; .*"more"/);
  });
});
