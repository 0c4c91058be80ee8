import { createPublicKey, type KeyObject } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SluiceError } from '../lib/errors.js';
import { sha256 } from './chain.js';
import type { PublicKeys } from './signing.js';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'; // Crockford base 32, lower case
export const publicSuffix = '.pub.pem';
const maxKeyBytes = 4096;

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
    const key = publicKeyOf(await readSmallFile(join(dir, name)));
    // The id in the name is only a help to people; a file that lies about it counts for nothing.
    if (key !== null && `${keyId(key)}${publicSuffix}` === name) keys.set(keyId(key), key);
  }
  return keys;
}

/** Its text; nothing of what is no file or no key by its size: a pipe put there must not make whoever verifies wait. */
async function readSmallFile(path: string): Promise<string> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return ''; // a link that leads nowhere
  }
  try {
    const found = await file.stat();
    return found.isFile() && found.size <= maxKeyBytes ? await file.readFile('utf8') : '';
  } finally {
    await file.close();
  }
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

/** The public key in a DER-encoded SubjectPublicKeyInfo, or null. */
export function publicKeyOfDer(spki: Uint8Array): KeyObject | null {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
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
