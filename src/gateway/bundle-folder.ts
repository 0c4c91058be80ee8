import { readFile, readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { SluiceError } from '../lib/errors.js';

const maxFiles = 1000;

/** A folder's files as a bundle has them, or null when there is no such folder. Hidden files and links are left out. */
export async function readBundleFolder(dir: string): Promise<ReadonlyMap<string, string> | null> {
  let entries;
  try {
    entries = await readdir(dir, { recursive: true, withFileTypes: true });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new SluiceError('config_invalid', `cannot read the bundle in ${dir}`, { cause: error });
  }
  const files = new Map<string, string>();
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(dir.length).split(sep).filter(Boolean).join('/');
    if (!entry.isFile() || name.split('/').some((part) => part.startsWith('.'))) continue;
    if (files.size >= maxFiles) throw new SluiceError('config_invalid', `${dir} holds more than ${maxFiles} files`);
    files.set(name, await readFile(path, 'utf8'));
  }
  return files.size === 0 ? null : files;
}
