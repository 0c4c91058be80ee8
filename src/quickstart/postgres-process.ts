import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { open, readFile, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SluiceError } from '../lib/errors.js';
import type { ServerAccount } from './postgres-account.js';

const pollMs = 20;

/** A server process that we started. */
export interface RunningServer {
  readonly exited: Promise<void>;
  ready(timeoutMs: number): Promise<void>;
  stop(mode: 'fast' | 'immediate'): Promise<void>;
}

/** Follows a postgres child through its life. */
export function watchServer(child: ChildProcess, data: string): RunningServer {
  let end: string | null = null;
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      end ??= error.message;
      resolve();
    });
    child.once('exit', (code, signal) => {
      end ??= `it ended with ${signal ?? `code ${String(code)}`}`;
      resolve();
    });
  });
  const hasEnded = (): string | null => end;
  if (child.pid !== undefined) endWithUs(child.pid, exited);
  return {
    exited,
    async ready(timeoutMs) {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const ended = hasEnded();
        if (ended !== null) throw new Error(ended);
        const file = await readPidFile(data);
        if (file !== null && file.pid === child.pid && file.status === 'ready') return;
        if (Date.now() > deadline) {
          child.kill('SIGQUIT');
          throw new Error(`it was not ready after ${timeoutMs / 1000} s`);
        }
        await delay(pollMs);
      }
    },
    async stop(mode) {
      if (hasEnded() !== null || child.pid === undefined) return;
      // Smart, fast and immediate shutdown are SIGTERM, SIGINT and SIGQUIT. PostgreSQL documentation 19.5.
      child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
      await Promise.race([exited, delay(10_000, undefined, { ref: false })]);
      if (hasEnded() !== null) return;
      child.kill('SIGQUIT');
      await Promise.race([exited, delay(5_000, undefined, { ref: false })]);
      if (hasEnded() === null) child.kill('SIGKILL');
      await exited;
    },
  };
}

/**
 * However this process ends, kill -9 included, its server ends too: a shell waits for the end of a pipe that only we hold
 * open, and then asks the server to stop.
 */
function endWithUs(pid: number, exited: Promise<void>): void {
  const watcher = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$0"', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watcher.once('error', () => undefined); // no shell: the next start finds and stops the orphan
  watcher.unref();
  if (watcher.stdin instanceof Socket) watcher.stdin.unref();
  void exited.then(() => watcher.kill('SIGKILL'));
}

/** Stops the server that an earlier, killed run left on `data`, and removes a lock file that nobody holds any more. */
export async function stopServer(data: string): Promise<void> {
  const file = await readPidFile(data);
  if (file === null) return;
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (!(await isServerOf(file.pid, data))) break;
    process.kill(file.pid, signal);
    const deadline = Date.now() + 8_000;
    while (Date.now() < deadline && (await isServerOf(file.pid, data))) await delay(pollMs);
  }
  if (await isServerOf(file.pid, data)) {
    throw new SluiceError('local', `PostgreSQL, process ${file.pid}, still runs on ${data} and does not stop.`, {
      decider: 'local',
      next: [{ command: `kill -9 ${file.pid}`, when: 'to end it by force' }],
    });
  }
  // The process number may belong to somebody else by now, which PostgreSQL itself could not tell from a live server.
  await rm(join(data, 'postmaster.pid'), { force: true });
}

/** postmaster.pid: pid, data directory, start time, port, socket directory, listen address, shared memory, status. */
async function readPidFile(data: string): Promise<{ readonly pid: number; readonly status: string } | null> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => null);
  const lines = text?.split('\n') ?? [];
  const pid = Number(lines[0]);
  return Number.isInteger(pid) && pid > 1 ? { pid, status: (lines[7] ?? '').trim() } : null;
}

async function isServerOf(pid: number, data: string): Promise<boolean> {
  const commandLine =
    process.platform === 'linux'
      ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      : await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).then(
          ({ stdout }) => stdout,
          () => '',
        );
  return commandLine.includes(data) && /postgres|postmaster/.test(commandLine);
}

/** Runs a program to its end, its output appended to the log; a failure carries the output's last lines. */
export async function runToEnd(
  file: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly account: ServerAccount; readonly logFile: string },
): Promise<void> {
  const { account } = options;
  const log = await open(options.logFile, 'a', 0o600);
  try {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', log.fd, log.fd],
      ...(account === null ? {} : { uid: account.uid, gid: account.gid }),
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    });
    if (code === 0) return;
    const tail = (await readFile(options.logFile, 'utf8')).trimEnd().split('\n').slice(-6).join('\n');
    const full = /No space left on device/.test(tail);
    throw new SluiceError('local', full ? 'The disk is full.' : `${file} failed with code ${String(code)}:\n${tail}`, {
      decider: 'local',
      next: full
        ? [{ command: 'df -h', when: 'to see which disk; the demo needs about 300 MB' }]
        : [{ command: `less ${options.logFile}`, when: 'to see all of its output' }],
    });
  } finally {
    await log.close();
  }
}
