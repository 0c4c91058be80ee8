import { SluiceError } from '../lib/errors.js';

/** Where a secret is kept: the vault, the gateway's environment, or a file. */
export interface SecretReference {
  readonly provider: 'vault' | 'env' | 'file';
  readonly name: string;
}

/** Reads `vault:NAME`, `env:NAME` or `file:PATH`. What is none may be the secret itself and is not repeated. */
export function parseReference(reference: string): SecretReference {
  const match = /^(vault|env|file):([^\0]{1,4096})$/.exec(reference);
  const provider = match?.[1];
  const name = match?.[2];
  if (name !== undefined && (provider === 'vault' || provider === 'env' || provider === 'file'))
    return { provider, name };
  throw new SluiceError('config_invalid', 'A secret is named as vault:NAME, env:NAME or file:PATH.', {
    decider: 'gateway',
  });
}
