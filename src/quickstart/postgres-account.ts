import { createHash } from 'node:crypto';
import { chown, cp, lstat, mkdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SluiceError } from '../lib/errors.js';
import type { PostgresBinaries } from './postgres-binaries.js';

/** The account that the server runs as; null when it is our own. */
export type ServerAccount = { readonly name: string; readonly uid: number; readonly gid: number } | null;

/** PostgreSQL refuses to run as root, so root lends it an account that owns nothing of ours. */
export async function chooseAccount(): Promise<ServerAccount> {
  if (process.getuid?.() !== 0) return null;
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const [name, , uid, gid] = lines.find((fields) => fields[0] === wanted) ?? [];
    if (name !== undefined && Number(uid) > 0) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new SluiceError('local', 'PostgreSQL does not run as root, and this machine has neither postgres nor nobody.', {
    decider: 'local',
    next: [{ command: 'su - USER -c ./scripts/quickstart', when: 'to run as an ordinary user' }],
  });
}

/**
 * Where the server keeps its files. State directories are 0700, out of another account's reach, so root's servers live
 * in /var/tmp under a name that follows from the state directory.
 */
export async function chooseHome(dir: string, account: ServerAccount): Promise<string> {
  if (account === null) return dir;
  const name = createHash('sha256')
    .update(await realpath(dir))
    .digest('hex')
    .slice(0, 16);
  return join('/var/tmp', `sluice-pg-${name}`);
}

/** Makes the home, or accepts it when it is a real directory, private, and the account's own: /var/tmp is everybody's. */
export async function prepareHome(home: string, account: ServerAccount): Promise<void> {
  await mkdir(home, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await lstat(home);
  if (!found.isDirectory()) throw notOurs(home);
  if (account === null || found.uid === account.uid) return;
  // Just made by us (root), or left between making and handing over.
  if (found.uid !== 0) throw notOurs(home);
  await chown(home, account.uid, account.gid);
}

/** The binaries' folder as the account can reach it: node_modules below a private home is copied next to the data. */
export async function reachableBinaries(
  binaries: PostgresBinaries,
  home: string,
  account: ServerAccount,
): Promise<string> {
  if (account === null || binaries.origin === 'system' || (await isReachable(binaries.folder, account))) {
    return binaries.folder;
  }
  const copy = join(home, `server-${binaries.version}`);
  const unfinished = `${copy}.unfinished`;
  if ((await stat(join(copy, 'bin', 'postgres')).catch(() => null)) === null) {
    await rm(unfinished, { recursive: true, force: true });
    await cp(dirname(binaries.folder), unfinished, { recursive: true, verbatimSymlinks: true });
    await rm(copy, { recursive: true, force: true });
    await rename(unfinished, copy);
  }
  return join(copy, 'bin');
}

async function isReachable(folder: string, account: NonNullable<ServerAccount>): Promise<boolean> {
  for (let path = await realpath(folder); ; path = dirname(path)) {
    const { mode, uid, gid } = await stat(path);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

function notOurs(home: string): SluiceError {
  return new SluiceError('local', `${home} exists and is not ours to use.`, {
    decider: 'local',
    next: [{ command: `ls -ld ${home}`, when: 'to see whose it is; remove it if it is stale' }],
  });
}
