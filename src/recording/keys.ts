import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir, open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isSluiceError, messageOf, SluiceError } from '../lib/errors.js';
import { sha256 } from './chain.js';
import type { PublicKeys, SigningKey } from './signing.js';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'; // Crockford base 32, lower case
const privateFile = 'recording-ed25519.pem';
const publicSuffix = '.pub.pem';

/** A key's id is made from the key itself (`key_` and 80 bits of SHA-256 over its SPKI, base 32), so it cannot be given to another. */
export function keyId(publicKey: KeyObject): string {
  const digest = sha256(publicKey.export({ type: 'spki', format: 'der' }));
  let bits = BigInt(`0x${digest.subarray(0, 10).toString('hex')}`);
  let id = '';
  for (let index = 0; index < 16; index++) {
    id = (alphabet[Number(bits & 31n)] ?? '') + id;
    bits >>= 5n;
  }
  return `key_${id}`;
}

/** Opens the signing key, or makes it at the first start; publishes its public half in `<recordings>/keys`. */
export async function openSigningKey(keysDir: string, recordingsDir: string): Promise<SigningKey> {
  await mkdir(keysDir, { recursive: true, mode: 0o700 });
  const path = join(keysDir, privateFile);
  const privateKey = (await readPrivateKey(path)) ?? (await createPrivateKeyFile(path));
  const publicKey = createPublicKey(privateKey);
  const id = keyId(publicKey);
  const publicDir = join(recordingsDir, 'keys');
  await mkdir(publicDir, { recursive: true, mode: 0o700 });
  await writeOnce(
    join(publicDir, `${id}${publicSuffix}`),
    publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    0o644,
  );
  return { id, privateKey };
}

async function readPrivateKey(path: string): Promise<KeyObject | null> {
  let pem: string;
  try {
    const { mode } = await stat(path);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new SluiceError('config_invalid', `${path} can be read by others; run: chmod 600 ${path}`);
    }
    pem = await readFile(path, 'utf8');
  } catch (error) {
    if (isSluiceError(error)) throw error;
    if (isCode(error, 'ENOENT')) return null;
    throw new SluiceError('recorder_failed', `cannot read the recording key: ${messageOf(error)}`, { cause: error });
  }
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // The reason may hold parts of the file; it is not passed on.
  }
  throw new SluiceError('config_invalid', `${path} does not hold an Ed25519 private key in PEM`);
}

async function createPrivateKeyFile(path: string): Promise<KeyObject> {
  const { privateKey } = generateKeyPairSync('ed25519');
  if (await writeOnce(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600)) return privateKey;
  const made = await readPrivateKey(path); // another process was first
  if (made === null) throw new SluiceError('recorder_failed', `cannot read the recording key at ${path}`);
  return made;
}

/** Writes and syncs a file that does not exist yet; false when it does. */
async function writeOnce(path: string, text: string, mode: number): Promise<boolean> {
  try {
    const file = await open(path, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw new SluiceError('recorder_failed', `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** The public keys published beside the recordings. Whoever can change the recordings can change these too. */
export async function publishedKeys(recordingsDir: string): Promise<PublicKeys> {
  const keys = new Map<string, KeyObject>();
  const dir = join(recordingsDir, 'keys');
  let names: string[];
  try {
    names = await readdir(dir);
  } catch {
    return keys;
  }
  for (const name of names.filter((each) => each.endsWith(publicSuffix)).sort()) {
    const key = publicKeyOf(await readFile(join(dir, name), 'utf8'));
    // The id in the name is only a help to people; a file that lies about it counts for nothing.
    if (key !== null && `${keyId(key)}${publicSuffix}` === name) keys.set(keyId(key), key);
  }
  return keys;
}

/** The public key in a PEM text, or null. */
export function publicKeyOf(pem: string): KeyObject | null {
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? key : null;
  } catch {
    return null;
  }
}

/** Reads public keys from PEM files that the verifier brought along. */
export async function readPublicKeys(files: readonly string[]): Promise<PublicKeys> {
  const keys = new Map<string, KeyObject>();
  for (const file of files) {
    let pem: string;
    try {
      pem = await readFile(file, 'utf8');
    } catch (error) {
      throw new SluiceError('usage', `cannot read the public key: ${messageOf(error)}`, { cause: error });
    }
    const key = publicKeyOf(pem);
    if (key === null) throw new SluiceError('usage', `${file} does not hold an Ed25519 public key in PEM`);
    keys.set(keyId(key), key);
  }
  return keys;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
