import { createHash } from 'node:crypto';
import { decodeJwt, errors, jwtVerify, type JSONWebKeySet, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { isSluiceError, SluiceError } from '../lib/errors.js';
import { readClaims, type ClaimMapping } from './claims.js';
import { localKeys, remoteKeys } from './issuer-keys.js';
import { isLoopbackHostname } from './loopback.js';
import type { TokenVerifier, VerifiedToken } from './types.js';

/** What the verifier needs to know of an issuer; an entry of the bootstrap file has all of it. */
export interface TrustedIssuer extends ClaimMapping {
  readonly url: string;
  readonly audience: string;
  readonly clockSkewSeconds: number;
}

export interface TokenVerifierOptions {
  readonly fetch?: typeof globalThis.fetch;
  readonly now?: () => number;
  /** Keys by issuer URL, for a provider inside this process. */
  readonly jwks?: Readonly<Record<string, JSONWebKeySet>>;
}

/** Asymmetric only: with a shared secret, whoever can verify can also forge. */
const algorithms = [
  'EdDSA',
  'Ed25519',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
];
const maxTokenBytes = 16 * 1024;
const maxCached = 10_000;
/** A cached token is checked again after this, so that a withdrawn key stops counting before the token expires. */
const maxCacheMs = 5 * 60_000;

interface Issuer extends TrustedIssuer {
  readonly keys: JWTVerifyGetKey;
}

function openIssuers(trusted: readonly TrustedIssuer[], options: TokenVerifierOptions): readonly Issuer[] {
  const { now = Date.now, fetch = globalThis.fetch } = options;
  return trusted.map((issuer): Issuer => {
    requireSecureUrl(issuer.url);
    const jwks = options.jwks?.[issuer.url];
    const keys = jwks === undefined ? remoteKeys({ issuer: issuer.url, fetch, now }) : localKeys(jwks);
    return { ...issuer, keys };
  });
}

/** A token's claims, once its signature, issuer, audience and times have been checked. */
export type VerifiedClaims = JWTPayload & { readonly iss: string; readonly sub: string; readonly exp: number };

/** Verifies tokens whose claims mean something else than a person's login: workload identities. Nothing is cached. */
export function createClaimsVerifier(
  trusted: readonly TrustedIssuer[],
  options: TokenVerifierOptions = {},
): (token: string) => Promise<VerifiedClaims> {
  const issuers = openIssuers(trusted, options);
  return async (token) => {
    if (token.length > maxTokenBytes) throw refuse('The access token is too long');
    return verifyWith(findIssuer(issuers, token), token, (options.now ?? Date.now)());
  };
}

/** Verifies access tokens of the configured issuers (RFC 7519, RFC 9068): signature, issuer, audience, times. */
export function createTokenVerifier(
  trusted: readonly TrustedIssuer[],
  options: TokenVerifierOptions = {},
): TokenVerifier {
  const now = options.now ?? Date.now;
  const issuers = openIssuers(trusted, options);
  const cache = new Map<string, { readonly token: VerifiedToken; readonly until: number }>();

  return {
    async verify(token) {
      if (token.length > maxTokenBytes) throw refuse('The access token is too long');
      const digest = createHash('sha256').update(token).digest('base64');
      const cached = cache.get(digest);
      if (cached !== undefined) {
        cache.delete(digest);
        if (now() < cached.until) {
          cache.set(digest, cached); // moves it to the young end
          return cached.token;
        }
      }
      const issuer = findIssuer(issuers, token);
      const verified = readClaims(await verifyWith(issuer, token, now()), issuer);
      cache.set(digest, { token: verified, until: Math.min(verified.expiresAt, now() + maxCacheMs) });
      const oldest = cache.size > maxCached ? cache.keys().next().value : undefined;
      if (oldest !== undefined) cache.delete(oldest);
      return verified;
    },
  };
}

/** An issuer over plain HTTP could be impersonated by anybody on the way, except on this machine. */
function requireSecureUrl(url: string): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:' || (protocol === 'http:' && isLoopbackHostname(hostname))) return;
  throw new SluiceError('config_invalid', `The issuer ${url} must use https`, { decider: 'gateway' });
}

/** Picks the issuer by the unverified `iss`; the check that counts happens in jwtVerify. */
function findIssuer(issuers: readonly Issuer[], token: string): Issuer {
  let payload: ReturnType<typeof decodeJwt>;
  try {
    payload = decodeJwt(token);
  } catch (error) {
    throw refuse('The access token is malformed', error);
  }
  const named = issuers.filter((issuer) => issuer.url === payload.iss);
  const audiences = Array.isArray(payload.aud) ? payload.aud : [payload.aud];
  const issuer = named.find((candidate) => audiences.includes(candidate.audience)) ?? named[0];
  if (issuer === undefined) throw refuse(`The access token is from an unknown issuer ("${shown(payload.iss)}")`);
  return issuer;
}

async function verifyWith(issuer: Issuer, token: string, now: number): Promise<VerifiedClaims> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, issuer.keys, {
      issuer: issuer.url,
      audience: issuer.audience,
      algorithms,
      clockTolerance: issuer.clockSkewSeconds,
      currentDate: new Date(now),
      requiredClaims: ['exp', 'sub'],
    });
    const type = protectedHeader.typ?.toLowerCase().replace(/^application\//, '');
    if (type !== undefined && type !== 'at+jwt' && type !== 'jwt') throw refuse('The token is not an access token');
    const { iss, sub, exp } = payload;
    if (iss === undefined || sub === undefined || sub === '' || exp === undefined)
      throw refuse('The access token is malformed');
    return { ...payload, iss, sub, exp };
  } catch (error) {
    throw isSluiceError(error) ? error : explain(error, issuer);
  }
}

function explain(error: unknown, issuer: Issuer): SluiceError {
  if (error instanceof errors.JWTExpired) return refuse('The login has expired', error);
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') {
      return refuse(`The access token has the wrong audience; this gateway expects "${issuer.audience}"`, error);
    }
    if (error.claim === 'nbf') return refuse('The access token is not valid yet; check this machine’s clock', error);
    return refuse(`The access token's claim "${error.claim}" is missing or wrong`, error);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return refuse("The access token's signature is wrong", error);
  if (error instanceof errors.JWKSNoMatchingKey) {
    return refuse("The access token's signature is by a key that its issuer does not publish", error);
  }
  if (error instanceof errors.JOSEAlgNotAllowed)
    return refuse('The access token is signed with a refused algorithm', error);
  return refuse('The access token is malformed', error);
}

function refuse(message: string, cause?: unknown): SluiceError {
  return new SluiceError('login_required', message, {
    decider: 'gateway',
    retryable: false,
    next: [{ command: 'sluice login', when: 'to log in again' }],
    cause,
  });
}

/** What a stranger wrote into a token, short and printable. */
function shown(value: unknown): string {
  return String(value)
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 100);
}
