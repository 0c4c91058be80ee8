import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { IndexClient } from '../recording/index/client.js';
import { lockRecordings } from '../recording/lock.js';
import { readBootstrap } from './bootstrap-file.js';

export interface Reindexed {
  readonly sessions: number;
  /** Of the recordings folder, ledger and all. */
  readonly bytes: number;
  readonly ms: number;
}

/** Builds the index of a gateway that does not run again from its journals. Throws `conflict` while it runs. */
export async function reindex(
  configFile: string,
  onProblem: (message: string, cause: unknown) => void,
): Promise<Reindexed> {
  const { stateDir, recordings } = readBootstrap(configFile);
  const dir = join(stateDir, 'recordings');
  const lock = lockRecordings(dir);
  try {
    const started = performance.now();
    const { identityFile } = recordings;
    const index = new IndexClient(
      { recordingsDir: dir, indexPath: join(stateDir, 'index.db'), identityFile },
      onProblem,
    );
    const { sessions } = await index.ask({ type: 'reindex', live: [] });
    await index.close();
    return { sessions, bytes: await sizeOf(dir), ms: Math.round(performance.now() - started) };
  } finally {
    lock.release();
  }
}

async function sizeOf(dir: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith('.journal'))
      bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
