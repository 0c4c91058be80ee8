import { createPrivateKey, type KeyObject } from 'node:crypto';
import { importPKCS8, type CryptoKey } from 'jose';
import { messageOf, SluiceError } from '../lib/errors.js';
import { readIfPresent } from '../lib/private-files.js';
import { parseObject } from './error-document.js';

/** A machine's private key, ready to sign: its algorithm is the key's own. */
export interface ClientKey {
  readonly key: CryptoKey;
  readonly kid?: string;
}

/** Reads a private key file: PEM (PKCS#8, PKCS#1 or SEC 1) or one JSON Web Key, whose `kid` and `alg` then count. */
export async function readClientKey(file: string): Promise<ClientKey> {
  const text = readIfPresent(file);
  if (text === null) throw refuse(file, 'there is no such file');
  const jwk = parseObject(text);
  try {
    const key = jwk === null ? createPrivateKey(text) : createPrivateKey({ key: { ...jwk }, format: 'jwk' });
    const alg = typeof jwk?.['alg'] === 'string' ? jwk['alg'] : algorithmOf(key);
    const imported = await importPKCS8(key.export({ type: 'pkcs8', format: 'pem' }).toString(), alg);
    const kid = jwk?.['kid'];
    return { key: imported, ...(typeof kid === 'string' ? { kid } : {}) };
  } catch (error) {
    throw refuse(file, messageOf(error), error);
  }
}

/** RFC 7518 3.1, RFC 8037: what a key of this kind signs with unless its JWK says otherwise. */
function algorithmOf(key: KeyObject): string {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return 'RS256';
    case 'rsa-pss':
      return 'PS256';
    case 'ed25519':
      return 'Ed25519';
    case 'ec': {
      const curves: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };
      const algorithm = curves[key.asymmetricKeyDetails?.namedCurve ?? ''];
      if (algorithm !== undefined) return algorithm;
      break;
    }
    default:
  }
  throw new Error('a key of this kind signs no tokens; use RSA, P-256, P-384, P-521 or Ed25519');
}

function refuse(file: string, why: string, cause?: unknown): SluiceError {
  return new SluiceError('usage', `${file} is not a private key that can be used: ${why}`, { decider: 'local', cause });
}
