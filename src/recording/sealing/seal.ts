import { createHash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { chunksOf } from '../scan.js';
import { encodeMember, pieceBytes } from './members.js';
import { sealedSuffix } from './sealed-file.js';

/** What sealing one journal came to, in bytes. */
export interface Sealed {
  readonly before: number;
  readonly after: number;
}

/**
 * Packs a closed journal into `….journal.gz`, which any gunzip opens, and removes the journal once what was packed has
 * been read back and is the same. A crash at any point leaves the journal, the packed one, or both.
 */
export async function sealJournal(path: string): Promise<Sealed> {
  const draft = `${path.slice(0, -'.journal'.length)}.sealing.journal${sealedSuffix}`;
  try {
    const { digest, before, after } = await pack(path, draft);
    if ((await digestOf(draft)) !== digest) throw new Error(`${draft} does not read back as it was written`);
    await rename(draft, `${path}${sealedSuffix}`);
    await syncFolder(dirname(path));
    await rm(path);
    return { before, after };
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

async function pack(path: string, draft: string): Promise<Sealed & { readonly digest: string }> {
  const [from, to] = [await open(path, 'r'), await open(draft, 'w', 0o600)];
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafeSlow(pieceBytes);
    let before = 0;
    let after = 0;
    for (;;) {
      const { bytesRead } = await from.read(buffer, 0, pieceBytes, before);
      if (bytesRead === 0) break;
      const piece = buffer.subarray(0, bytesRead);
      hash.update(piece);
      const member = await encodeMember(piece);
      await to.write(member);
      before += bytesRead;
      after += member.length;
      if (bytesRead < pieceBytes) break;
    }
    await to.sync();
    return { digest: hash.digest('hex'), before, after };
  } finally {
    await from.close();
    await to.close();
  }
}

/** SHA-256 of a journal's bytes, unpacked. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(path)) hash.update(chunk);
  return hash.digest('hex');
}

/** What was made or renamed in a folder is only there after a power cut when the folder is on the disk too. */
export async function syncFolder(dir: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be opened there
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
