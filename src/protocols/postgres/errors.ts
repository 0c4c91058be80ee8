import { isSluiceError, messageOf, type ErrorCode, type SluiceError } from '../../lib/errors.js';
import { cString, FieldReader, frame } from './frames.js';

/** Fields of ErrorResponse and NoticeResponse by their one-letter code. PostgreSQL 55.8. */
export type ErrorFields = ReadonlyMap<string, string>;

/** The only map from our codes to SQLSTATE (PostgreSQL Appendix A). */
const sqlStates: Readonly<Record<ErrorCode, string>> = {
  usage: '22023',
  config_invalid: 'F0000',
  login_required: '28000',
  denied: '42501',
  approval_pending: '42501',
  request_denied: '42501',
  request_expired: '42501',
  not_found: '3D000',
  conflict: '55000',
  gateway_unreachable: '57P03',
  target_unreachable: '08001',
  target_rejected: '08004',
  local: '58000',
  timeout: '57014',
  truncated: '54000',
  too_large: '54000',
  protocol: '08P01',
  recorder_failed: '58030',
  unavailable: '57P03',
  interrupted: '57P01',
  unexpected: 'XX000',
};

/** Decodes the fields of an 'E' or 'N' payload; an unknown field is kept, a repeated one keeps its first value. */
export function decodeErrorFields(payload: Buffer): ErrorFields {
  const reader = new FieldReader(payload);
  const fields = new Map<string, string>();
  while (reader.left > 0) {
    const code = reader.byte();
    if (code === 0) break;
    const value = reader.rawString().toString('utf8');
    const name = String.fromCharCode(code);
    if (!fields.has(name)) fields.set(name, value);
  }
  return fields;
}

/** ErrorResponse ('E') or NoticeResponse ('N'): pairs of Byte1(code) String(value), then Byte1(0). */
export function encodeFields(type: 'E' | 'N', fields: ErrorFields): Buffer {
  const parts: Buffer[] = [];
  for (const [code, value] of fields) parts.push(Buffer.from(code, 'latin1'), cString(value.replaceAll('\0', '')));
  return frame(type, ...parts, Buffer.from([0]));
}

export function sqlStateOf(error: unknown): string {
  if (!isSluiceError(error)) return sqlStates.unexpected;
  if (error.code === 'target_rejected') return error.details.targetCode ?? sqlStates.target_rejected;
  return sqlStates[error.code];
}

/** One of our errors in the client's protocol: who decided, why, and what to do next. */
export function gatewayError(error: unknown, severity: 'ERROR' | 'FATAL' = 'ERROR', position = 0): ErrorFields {
  const fields = new Map([
    ['S', severity],
    ['V', severity],
    ['C', sqlStateOf(error)],
    ['M', headline(error)],
  ]);
  if (isSluiceError(error)) {
    const next = (error.details.next ?? []).map((step) => `${step.command}  (${step.when})`);
    if (next.length > 0) fields.set('H', `Next: ${next.join('; ')}`);
  }
  if (position > 0) fields.set('P', String(position));
  return fields;
}

function headline(error: unknown): string {
  if (!isSluiceError(error)) return `sluice: ${messageOf(error)}`;
  if (error.code === 'target_rejected') return error.message;
  return `${prefix(error)}${error.message}`;
}

function prefix(error: SluiceError): string {
  const policy = error.details.policy ?? null;
  switch (error.code) {
    case 'denied':
      return policy === null ? 'denied by the gateway: ' : `denied by gateway policy "${policy}": `;
    case 'request_denied':
    case 'request_expired':
    case 'approval_pending':
      return error.details.requestId === undefined || error.details.requestId === null
        ? 'gateway: '
        : `gateway, request ${error.details.requestId}: `;
    default:
      return 'gateway: ';
  }
}
