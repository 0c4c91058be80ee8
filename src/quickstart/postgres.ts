import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SluiceError, messageOf } from '../lib/errors.js';
import { quoteForShell } from '../lib/shell-quote.js';
import { chooseAccount, chooseHome, prepareHome, reachableBinaries, type ServerAccount } from './postgres-account.js';
import { findPostgres, type PostgresBinaries } from './postgres-binaries.js';
import { runToEnd, stopServer, watchServer, type RunningServer } from './postgres-process.js';
import { choosePort } from './ports.js';

/** The superuser of a server we made; only setup and seeding log in as it. */
export const superuserName = 'sluice_admin';

export interface StartPostgresOptions {
  /** Holds port, password and log; also the data unless we are root. Made when missing. */
  readonly dir: string;
  readonly major?: number | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** False for tests: nothing is flushed to disk, since nothing is kept. */
  readonly lasting?: boolean;
  /** Server settings beside our own, or in their place. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A PostgreSQL server of ours on loopback. */
export interface DemoPostgres {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly superuser: string;
  readonly password: string;
  readonly version: string;
  readonly logFile: string;
  /** Resolves when the server is gone, asked to or not. */
  readonly exited: Promise<void>;
  stop(): Promise<void>;
}

/** Starts the server of `dir`, making it first if need be; one that an earlier run left behind is stopped. */
export async function startPostgres(options: StartPostgresOptions): Promise<DemoPostgres> {
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  const account = await chooseAccount();
  const home = await chooseHome(options.dir, account);
  await prepareHome(home, account);
  const data = join(home, 'data');
  const logFile = join(options.dir, 'postgres.log');

  await stopServer(data);
  const existing = await readMajor(data);
  const binaries = await findPostgres({ major: existing ?? options.major ?? null, env: options.env });
  const folder = await reachableBinaries(binaries, home, account);
  const password = await readPassword(options.dir, existing !== null);
  const lasting = options.lasting ?? true;
  if (existing === null) await initialise({ folder, major: binaries.major, home, data, password, account, logFile });
  options.signal?.throwIfAborted();

  const port = await choosePort(join(options.dir, 'port'));
  const log = await open(logFile, 'a', 0o600);
  try {
    const child = spawn(join(folder, 'postgres'), serverArguments(data, port, lasting, options.settings), {
      cwd: home,
      env: serverEnvironment(options.env),
      stdio: ['ignore', log.fd, log.fd],
      detached: true, // a terminal's Ctrl-C reaches us alone; we stop the server last
      ...(account === null ? {} : { uid: account.uid, gid: account.gid }),
    });
    const server = watchServer(child, data);
    await server.ready(30_000).catch(async (error: unknown) => {
      throw await explainFailure(error, logFile, binaries);
    });
    return describe(server, { port, password, binaries, logFile, lasting });
  } finally {
    await log.close();
  }
}

function describe(
  server: RunningServer,
  facts: { port: number; password: string; binaries: PostgresBinaries; logFile: string; lasting: boolean },
): DemoPostgres {
  return {
    host: '127.0.0.1',
    port: facts.port,
    superuser: superuserName,
    password: facts.password,
    version: facts.binaries.version,
    logFile: facts.logFile,
    exited: server.exited,
    stop: () => server.stop(facts.lasting ? 'fast' : 'immediate'),
  };
}

/**
 * `synchronous_commit=off` makes the demo quick and can lose only its last fraction of a second, never its consistency;
 * fsync stays on so that a power cut does not leave a database that cannot start.
 */
function serverArguments(
  data: string,
  port: number,
  lasting: boolean,
  more: StartPostgresOptions['settings'] = {},
): string[] {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
    max_connections: '300',
    shared_buffers: '64MB',
    max_wal_size: '256MB',
    synchronous_commit: 'off',
    fsync: lasting ? 'on' : 'off',
    log_line_prefix: '%m [%p] ',
    logging_collector: 'off',
    ...more,
  };
  return ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/** No PG* variable of the user's may steer our server. */
function serverEnvironment(env: StartPostgresOptions['env']): Record<string, string> {
  return { PATH: env['PATH'] ?? '', LANG: 'C.UTF-8', LC_ALL: 'C', TZ: 'UTC' };
}

interface Initialisation {
  readonly folder: string;
  readonly major: number;
  readonly home: string;
  readonly data: string;
  readonly password: string;
  readonly account: ServerAccount;
  readonly logFile: string;
}

/** initdb into a folder beside, renamed when complete: a kill in between leaves nothing half made. */
async function initialise({ folder, major, home, data, password, account, logFile }: Initialisation): Promise<void> {
  const fresh = `${data}.new`;
  const passwordFile = join(home, 'password.new');
  await rm(fresh, { recursive: true, force: true });
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, password, { mode: 0o600, flag: 'wx' });
  try {
    if (account !== null) await chown(passwordFile, account.uid, account.gid);
    // initdb says how to go on, and only since PostgreSQL 14 can be asked not to.
    const quiet = major < 14 ? [] : ['--no-instructions'];
    const locale = ['--encoding=UTF8', '--locale=C', '--no-sync', ...quiet];
    const login = [`--username=${superuserName}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
    await runToEnd(join(folder, 'initdb'), ['-D', fresh, ...locale, ...login], { cwd: home, account, logFile });
    await rename(fresh, data);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function readMajor(data: string): Promise<number | null> {
  const text = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => null);
  return text === null ? null : Number.parseInt(text, 10);
}

async function readPassword(dir: string, mustExist: boolean): Promise<string> {
  const file = join(dir, 'superuser.password');
  const known = await readFile(file, 'utf8').catch(() => null);
  if (known !== null && known !== '') return known;
  if (mustExist) {
    // Without the directory, what is deleted would be the default one: another quickstart's.
    const stateDir = quoteForShell(dirname(dir));
    throw new SluiceError('local', `${file} is gone, and with it the way into the demo database.`, {
      decider: 'local',
      next: [{ command: `sluice quickstart --reset --state-dir ${stateDir}`, when: 'to begin again' }],
    });
  }
  const password = randomBytes(24).toString('base64url');
  await writeFile(file, password, { mode: 0o600 });
  return password;
}

async function explainFailure(error: unknown, logFile: string, binaries: PostgresBinaries): Promise<SluiceError> {
  const log = await readFile(logFile, 'utf8').catch(() => '');
  const last = log.trimEnd().split('\n').slice(-8).join('\n');
  const full = /No space left on device/.test(last);
  return new SluiceError(
    'local',
    full
      ? 'The disk is full: PostgreSQL could not start.'
      : `PostgreSQL ${binaries.version} did not start: ${messageOf(error)}\n${last}`,
    { decider: 'local', cause: error, next: [{ command: `less ${logFile}`, when: 'to see its whole log' }] },
  );
}

/** Stops and deletes the server of `dir`, wherever its data is. `dir` itself is the caller's. */
export async function removePostgres(dir: string): Promise<void> {
  const account = await chooseAccount();
  const home = await chooseHome(dir, account);
  await stopServer(join(home, 'data'));
  if (home === dir) await rm(join(home, 'data'), { recursive: true, force: true });
  else await rm(home, { recursive: true, force: true });
}
