import { constants } from 'node:fs';
import { open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeCommits } from './commit-frame.js';
import { isJournalPath, sessionOfPath } from './layout.js';

export const commitLogName = 'commit.log';

/**
 * Puts back into the journals what a power cut took from them and the commit log still has, then removes the log. After
 * a mere crash the journals have everything, and nothing changes. Journals that were closed are left alone. Gives the
 * places of those it mended.
 */
export async function replayCommits(dir: string, isClosed: (session: string) => boolean): Promise<readonly string[]> {
  const path = join(dir, commitLogName);
  let log: Buffer;
  try {
    log = await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  const files = new Map<string, FileHandle | null>();
  const mended = new Set<string>();
  try {
    for (const { place, offset, bytes } of decodeCommits(log)) {
      if (!isJournalPath(place) || isClosed(sessionOfPath(place))) continue;
      const file = files.get(place) ?? (await openJournal(join(dir, place)));
      files.set(place, file);
      if (file === null || (await holds(file, offset, bytes))) continue;
      await file.write(bytes, 0, bytes.length, offset);
      mended.add(place);
    }
    for (const place of mended) await files.get(place)?.sync();
  } finally {
    for (const file of files.values()) await file?.close();
  }
  await rm(path);
  return [...mended];
}

/** Null when it is not there: then the ledger says what that means. */
async function openJournal(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDWR);
  } catch {
    return null;
  }
}

async function holds(file: FileHandle, offset: number, bytes: Uint8Array): Promise<boolean> {
  const there = Buffer.alloc(bytes.length);
  const { bytesRead } = await file.read(there, 0, there.length, offset);
  return bytesRead === bytes.length && there.equals(bytes);
}
