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

/** PostgreSQL's port of this start, and of the one before; null at the first. */
export interface PortChange {
  readonly known: number | null;
  readonly port: number;
}

/**
 * PostgreSQL may have come up on another port than the last time: rewrites the line of targets.yaml that says so, and
 * says what it was. Only an address on loopback with the port that `portFile` remembers is ours to change.
 */
export async function patchPort(folder: string, port: number, portFile: string): Promise<PortChange> {
  const read = Number.parseInt(await readFile(portFile, 'utf8').catch(() => ''), 10);
  const change = { known: Number.isNaN(read) ? null : read, port };
  if (change.known === port) return change;
  const file = join(folder, 'targets.yaml');
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text !== null) await replaceFile(file, withPort(text, change));
  await replaceFile(portFile, `${port}\n`);
  return change;
}

/** A targets.yaml with the port of now where it has that of before. */
export function withPort(targets: string, { known, port }: PortChange): string {
  if (known === null) return targets;
  return targets.replaceAll(new RegExp(`(address:\\s*["']?127\\.0\\.0\\.1:)${known}(?!\\d)`, 'g'), `$1${port}`);
}

async function replaceFile(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
