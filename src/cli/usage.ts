import { SluiceError, type NextStep } from '../lib/errors.js';

/** What the person typed does not do; exit 2. */
export function usage(message: string, next: readonly NextStep[] = []): SluiceError {
  return new SluiceError('usage', message, { decider: 'local', next });
}
