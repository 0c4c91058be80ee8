import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { SluiceError } from '../lib/errors.js';

/** Writes the bundle's files where there is no bundle yet; complete or not at all. */
export async function writeBundleOnce(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  const present = await stat(folder).catch(() => null);
  if (present !== null) return;
  const unfinished = `${folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  for (const [path, text] of files) {
    const file = join(unfinished, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, text, { mode: 0o600 });
  }
  await rename(unfinished, folder);
}

/** Reads the bundle as its owner left it. Dot files are no part of it. */
export async function readBundle(folder: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const path = relative(folder, file).split(sep).join('/');
    if (!entry.isFile() || path.split('/').some((part) => part.startsWith('.'))) continue;
    const { size } = await stat(file);
    if (size > 1024 * 1024) {
      throw new SluiceError('config_invalid', `${file} is too large for a bundle (${size} bytes).`, {
        decider: 'local',
      });
    }
    files.set(path, await readFile(file, 'utf8'));
  }
  return files;
}

/**
 * PostgreSQL may have come up on another port than the last time: rewrites the one line of targets.yaml that says so.
 * Only an address on loopback that had our old port is ours to change.
 */
export async function patchPort(folder: string, ports: { readonly from: number; readonly to: number }): Promise<void> {
  if (ports.from === ports.to) return;
  const file = join(folder, 'targets.yaml');
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return; // the gateway says what is missing
  const patched = text.replaceAll(
    new RegExp(`(address:\\s*["']?127\\.0\\.0\\.1:)${ports.from}(?!\\d)`, 'g'),
    `$1${ports.to}`,
  );
  if (patched === text) return;
  await writeFile(`${file}.new`, patched, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
