import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  SignJWT,
  type CryptoKey,
  type JSONWebKeySet,
  type JWK,
} from 'jose';
import { SluiceError } from '../lib/errors.js';
import { writePrivate } from '../lib/private-files.js';

/** Who a token of the gateway's is for. */
export interface GatewayTokenSubject {
  /** `issuer#subject` of the identity that was exchanged. */
  readonly subject: string;
  readonly name: string;
  readonly groups: readonly string[];
  readonly onBehalfOf: { readonly id: string; readonly name: string } | null;
}

/** The gateway as an issuer: short-lived tokens for itself alone, signed with a key that never leaves it. */
export interface GatewayTokens {
  readonly jwks: JSONWebKeySet;
  sign(subject: GatewayTokenSubject, seconds: number): Promise<string>;
}

export interface GatewayTokensOptions {
  /** The gateway's public URL: issuer and audience in one. */
  readonly gateway: string;
  readonly keysDir: string;
  readonly now: () => number;
}

const algorithm = 'ES256';

/** Opens the signing key in the state directory, or makes one at the first start. */
export async function openGatewayTokens({ gateway, keysDir, now }: GatewayTokensOptions): Promise<GatewayTokens> {
  const file = join(keysDir, 'tokens.jwk');
  if (!existsSync(file)) {
    const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
    writePrivate(file, `${JSON.stringify(await exportJWK(privateKey))}\n`);
  }
  const { key, jwk } = await readKey(file);
  const { kty, crv, x, y } = jwk;
  const kid = await calculateJwkThumbprint(jwk); // RFC 7638
  const published = JSON.parse(JSON.stringify({ kty, crv, x, y, kid, use: 'sig', alg: algorithm })) as JWK;
  return {
    jwks: { keys: [published] },
    sign({ subject, name, groups, onBehalfOf }, seconds) {
      const issuedAt = Math.floor(now() / 1000);
      const claims = { name, groups, workload: true, ...(onBehalfOf === null ? {} : { on_behalf_of: onBehalfOf }) };
      return new SignJWT(claims)
        .setProtectedHeader({ alg: algorithm, kid, typ: 'at+jwt' }) // RFC 9068 2.1
        .setIssuer(gateway)
        .setAudience(gateway)
        .setSubject(subject)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + seconds)
        .sign(key);
    },
  };
}

async function readKey(file: string): Promise<{ readonly key: CryptoKey; readonly jwk: JWK }> {
  try {
    const jwk = JSON.parse(readFileSync(file, 'utf8')) as JWK;
    const key = await importJWK(jwk, algorithm);
    if (key instanceof Uint8Array) throw new TypeError('not a private key');
    return { key, jwk };
  } catch (cause) {
    throw new SluiceError('config_invalid', `${file} is not the signing key that it should be`, { cause });
  }
}

/** How the verifier sees the gateway's own tokens. */
export function gatewayIssuer(gateway: string) {
  return {
    url: gateway,
    audience: gateway,
    groupsClaim: 'groups',
    nameClaim: 'name',
    machineClaim: 'workload',
    clockSkewSeconds: 5,
    trustsOnBehalfOf: true,
  };
}
