import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isId } from '../lib/ids.js';
import { isSealed, sealedSuffix } from './sealing/sealed-file.js';

/** Where things are in the recordings folder. */
export const ledgerName = 'ledger.journal';
const journalSuffix = '.journal';
const dayPattern = /^\d{4,6}-\d\d-\d\d$/;

/** Folders that are no volumes, whatever their name. */
const ownFolders: ReadonlySet<string> = new Set(['keys']);
const volumePattern = /^[a-z][a-z0-9-]{0,31}$/;

/** A folder in the recordings folder, best a disk of its own, that takes the journals of some targets. */
export function isVolumeName(name: string): boolean {
  return volumePattern.test(name) && !ownFolders.has(name);
}

/** `YYYY-MM-DD/<session id>.journal`, the day in UTC: a journal in its volume, and as the ledger names one outside of any. */
export function journalPath(session: string, openedAt: number): string {
  const [day = ''] = new Date(openedAt).toISOString().split('T');
  return `${day}/${session}${journalSuffix}`;
}

/**
 * Says whether a path that came from a file is one that `journalPath` could have made, perhaps behind a volume's name;
 * anything else must not be opened.
 */
export function isJournalPath(path: string): boolean {
  const parts = path.split('/');
  const [name = '', day = '', volume] = parts.reverse();
  if (parts.length > 3 || !dayPattern.test(day) || !name.endsWith(journalSuffix)) return false;
  return (volume === undefined || isVolumeName(volume)) && isId('ses', name.slice(0, -journalSuffix.length));
}

/** The session whose journal this path names. */
export function sessionOfPath(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1, -journalSuffix.length);
}

/** Every journal in the folder and its volumes, as the ledger would name it. Days before `since` are left out. */
export async function* journalPaths(dir: string, since = ''): AsyncGenerator<string> {
  yield* pathsIn(dir, '', since);
  for (const volume of await volumeNames(dir)) yield* pathsIn(dir, `${volume}/`, since);
}

/** Folders (or links to some) that hold journals as volumes do, configured or not. */
async function volumeNames(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink());
  return folders.map(({ name }) => name).filter((name) => isVolumeName(name));
}

async function* pathsIn(dir: string, volume: string, since: string): AsyncGenerator<string> {
  const days = await readdir(join(dir, volume), { withFileTypes: true });
  const names = days.filter((day) => day.isDirectory() && dayPattern.test(day.name) && day.name >= since);
  for (const day of names.map(({ name }) => name).sort()) {
    const files = await readdir(join(dir, volume, day));
    // A sealed journal stands for the one that the ledger names.
    const journals = new Set(files.map((file) => (isSealed(file) ? file.slice(0, -sealedSuffix.length) : file)));
    for (const file of [...journals].sort()) if (isJournalPath(`${day}/${file}`)) yield `${volume}${day}/${file}`;
  }
}
