import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isId } from '../lib/ids.js';

/** Where things are in the recordings folder. */
export const ledgerName = 'ledger.journal';
const journalSuffix = '.journal';
const dayPattern = /^\d{4,6}-\d\d-\d\d$/;

/** `YYYY-MM-DD/<session id>.journal`, the day in UTC; how the ledger names a journal. */
export function journalPath(session: string, openedAt: number): string {
  const [day = ''] = new Date(openedAt).toISOString().split('T');
  return `${day}/${session}${journalSuffix}`;
}

/** Says whether a path that came from a file is one that `journalPath` could have made; anything else must not be opened. */
export function isJournalPath(path: string): boolean {
  const [day = '', name = '', ...more] = path.split('/');
  if (more.length > 0 || !dayPattern.test(day) || !name.endsWith(journalSuffix)) return false;
  return isId('ses', name.slice(0, -journalSuffix.length));
}

/** The session whose journal this path names. */
export function sessionOfPath(path: string): string {
  return path.slice(path.indexOf('/') + 1, -journalSuffix.length);
}

/** Every journal in the folder, as the ledger would name it, oldest day first. Days before `since` are left out. */
export async function* journalPaths(dir: string, since = ''): AsyncGenerator<string> {
  const days = await readdir(dir, { withFileTypes: true });
  const names = days.filter((day) => day.isDirectory() && dayPattern.test(day.name) && day.name >= since);
  for (const day of names.map(({ name }) => name).sort()) {
    const files = await readdir(join(dir, day));
    for (const file of files.sort()) if (isJournalPath(`${day}/${file}`)) yield `${day}/${file}`;
  }
}
