import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SealedFile, sealedSuffix } from './sealed-file.js';

/** Where a journal of the ledger is and how long it is unpacked: as it was written, or sealed. Null when it is neither. */
export async function locateJournal(
  dir: string,
  path: string,
): Promise<{ readonly file: string; readonly bytes: number; readonly sealed: boolean } | null> {
  const file = join(dir, path);
  const bytes = await sizeOf(file);
  if (bytes !== null) return { file, bytes, sealed: false };
  const sealed = `${file}${sealedSuffix}`;
  if ((await sizeOf(sealed)) === null) return null;
  return { file: sealed, bytes: journalBytes(sealed), sealed: true };
}

/** How long the journal in a sealed file is; 0 when the file is not what sealing made, which reading it tells. */
function journalBytes(path: string): number {
  try {
    return new SealedFile(path).size;
  } catch {
    return 0;
  }
}

/** Null when there is no such file. */
export async function sizeOf(path: string): Promise<number | null> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : null;
  } catch {
    return null;
  }
}
