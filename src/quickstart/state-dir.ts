import { access, constants, link, mkdir, readdir, readFile, realpath, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '../lib/errors.js';
import { removePostgres } from './postgres.js';
import { startTimeOf } from './process-start.js';

const marker = 'quickstart.json';
const lock = 'quickstart.lock';

/** Everything that a quickstart makes in its directory; --reset removes these and nothing else. */
const ownEntries: readonly RegExp[] = [
  /^(state|index)\.db(-wal|-shm|-journal)?$/,
  /^(recordings|keys|postgres|bundle|identity|demo-idp)$/,
  /^(gateway|quickstart|applied|demo-[a-z-]+|idp-[a-z-]+)\.(json|log)$/,
];

/** A state directory that this process alone may use until it is released. */
export interface StateDir {
  readonly path: string;
  /** Nothing was there before. */
  readonly fresh: boolean;
  release(): Promise<void>;
}

export interface ClaimOptions {
  readonly path: string;
  /** Forget everything that an earlier quickstart kept there. */
  readonly reset: boolean;
}

/** Takes the directory, made when missing; refuses one that holds something else or that another quickstart uses. */
export async function claimStateDir(options: ClaimOptions): Promise<StateDir> {
  const path = await prepareFolder(options.path);
  const present = (await readdir(path)).filter((name) => !name.startsWith(lock));
  if (present.length > 0 && !present.includes(marker)) {
    throw new SluiceError('local', `${path} is not empty and not the state of a quickstart.`, {
      decider: 'local',
      next: [{ command: 'sluice quickstart --state-dir DIR', when: 'with an empty or new directory' }],
    });
  }
  const release = await takeLock(path);
  try {
    if (options.reset) await forget(path, present);
    const fresh = options.reset || !present.includes(marker);
    await requireSpace(path, fresh);
    if (fresh) await writeFile(join(path, marker), `${JSON.stringify({ quickstart: 1 })}\n`, { mode: 0o600 });
    return { path, fresh, release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function prepareFolder(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const real = await realpath(path);
    await access(real, constants.R_OK | constants.W_OK | constants.X_OK);
    await readdir(real);
    return real;
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const full = reason === 'ENOSPC' || reason === 'EDQUOT';
    throw new SluiceError(
      'local',
      full ? `The disk is full: ${path} cannot be made.` : `${path} cannot be used as state directory (${reason}).`,
      {
        decider: 'local',
        cause: error,
        next: [{ command: 'sluice quickstart --state-dir DIR', when: 'with a directory that you can write to' }],
      },
    );
  }
}

async function forget(path: string, present: readonly string[]): Promise<void> {
  if (present.includes('postgres')) await removePostgres(join(path, 'postgres'));
  for (const name of present) {
    if (ownEntries.some((own) => own.test(name))) await rm(join(path, name), { recursive: true, force: true });
  }
}

/** The demo database, its write-ahead log and room to work: a full disk half way would be harder to explain. */
async function requireSpace(path: string, fresh: boolean): Promise<void> {
  const { bavail, bsize } = await statfs(path);
  const neededMb = fresh ? 400 : 50;
  const freeMb = Math.floor((bavail * bsize) / 1024 / 1024);
  if (freeMb >= neededMb) return;
  throw new SluiceError('local', `Not enough disk space: ${path} has ${freeMb} MB free, and ${neededMb} are needed.`, {
    decider: 'local',
    next: [
      { command: `df -h ${path}`, when: 'to see which disk' },
      { command: 'sluice quickstart --state-dir DIR', when: 'to use another one' },
    ],
  });
}

/** The lock names its process by number and start time: the number alone may be somebody else's after a crash. */
async function takeLock(path: string): Promise<() => Promise<void>> {
  const file = join(path, lock);
  const mine = `${file}.${process.pid}`;
  await writeFile(mine, JSON.stringify({ pid: process.pid, started: await startTimeOf(process.pid) }), { mode: 0o600 });
  for (let attempt = 0; ; attempt++) {
    try {
      await link(mine, file); // appears with its content, or not at all
      await rm(mine);
      return () => rm(file, { force: true });
    } catch (error) {
      const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
      if (!exists || attempt > 3) throw error;
    }
    const holder = parseLock(await readFile(file, 'utf8').catch(() => ''));
    if (holder !== null && (await startTimeOf(holder.pid)) === holder.started) {
      await rm(mine, { force: true });
      throw new SluiceError('local', `Another quickstart, process ${holder.pid}, is running on ${path}.`, {
        decider: 'local',
        next: [
          { command: `kill ${holder.pid}`, when: 'to stop it' },
          { command: 'sluice quickstart --state-dir DIR --port 0', when: 'to run a second one beside it' },
        ],
      });
    }
    await rm(file, { force: true });
  }
}

function parseLock(text: string): { readonly pid: number; readonly started: string } | null {
  const match = /^\{"pid":(\d{1,10}),"started":"([^"]+)"\}$/.exec(text);
  return match?.[1] === undefined || match[2] === undefined ? null : { pid: Number(match[1]), started: match[2] };
}
