import type { SluiceError } from '../../../lib/errors.js';
import { encodeStatus, statuses } from './codec.js';

/** A refusal as the status of a request; what the target said keeps its own code and words. */
export function encodeRefusal(id: number, { code, details, message }: SluiceError): Buffer {
  if (code === 'target_rejected') return encodeStatus(id, Number(details.targetCode ?? statuses.failure), message);
  const by = details.policy == null ? '' : ` (policy "${details.policy}")`;
  return encodeStatus(id, statuses.permissionDenied, `sluice: ${message}${by}`);
}
