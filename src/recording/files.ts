import { link, open, rm } from 'node:fs/promises';
import { messageOf, SluiceError } from '../lib/errors.js';

/** Says whether the file system refused with this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/**
 * Writes a file that does not exist yet and brings it to the disk; false when it does exist. It appears with its whole
 * content or not at all, wherever the process is killed.
 */
export async function writeOnce(path: string, text: string, mode: number): Promise<boolean> {
  const draft = `${path}.${process.pid}.tmp`;
  try {
    await rm(draft, { force: true });
    const file = await open(draft, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw new SluiceError('recorder_failed', `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  } finally {
    await rm(draft, { force: true });
  }
}

/** A new file is only there after a power cut when its folder is on the disk too. */
export async function syncFolder(dir: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be opened there
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
