import { Duplex, Readable } from 'node:stream';
import { closeSync, constants, openSync } from 'node:fs';
import { constants as system } from 'node:os';
import type { IPty } from '@lydell/node-pty';
import { SluiceError } from '../lib/errors.js';
import { type Ending, type Running, type TerminalSetup, unknownEnding } from './running.js';
import { goneMs, type Start, wrapped } from './start.js';

/** Starts a program on a terminal of its own. The package that makes one is optional, and loaded when it is needed. */
export async function startOnTerminal(start: Start, terminal: TerminalSetup): Promise<Running> {
  const { spawn } = await import('@lydell/node-pty').catch((cause: unknown) => {
    throw new SluiceError('unavailable', 'it was installed without terminals: @lydell/node-pty is missing', {
      decider: 'gateway',
      cause,
      next: [{ command: 'ssh -T TARGET …', when: 'to run it without a terminal' }],
    });
  });
  const [program, ...args] = wrapped(start);
  const pty = spawn(program, args, {
    name: terminal.term,
    cols: terminal.cols || 80,
    rows: terminal.rows || 24,
    cwd: start.directory,
    env: { ...start.environment },
    // Bytes, not text.
    encoding: null,
  });
  return new TerminalProgram(pty);
}

/**
 * Output that waits for the client before the program is made to wait. Once a program has ended the package reads its
 * terminal for 200 ms more, and not while it is paused: so this is far more than what a terminal still holds then.
 */
const maxUnreadBytes = 1024 * 1024;

/** The package's types leave out that it writes bytes too, and where the program's side is. */
interface BytePty extends Omit<IPty, 'write'> {
  write(data: string | Buffer): void;
  /** The program's side of the terminal: /dev/pts/N. */
  readonly ptsName?: string;
}

class TerminalProgram extends Duplex implements Running {
  readonly stderr = Readable.from([]);
  ending: Ending = unknownEnding;
  readonly #pty: BytePty;
  #isGone = false;

  constructor(pty: BytePty) {
    super({ autoDestroy: false, readableHighWaterMark: maxUnreadBytes });
    this.#pty = pty;
    // When nobody has that side open any more, the system drops what has not been read: so we have it open as well.
    const held = pty.ptsName === undefined ? null : openSync(pty.ptsName, constants.O_RDWR | constants.O_NOCTTY);
    pty.onData((piece: string | Buffer) => {
      if (!this.push(piece)) pty.pause();
    });
    pty.onExit(({ exitCode, signal }) => {
      if (held !== null) closeSync(held);
      this.#isGone = true;
      this.emit('gone');
      const isKilled = signal !== undefined && signal !== 0;
      this.ending = isKilled ? { code: null, signal: nameOf(signal) } : { code: exitCode, signal: null };
      this.push(null);
    });
    this.once('end', () => this.destroy());
  }

  override _read(): void {
    if (!this.#isGone) this.#pty.resume();
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.#isGone) this.#pty.write(piece);
    done();
  }

  setWindow(rows: number, columns: number): void {
    if (!this.#isGone) this.#pty.resize(columns || 80, rows || 24);
  }

  signal(name: string): void {
    if (!this.#isGone && /^(HUP|INT|QUIT|KILL|TERM|USR1|USR2|WINCH)$/.test(name)) this.#pty.kill(`SIG${name}`);
  }

  close(): void {
    if (this.#isGone) return;
    this.#pty.kill('SIGHUP');
    const timer = setTimeout(() => this.#pty.kill('SIGKILL'), goneMs);
    this.once('gone', () => clearTimeout(timer));
    this.resume();
  }
}

function nameOf(signal: number): string | null {
  return Object.entries(system.signals).find(([, number]) => number === signal)?.[0] ?? null;
}
