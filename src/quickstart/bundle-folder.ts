import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

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

/**
 * PostgreSQL may have come up on another port than the last time: rewrites the line of targets.yaml that says so. Only an
 * address on loopback with the port that `portFile` remembers is ours to change.
 */
export async function patchPort(folder: string, port: number, portFile: string): Promise<void> {
  const known = Number.parseInt(await readFile(portFile, 'utf8').catch(() => ''), 10);
  if (known === port) return;
  const file = join(folder, 'targets.yaml');
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text !== null && !Number.isNaN(known)) {
    const address = new RegExp(`(address:\\s*["']?127\\.0\\.0\\.1:)${known}(?!\\d)`, 'g');
    await replaceFile(file, text.replaceAll(address, `$1${port}`));
  }
  await replaceFile(portFile, `${port}\n`);
}

async function replaceFile(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
