import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { SluiceError } from '../lib/errors.js';

const keyBytes = 32;

/**
 * Reads the master key (base 64) from its file, or makes both. The file must be ours alone: one that the group or
 * others may read is refused, as is a symbolic link.
 */
export function readMasterKey(path: string): Buffer {
  try {
    return readKeyFile(path);
  } catch (error) {
    if (!isMissing(error)) throw keyError(path, error);
  }
  try {
    createKeyFile(path);
    return readKeyFile(path);
  } catch (error) {
    throw keyError(path, error);
  }
}

/** Reads a master key given as base 64 (an environment value, a KMS's answer). */
export function parseMasterKey(base64: string): Buffer {
  const text = base64.trim();
  const key = /^[A-Za-z0-9+/]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : null;
  if (key?.length !== keyBytes) {
    throw new SluiceError('config_invalid', 'The master key must be 32 bytes in base 64 (openssl rand -base64 32).', {
      decider: 'local',
    });
  }
  return key;
}

function readKeyFile(path: string): Buffer {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { mode, size, uid } = fstatSync(file);
    const isOurs = process.getuid === undefined || uid === process.getuid();
    // Windows has no such bits; there the directory's access list protects the file.
    if (process.platform !== 'win32' && ((mode & 0o077) !== 0 || !isOurs)) {
      throw new SluiceError(
        'config_invalid',
        `The master key ${path} can be read by others; make it yours alone: chmod 600 ${path}`,
        { decider: 'local' },
      );
    }
    if (size > 1_024) throw new SluiceError('config_invalid', `${path} is not a master key.`, { decider: 'local' });
    return parseMasterKey(readFileSync(file, 'utf8'));
  } finally {
    closeSync(file);
  }
}

/** Written under another name and linked, so that a crash never leaves half a key, nor two starts two keys. */
function createKeyFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, `${randomBytes(keyBytes).toString('base64')}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function keyError(path: string, cause: unknown): SluiceError {
  if (cause instanceof SluiceError) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
  return new SluiceError('local', `Cannot read or create the master key ${path}: ${code}.`, {
    decider: 'local',
    cause,
  });
}
