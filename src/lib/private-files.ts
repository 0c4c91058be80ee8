import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, SluiceError } from './errors.js';

/** A system error's code (ENOENT…), or null. */
export function systemCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** The text of a file, or null when there is none. */
export function readIfPresent(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw new SluiceError('local', `Cannot read ${file}: ${messageOf(error)}`, { decider: 'local', cause: error });
  }
}

/** Replaces a file in one step. Only its owner can read it, from its first byte; its folder is made private if new. */
export function writePrivate(file: string, text: string): void {
  // Asked for here, since most who read files write none, and loading it is a good part of a process's start.
  const { randomBytes } = process.getBuiltinModule('node:crypto');
  const draft = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(draft, text, { mode: 0o600, flag: 'wx' });
    chmodSync(draft, 0o600);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new SluiceError('local', `Cannot write ${file}: ${messageOf(error)}`, { decider: 'local', cause: error });
  }
}

/**
 * Makes the file if there is none, so that at no moment others may read it, and closes one to them that they could. A
 * database that opens it gives its other files the same mode. An existing file is not opened here: closing any descriptor
 * of it would drop this process's locks (POSIX fcntl). Throws the system's error.
 */
export function ensurePrivate(file: string): void {
  if (!existsSync(file)) closeSync(openSync(file, 'wx', 0o600));
  chmodSync(file, 0o600);
}
