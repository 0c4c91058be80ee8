import { SluiceError } from '../../lib/errors.js';

/** exec moves rows; the COPY sub-protocol needs a client that speaks it. */
export function copyRefusal(): SluiceError {
  return new SluiceError(
    'usage',
    'COPY to or from the client does not go through exec; use `sluice connect` with psql',
    {
      decider: 'gateway',
      next: [{ command: `sluice connect TARGET -- psql -c '\\copy …'`, when: 'to copy by a file here' }],
    },
  );
}
