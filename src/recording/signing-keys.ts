import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isSluiceError, messageOf, SluiceError } from '../lib/errors.js';
import { hasCode, syncFolder, writeOnce } from './files.js';
import { keyId, publicSuffix } from './keys.js';
import type { SigningKey } from './signing.js';

const activeFile = 'recording-ed25519.pem';
const retiredFolder = 'retired';
const pemBlock = /-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----/g;

/** The keys that a gateway can sign with. */
export interface SigningKeys {
  readonly active: SigningKey;
  /** Older ones, by id: only to end the journals that they began. */
  readonly retired: ReadonlyMap<string, SigningKey>;
}

export interface KeyPlace {
  readonly keysDir: string;
  readonly recordingsDir: string;
  /** The text of a PEM that is kept elsewhere (a variable, another file), and where, for messages; null: in `keysDir`. */
  readonly given: GivenKeys | null;
}
export interface GivenKeys {
  /** PKCS#8, Ed25519: the key, and behind it older ones. */
  readonly pem: string;
  readonly from: string;
}

/** Opens the signing keys, or makes one at the first start; publishes their public halves in `<recordings>/keys`. */
export async function openSigningKeys(place: KeyPlace): Promise<SigningKeys> {
  const keys = place.given === null ? await readKeyFiles(place.keysDir) : parseKeys(place.given);
  for (const key of [...keys.retired.values(), keys.active]) await publishKey(place.recordingsDir, key);
  return keys;
}

/**
 * Makes a new active key. The old one stays in `retired/` until every journal that it began has ended; at no moment is
 * there no active key. `introduce` runs when the new key is safely kept and before it is used.
 */
export async function rotateKeyFile(
  place: Omit<KeyPlace, 'given'>,
  introduce: (key: SigningKey) => Promise<void> = () => Promise.resolve(),
): Promise<SigningKey> {
  const { keysDir, recordingsDir } = place;
  const { active } = await readKeyFiles(keysDir);
  const key = newKey();
  const path = join(keysDir, activeFile);
  const next = `${path}.next`;
  await rm(next, { force: true }); // of a rotation that did not end
  await writeOnce(next, privatePem(key), 0o600);
  await publishKey(recordingsDir, key);
  await introduce(key);
  const retired = join(keysDir, retiredFolder);
  await mkdir(retired, { recursive: true, mode: 0o700 });
  await link(path, join(retired, `${active.id}.pem`)).catch((error: unknown) => {
    if (!hasCode(error, 'EEXIST')) throw error;
  });
  await rename(next, path);
  await syncFolder(keysDir);
  await syncFolder(retired);
  return key;
}

/** Removes the private halves of old keys that nothing is signed with any more; the public ones stay for ever. */
export async function forgetRetiredKeys(keysDir: string, isNeeded: (id: string) => boolean): Promise<void> {
  for (const name of await namesIn(join(keysDir, retiredFolder))) {
    if (!isNeeded(name.replace(/\.pem$/, ''))) await rm(join(keysDir, retiredFolder, name), { force: true });
  }
}

async function readKeyFiles(keysDir: string): Promise<SigningKeys> {
  await mkdir(keysDir, { recursive: true, mode: 0o700 });
  const path = join(keysDir, activeFile);
  const active = (await readKeyFile(path)) ?? (await createKeyFile(path));
  const retired = new Map<string, SigningKey>();
  for (const name of await namesIn(join(keysDir, retiredFolder))) {
    const key = await readKeyFile(join(keysDir, retiredFolder, name));
    if (key !== null && key.id !== active.id) retired.set(key.id, key);
  }
  return { active, retired };
}

async function namesIn(dir: string): Promise<readonly string[]> {
  try {
    return (await readdir(dir)).filter((name) => /^key_[0-9a-z]{16}\.pem$/.test(name));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

function parseKeys({ pem, from }: GivenKeys): SigningKeys {
  const [active, ...older] = (pem.match(pemBlock) ?? []).map((block) => parseKey(block, from));
  if (active === undefined) throw notAKey(from);
  return { active, retired: new Map(older.map((key) => [key.id, key])) };
}

function parseKey(pem: string, from: string): SigningKey {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return signingKey(key);
  } catch {
    // The reason may hold parts of the key; it is not passed on.
  }
  throw notAKey(from);
}

function notAKey(from: string): SluiceError {
  return new SluiceError('config_invalid', `${from} does not hold an Ed25519 private key in PEM (PKCS#8)`);
}

function newKey(): SigningKey {
  return signingKey(generateKeyPairSync('ed25519').privateKey);
}

function signingKey(privateKey: KeyObject): SigningKey {
  return { id: keyId(createPublicKey(privateKey)), privateKey };
}

function privatePem({ privateKey }: SigningKey): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Reads a file of keys, which nobody else may read; null when there is none. */
export async function readPrivateFile(path: string): Promise<string | null> {
  try {
    const { mode } = await stat(path);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new SluiceError('config_invalid', `${path} can be read by others; run: chmod 600 ${path}`);
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isSluiceError(error)) throw error;
    if (hasCode(error, 'ENOENT')) return null;
    throw new SluiceError('recorder_failed', `cannot read the recording key: ${messageOf(error)}`, { cause: error });
  }
}

async function readKeyFile(path: string): Promise<SigningKey | null> {
  const pem = await readPrivateFile(path);
  return pem === null ? null : parseKey(pem, path);
}

async function createKeyFile(path: string): Promise<SigningKey> {
  const key = newKey();
  if (await writeOnce(path, privatePem(key), 0o600)) return key;
  const made = await readKeyFile(path); // another process was first
  if (made === null) throw new SluiceError('recorder_failed', `cannot read the recording key at ${path}`);
  return made;
}

async function publishKey(recordingsDir: string, { id, privateKey }: SigningKey): Promise<void> {
  const dir = join(recordingsDir, 'keys');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const pem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  await writeOnce(join(dir, `${id}${publicSuffix}`), pem, 0o644);
}
