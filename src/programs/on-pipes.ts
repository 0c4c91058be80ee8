import { spawn } from 'node:child_process';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { SluiceError } from '../lib/errors.js';
import { type Ending, type Running, unknownEnding } from './running.js';
import { goneMs, type Start, wrapped } from './start.js';

/** Starts a program on pipes, in a process group of its own. */
export function startOnPipes(start: Start): Running {
  const { directory, environment, descriptor } = start;
  const [program, ...args] = wrapped(start);
  const child = spawn(program, args, {
    cwd: directory,
    env: { ...environment },
    stdio: ['pipe', 'pipe', 'pipe', descriptor === null ? 'ignore' : 'pipe'],
    detached: true,
  });
  const secret = child.stdio[3] as Writable | null | undefined;
  secret?.on('error', () => undefined);
  secret?.end(descriptor);
  const kill = (name: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // It has gone by itself.
    }
  };
  const running = new PipedProgram(child.stdin as Writable, child.stdout as Readable, child.stderr as Readable, kill);
  child.once('error', (cause) =>
    running.destroy(new SluiceError('unavailable', 'the program cannot be started', { cause })),
  );
  child.once('exit', (code, signal) => (running.ending = { code, signal }));
  child.once('close', () => running.gone());
  return running;
}

class PipedProgram extends Duplex implements Running {
  readonly stderr: Readable;
  ending: Ending = unknownEnding;
  readonly #stdin: Writable;
  readonly #stdout: Readable;
  readonly #kill: (name: NodeJS.Signals) => void;
  #isGone = false;

  constructor(stdin: Writable, stdout: Readable, stderr: Readable, kill: (name: NodeJS.Signals) => void) {
    super({ autoDestroy: false });
    this.#stdin = stdin;
    this.#stdout = stdout;
    this.stderr = stderr;
    this.#kill = kill;
    // A program may end before it has read everything: what it does not read is lost, as in any pipe.
    stdin.on('error', () => undefined);
    stdout.on('data', (piece: Buffer) => {
      if (!this.push(piece)) stdout.pause();
    });
    stdout.once('end', () => this.push(null));
    stderr.on('error', () => undefined);
    this.once('end', () => this.#leave());
  }

  override _read(): void {
    this.#stdout.resume();
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#stdin.destroyed || this.#stdin.writableEnded) return done();
    this.#stdin.write(piece, () => done());
  }

  override _final(done: () => void): void {
    this.#stdin.end();
    done();
  }

  setWindow(): void {}

  signal(name: string): void {
    const known = (['HUP', 'INT', 'QUIT', 'KILL', 'TERM', 'USR1', 'USR2', 'ALRM', 'PIPE'] as const).find(
      (one) => one === name,
    );
    if (known !== undefined) this.#kill(`SIG${known}`);
  }

  close(): void {
    if (this.#isGone) return;
    this.#stdin.destroy();
    this.#kill('SIGTERM');
    const timer = setTimeout(() => this.#kill('SIGKILL'), goneMs);
    this.once('gone', () => clearTimeout(timer));
    // Nobody reads any more.
    this.resume();
    this.stderr.resume();
  }

  /** The process has ended, and its pipes. */
  gone(): void {
    this.#isGone = true;
    this.emit('gone');
    this.#leave();
  }

  #leave(): void {
    if (this.#isGone && this.readableEnded) this.destroy();
  }
}
