import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { spawn as spawnOnTerminal } from '@lydell/node-pty';

const program = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));
export const terminalSize = { cols: 120, rows: 40 } as const;

export interface Running {
  readonly args: readonly string[];
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  /** Ctrl-C once the output has this. */
  readonly until?: RegExp;
  /** Called with each new piece of output: all that there is. */
  readonly onOutput?: (output: string) => void;
}

export interface Ended {
  readonly code: number | null;
  /** On a terminal both streams are one: all of it is here. */
  readonly stdout: string;
  readonly stderr: string;
}

/** What comes on stdin: a text, nothing and its end, or nothing as long as it runs. */
export const silent = Symbol('a pipe that is open and silent');
export type Input = string | null | typeof silent;

/** The installed program, its two streams apart; nothing of the person who runs the tests is read or written. */
export function runPiped(run: Running & { readonly input: Input }): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...run.args], { cwd: run.home, stdio: 'pipe', env: run.env });
  child.stdin.on('error', () => undefined); // it may end without having read
  if (run.input !== silent) child.stdin.end(run.input ?? '');
  let stdout = '';
  let stderr = '';
  let interrupted = false;
  const look = (): void => {
    run.onOutput?.(stdout + stderr);
    if (interrupted || run.until?.test(stdout + stderr) !== true) return;
    interrupted = true;
    child.kill('SIGINT');
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    look();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      child.stdin.destroy();
      resolve({ code, stdout, stderr });
    });
  });
}

/** The same on a terminal, as a person sees it. */
export function runOnTerminal(run: Running): Promise<Ended> {
  const pty = spawnOnTerminal(process.execPath, [program, ...run.args], {
    ...terminalSize,
    name: 'xterm-256color',
    cwd: run.home,
    env: { ...run.env },
  });
  // When nobody has the program's side open any more, the system drops what has not been read: so it is open here too.
  const { ptsName } = pty as { readonly ptsName?: string };
  const held = ptsName === undefined ? null : openSync(ptsName, constants.O_RDWR | constants.O_NOCTTY);
  let output = '';
  let interrupted = false;
  pty.onData((text) => {
    output += text;
    run.onOutput?.(output);
    if (interrupted || run.until?.test(output) !== true) return;
    interrupted = true;
    pty.write('\u0003');
  });
  return new Promise((resolve) => {
    pty.onExit(({ exitCode, signal }) => {
      if (held !== null) closeSync(held);
      const bySignal = signal !== undefined && signal !== 0;
      resolve({ code: bySignal ? null : exitCode, stdout: output.replaceAll('\r\n', '\n'), stderr: '' });
    });
  });
}
