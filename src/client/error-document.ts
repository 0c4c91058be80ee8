import { SluiceError, type Decider, type ErrorCode, type NextStep } from '../lib/errors.js';

const codes: Readonly<Record<ErrorCode, true>> = {
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
const deciders: Readonly<Record<Decider, true>> = {
  gateway: true,
  target: true,
  network: true,
  local: true,
  'identity-provider': true,
};

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Parses a body; null unless it is one JSON object. */
export function parseObject(body: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

/** Turns a refusal back into the error it was at the gateway; something else's answer says whose it probably was. */
export function decodeFailure(status: number, body: string, host: string): SluiceError {
  const document = parseObject(body);
  const error = document?.['error'];
  if (document?.['schema'] !== 'sluice.error/v1' || !isRecord(error)) return foreign(status, host);
  return errorOf(error);
}

/** `error` of a `sluice.error/v1` document, as the error that it was at the gateway. */
export function errorOf(error: Readonly<Record<string, unknown>>): SluiceError {
  const code =
    typeof error['code'] === 'string' && error['code'] in codes ? (error['code'] as ErrorCode) : 'unexpected';
  const decider = textOrNull(error['decider']);
  return new SluiceError(code, textOrNull(error['message']) ?? 'The gateway refused without saying why', {
    decider: decider !== null && decider in deciders ? (decider as Decider) : 'gateway',
    policy: textOrNull(error['policy']),
    requestId: textOrNull(error['request_id']),
    expiresAt: textOrNull(error['expires_at']),
    retryable: error['retryable'] === true,
    targetCode: textOrNull(error['target_code']),
    targetContacted: typeof error['target_contacted'] === 'boolean' ? error['target_contacted'] : null,
    next: nextSteps(error['next']),
  });
}

function nextSteps(value: unknown): readonly NextStep[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item: unknown) => {
    if (!isRecord(item)) return [];
    const { command, when } = item;
    return typeof command === 'string' && typeof when === 'string' ? [{ command, when }] : [];
  });
}

function foreign(status: number, host: string): SluiceError {
  const reachable = status < 500;
  return new SluiceError(
    'gateway_unreachable',
    `${host} answered with status ${status}, and not as a Sluice gateway does${reachable ? '; is the address right?' : ''}`,
    { decider: 'network', retryable: !reachable },
  );
}
