import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
  type JWTVerifyGetKey,
} from 'jose';
import { messageOf, SluiceError } from '../lib/errors.js';

const discoveryTimeoutMs = 5000;
/** While the provider is away its last known keys serve on, but not longer than this. */
const staleKeysMs = 60 * 60_000;

export interface IssuerKeysOptions {
  readonly issuer: string;
  readonly fetch: typeof globalThis.fetch;
  readonly now: () => number;
}

/**
 * The keys of one issuer: found by OpenID Connect Discovery 1.0 section 4, cached, fetched again when a token names an
 * unknown key (at most every 30 s). A provider that cannot be reached is `unavailable`, never "bad token".
 */
export function remoteKeys({ issuer, fetch, now }: IssuerKeysOptions): JWTVerifyGetKey {
  let keys: ReturnType<typeof createRemoteJWKSet> | null = null;
  let discovering: Promise<ReturnType<typeof createRemoteJWKSet>> | null = null;
  let lastSeenAt = 0;

  const countingFetch: typeof globalThis.fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (response.status === 200) lastSeenAt = now();
    return response;
  };

  async function discover(): Promise<ReturnType<typeof createRemoteJWKSet>> {
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(discoveryTimeoutMs) });
    if (response.status !== 200) throw new Error(`discovery answered with status ${response.status}`);
    const document: unknown = await response.json();
    const { issuer: named, jwks_uri: uri } = readDiscovery(document);
    if (named !== issuer) throw new Error('discovery names another issuer');
    if (!uri.startsWith('https:') && new URL(uri).origin !== new URL(issuer).origin) {
      throw new Error('discovery names an insecure jwks_uri');
    }
    return createRemoteJWKSet(new URL(uri), {
      [customFetch]: (href, init) => countingFetch(href, init),
    });
  }

  return async (header: JWSHeaderParameters, token: FlattenedJWSInput) => {
    try {
      keys ??= await (discovering ??= discover().finally(() => (discovering = null)));
      return await keys(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      const known = keys?.jwks();
      if (known !== undefined && now() - lastSeenAt < staleKeysMs) return createLocalJWKSet(known)(header, token);
      throw new SluiceError('unavailable', `The identity provider ${issuer} cannot be reached: ${messageOf(error)}`, {
        decider: 'identity-provider',
        retryable: true,
        cause: error,
      });
    }
  };
}

function readDiscovery(document: unknown): { issuer: string; jwks_uri: string } {
  if (typeof document === 'object' && document !== null && 'issuer' in document && 'jwks_uri' in document) {
    const { issuer, jwks_uri } = document;
    if (typeof issuer === 'string' && typeof jwks_uri === 'string') return { issuer, jwks_uri };
  }
  throw new Error('discovery lacks issuer or jwks_uri');
}

/** Keys of a provider in the same process: no request to ourselves, which could not be answered while starting. */
export function localKeys(jwks: JSONWebKeySet): JWTVerifyGetKey {
  return createLocalJWKSet(jwks);
}
