import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../../bin/dev.js', import.meta.url));

export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Where it is run; in its home where nothing is said. */
  readonly cwd?: string;
  /** What is piped in; null closes stdin at once, undefined leaves it open until the end. */
  readonly input?: string | null | undefined;
  /** What is piped in at once, stdin being left open. */
  readonly begin?: string;
  /** Sends SIGINT, or the signal that it names, when this resolves. */
  readonly interrupt?: Promise<void> | { readonly signal: NodeJS.Signals; readonly when: Promise<void> };
  /** Closes our end of stdout at the first byte, as `| head -1` does. */
  readonly closeStdout?: boolean;
  /** A file that takes stdout in place of us. */
  readonly stdoutTo?: string;
  /** Hears all that there is on stderr whenever more has come, and may write to stdin, which `input` left open. */
  readonly onStderr?: (text: string, stdin: Writable) => void;
  /** Hears that something has come on stdout. */
  readonly onStdout?: () => void;
}

/** A home of its own for the command line: nothing of the person who runs the tests is read or written. */
export async function makeHome(): Promise<{ readonly dir: string; readonly remove: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-cli-'));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** Runs the command line from source as a process of its own, without a terminal. */
export function runCli(home: string, args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const { stdoutTo } = options;
  const words = stdoutTo === undefined ? [] : ['sh', '-c', `exec "$0" "$@" >'${stdoutTo}'`];
  const [program = '', ...all] = [...words, process.execPath, entry, ...args];
  const child = spawn(program, all, {
    cwd: options.cwd ?? home,
    stdio: 'pipe',
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      SLUICE_CONFIG_DIR: join(home, 'config'),
      SLUICE_STATE_DIR: join(home, 'state'),
      ...options.env,
    },
  });
  const { input } = options;
  child.stdin.on('error', () => undefined);
  if (options.begin !== undefined) child.stdin.write(options.begin);
  if (input !== undefined) child.stdin.end(input ?? '');
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    options.onStdout?.();
    if (options.closeStdout === true) child.stdout.destroy();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    options.onStderr?.(stderr, child.stdin);
  });
  const { interrupt } = options;
  if (interrupt instanceof Promise) void interrupt.then(() => child.kill('SIGINT'));
  else void interrupt?.when.then(() => child.kill(interrupt.signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      child.stdin.destroy();
      resolve({ code, stdout, stderr });
    });
  });
}

/** The one document that a --json run must have printed; throws when there is anything else on stdout. */
export function onlyDocument(run: CliRun): Record<string, unknown> {
  const lines = run.stdout.split('\n');
  if (lines.length !== 2 || lines[1] !== '')
    throw new Error(`not exactly one line on stdout: ${JSON.stringify(run.stdout)}`);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}
