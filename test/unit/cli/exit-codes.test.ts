import { expect, it } from 'vitest';
import { exitCodeMeanings, exitCodeOf, ownFailureBase } from '../../../src/cli/exit-codes.js';
import type { ErrorCode } from '../../../src/lib/errors.js';
import { exitStatusOf } from '../../../src/protocols/ssh/errors.js';

/** A record, so that a new code does not compile before it stands here. */
const all: Readonly<Record<ErrorCode, true>> = {
  usage: true,
  config_invalid: true,
  login_required: true,
  denied: true,
  approval_pending: true,
  request_denied: true,
  request_expired: true,
  not_found: true,
  conflict: true,
  gateway_unreachable: true,
  target_unreachable: true,
  target_rejected: true,
  local: true,
  timeout: true,
  truncated: true,
  too_large: true,
  protocol: true,
  recorder_failed: true,
  unavailable: true,
  interrupted: true,
  unexpected: true,
};
const codes = Object.keys(all) as ErrorCode[];

it.each(codes.filter((code) => code !== 'interrupted'))(
  'an SSH channel that the gateway ended with %s has the number that sluice gives it',
  (code) => {
    expect(exitStatusOf(code)).toBe(ownFailureBase + exitCodeOf(code));
  },
);

it('an interrupted SSH channel has a number of its own: 200 and 130 do not fit into a byte', () => {
  expect(exitStatusOf('interrupted')).toBe(230);
  expect(codes.map(exitStatusOf).filter((status) => status > 255)).toEqual([]);
});

it('every number is explained', () => {
  const explained = exitCodeMeanings.map(([number]) => number);
  expect(codes.map(exitCodeOf).filter((number) => !explained.includes(number))).toEqual([]);
});
