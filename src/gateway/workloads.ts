import { readFileSync } from 'node:fs';
import type { JSONWebKeySet } from 'jose';
import { exchangeToken, type Exchanged, type ExchangeRequest } from '../identity/exchange.js';
import type { GatewayTokens } from '../identity/gateway-tokens.js';
import type { TokenVerifier } from '../identity/types.js';
import { createClaimsVerifier } from '../identity/verifier.js';
import { messageOf, SluiceError } from '../lib/errors.js';
import type { Bootstrap } from './config.js';

export interface WorkloadParts {
  readonly people: TokenVerifier;
  readonly tokens: GatewayTokens;
  readonly now: () => number;
}

/** Composes the exchange of workload identities from the bootstrap file. */
export function createExchange(
  { workloads }: Bootstrap,
  { people, tokens, now }: WorkloadParts,
): (request: ExchangeRequest) => Promise<Exchanged> {
  const trusted = workloads.issuers.map(({ url, audience, clockSkewSeconds }) => ({
    ...{ url, audience, clockSkewSeconds },
    ...{ groupsClaim: '', nameClaim: '', machineClaim: null }, // not read: rules say what a workload is
  }));
  const jwks = Object.fromEntries(
    workloads.issuers.flatMap(({ url, keysFile }) => (keysFile === null ? [] : [[url, readJwks(keysFile)]])),
  );
  const verifyWorkload = createClaimsVerifier(trusted, { now, jwks });
  const parts = {
    issuers: workloads.issuers,
    ...{ verifyWorkload, people, tokens, now },
    lifetimeSeconds: workloads.tokenMinutes * 60,
  };
  return (request) => exchangeToken(request, parts);
}

function readJwks(file: string): JSONWebKeySet {
  try {
    const document: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof document === 'object' && document !== null && 'keys' in document && Array.isArray(document.keys))
      return document as JSONWebKeySet;
    throw new Error('it has no "keys"');
  } catch (cause) {
    throw new SluiceError('config_invalid', `${file} is not a JSON Web Key Set: ${messageOf(cause)}`, { cause });
  }
}
