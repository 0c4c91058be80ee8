import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { messageOf, SluiceError } from '../lib/errors.js';

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

/** The text of a file, or null when there is none. */
export function readIfPresent(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new SluiceError('local', `Cannot read ${file}: ${messageOf(error)}`, { decider: 'local', cause: error });
  }
}

/** Replaces a file in one step; only its owner can read it, from its first byte. */
export function writePrivate(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, text, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}
