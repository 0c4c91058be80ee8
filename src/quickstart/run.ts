import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { exitCodeOf } from '../cli/exit-codes.js';
import { isSluiceError, messageOf, SluiceError } from '../lib/errors.js';
import { announcer, type Announce, type QuickstartOutput } from './events.js';
import { tryPort } from './ports.js';
import { removePostgres, type DemoPostgres } from './postgres.js';
import { shopDatabase } from './seed.js';
import { demoTarget, startStack, type Stack } from './stack.js';
import { walkTour } from './tour.js';

export interface QuickstartOptions {
  readonly port: number;
  /** Null: a temporary one, for a tour. */
  readonly stateDir: string | null;
  readonly reset: boolean;
  readonly json: boolean;
  readonly tour: boolean;
  readonly signal: AbortSignal;
  readonly write: QuickstartOutput;
}

/**
 * Runs everything until the signal, which is the usual way to end it: the exit code is then 0. Failures are thrown, and
 * with `json` said as an event instead.
 */
export async function runQuickstart(options: QuickstartOptions): Promise<number> {
  const announce = announcer(options.write, { json: options.json, cli: shownCommand() });
  try {
    await (options.tour ? runTour(options, announce) : serve(options, announce));
    return 0;
  } catch (error) {
    if (options.signal.aborted && !options.tour) {
      announce({ event: 'stopped' }); // asked to end while still starting
      return 0;
    }
    const explained = explain(error);
    if (!options.json) throw explained;
    const { code, message, details } = explained;
    announce({ event: 'error', code, message, next: details.next ?? [] });
    return exitCodeOf(code);
  }
}

async function serve(options: QuickstartOptions, announce: Announce): Promise<void> {
  if (options.stateDir === null) throw new TypeError('only a tour works without a state directory');
  const { signal, port, stateDir, reset } = options;
  const stack = await startStack({ port, stateDir, reset, signal, announce, env: process.env });
  try {
    announceReady(stack, announce);
    const stop = new AbortController();
    void stack.postgres.exited.then(() => {
      // The gateway goes on: what it recorded is worth looking at, and its other answers stay right.
      if (!stop.signal.aborted) announce({ event: 'postgres_ended', log: stack.postgres.logFile });
    });
    await aborted(signal);
    stop.abort();
    announce({ event: 'stopping' });
  } finally {
    await stack.stop();
  }
  announce({ event: 'stopped' });
}

async function runTour(options: QuickstartOptions, announce: Announce): Promise<void> {
  const temporary = options.stateDir === null ? await mkdtemp(join(tmpdir(), 'sluice-tour-state-')) : null;
  const stateDir = options.stateDir ?? join(temporary ?? '', 'state');
  const { signal, reset, write } = options;
  try {
    const port = (await tryPort(options.port)) === null ? 0 : options.port;
    const stack = await startStack({ port, stateDir, reset, signal, announce, env: process.env });
    try {
      if (options.json) announceReady(stack, announce);
      await walkTour({
        ground: {
          gateway: stack.url,
          recordings: join(stack.stateDir, 'recordings'),
          ask: (sql) => askDirectly(stack.postgres, sql),
        },
        cli: { file: process.execPath, args: [...process.execArgv, commandFile()] },
        cwd: packageFolder(),
        env: process.env,
        // With --json stdout is for events alone.
        print: options.json ? write.stderr : write.stdout,
        signal,
      });
    } finally {
      await stack.stop();
    }
    announce({ event: 'stopped' });
  } finally {
    if (temporary !== null) {
      await removePostgres(join(stateDir, 'postgres')).catch(() => undefined);
      await rm(temporary, { recursive: true, force: true });
    }
  }
}

function announceReady(stack: Stack, announce: Announce): void {
  announce({
    event: 'ready',
    gateway: stack.url,
    targets: [demoTarget],
    users: stack.users,
    state_dir: stack.stateDir,
  });
}

async function askDirectly(server: DemoPostgres, sql: string): Promise<readonly Readonly<Record<string, string>>[]> {
  const { host, port, superuser: user, password } = server;
  const client = new pg.Client({ host, port, user, password, database: shopDatabase });
  await client.connect();
  try {
    return (await client.query<Record<string, string>>(sql)).rows;
  } finally {
    await client.end();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Errors of the operating system in words; anything unforeseen stays as it is. */
function explain(error: unknown): SluiceError {
  if (isSluiceError(error)) return error;
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SluiceError('local', 'The disk is full.', {
      decider: 'local',
      cause: error,
      next: [{ command: 'df -h', when: 'to see which; the quickstart needs about 400 MB' }],
    });
  }
  return new SluiceError('unexpected', messageOf(error), { cause: error });
}

function commandFile(): string {
  const file = process.argv[1];
  if (file === undefined) throw new SluiceError('unexpected', 'The command line does not know its own file.');
  return file;
}

/** What a person types for the running command line: from a clone there is no `sluice` on the PATH. */
function shownCommand(): string {
  const file = commandFile();
  return basename(file) === 'sluice' ? 'sluice' : file;
}

/** The folder with package.json: two up from src/quickstart, three from dist/src/quickstart. */
function packageFolder(): string {
  const above = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  return basename(above) === 'dist' ? dirname(above) : above;
}
