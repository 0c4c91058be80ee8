import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { SluiceError } from '../lib/errors.js';
import { readIfPresent, writePrivate } from '../lib/private-files.js';

/** What makes a demo provider the same one after a restart. */
export interface DemoKeys {
  /** Private signing keys. */
  readonly jwks: { readonly keys: readonly JWK[] };
  readonly cookieKeys: readonly string[];
  /** The secret of the machine client `robot`, made once per state directory. */
  readonly robotSecret: string;
}

/** Makes fresh keys: ES256 (RFC 7518 3.4), small and fast, understood everywhere. */
export async function generateDemoKeys(): Promise<DemoKeys> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const kid = randomBytes(8).toString('hex');
  return {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid, use: 'sig', alg: 'ES256' }] },
    cookieKeys: [randomBytes(32).toString('base64url')],
    robotSecret: randomBytes(32).toString('base64url'),
  };
}

/** Reads the keys of this state directory, or makes and keeps them (0600). */
export async function loadDemoKeys(dir: string): Promise<DemoKeys> {
  const file = join(dir, 'keys.json');
  const text = readIfPresent(file);
  if (text !== null) return decodeKeys(text, file);
  const keys = await generateDemoKeys();
  writePrivate(file, `${JSON.stringify(keys, null, 2)}\n`);
  return keys;
}

function decodeKeys(text: string, file: string): DemoKeys {
  const damaged = (cause?: unknown): SluiceError =>
    new SluiceError('config_invalid', `${file} is damaged; delete it to make new demo keys`, {
      decider: 'local',
      cause,
    });
  let value: Partial<DemoKeys> | null;
  try {
    value = JSON.parse(text) as Partial<DemoKeys> | null;
  } catch (error) {
    throw damaged(error);
  }
  const { jwks, cookieKeys, robotSecret } = value ?? {};
  if (!Array.isArray(jwks?.keys) || !Array.isArray(cookieKeys) || typeof robotSecret !== 'string') throw damaged();
  return { jwks, cookieKeys, robotSecret };
}
