import { Duplex, Readable } from 'node:stream';
import { isSluiceError, SluiceError } from '../lib/errors.js';
import { type Ending, type Running, type TerminalSetup, unknownEnding } from './running.js';
import type { Start } from './start.js';
import { brokenProgram, encodeProgramFrame, fromRelay, maxInputBytes, piecesOf, ProgramFrames } from './wire.js';
import type { ProgramFrame } from './wire.js';

/**
 * Has a relay start a program, over a stream that it has opened for it. Rejects with the error to show when it cannot. A
 * program whose relay is lost closes with the error that says so.
 */
export async function startAtRelay(
  stream: Duplex,
  start: Start,
  terminal: TerminalSetup | null,
  relay: string,
): Promise<Running> {
  // A terminal's modes are the client's own business.
  const size = terminal && { term: terminal.term, cols: terminal.cols, rows: terminal.rows };
  const running = new RemoteProgram(stream, relay);
  stream.write(encodeProgramFrame({ type: 'start', json: JSON.stringify({ ...start, terminal: size }) }));
  await running.started;
  return running;
}

class RemoteProgram extends Duplex implements Running {
  readonly stderr: Readable;
  ending: Ending = unknownEnding;
  readonly started: Promise<void>;
  readonly #stream: Duplex;
  readonly #relay: string;
  readonly #frames = new ProgramFrames(fromRelay);
  #settle: { resolve: () => void; reject: (error: Error) => void } | null = null;
  /** Input under way. */
  #waiting = 0;
  #more: (() => void) | null = null;
  /** Nothing more is sent: it has ended, or its stream. */
  #isOver = false;
  #hasEnded = false;

  constructor(stream: Duplex, relay: string) {
    super({ autoDestroy: false });
    this.#stream = stream;
    this.#relay = relay;
    this.stderr = new Readable({ read: () => void stream.resume() });
    this.stderr.on('error', () => undefined);
    this.started = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.once('end', () => this.#ended());
    stream.once('close', () => this.#lost());
    stream.on('error', () => undefined); // `close` follows
    this.on('error', () => undefined); // whoever waits for the start is told apart
    this.once('end', () => this.destroy());
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const next = (at: number): void => {
      if (!this.#stream.writable || this.#isOver) return done(); // what a program does not read any more is lost
      const part = piece.subarray(at, at + Math.max(0, maxInputBytes - this.#waiting));
      this.#waiting += part.length;
      for (const frame of piecesOf('input', part)) this.#stream.write(frame);
      if (at + part.length >= piece.length) return done();
      this.#more = () => next(at + part.length);
    };
    next(0);
  }

  override _final(done: () => void): void {
    this.#send({ type: 'inputEnd' });
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#stream.destroy();
    if (!this.#hasEnded) this.stderr.push(null);
    this.#hasEnded = true;
    done(error);
  }

  setWindow(rows: number, columns: number): void {
    this.#send({ type: 'window', rows, columns });
  }

  signal(name: string): void {
    if (/^[A-Z0-9]{1,16}$/.test(name)) this.#send({ type: 'signal', text: name });
  }

  /** The relay ends it when its stream is gone. */
  close(): void {
    this.destroy();
  }

  #send(frame: ProgramFrame): void {
    if (this.#stream.writable && !this.#isOver) this.#stream.write(encodeProgramFrame(frame));
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) this.#take(frame);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #take(frame: ProgramFrame): void {
    switch (frame.type) {
      case 'started':
        if (this.#settle === null) throw brokenProgram('a second start');
        this.#settle.resolve();
        this.#settle = null;
        return;
      case 'failed':
        return this.#fail(cannotRun(this.#relay, frame.text));
      default:
    }
    if (this.#settle !== null || this.#isOver) throw brokenProgram(`a ${frame.type} frame out of turn`);
    switch (frame.type) {
      case 'output':
        if (!this.push(Buffer.from(frame.bytes))) this.#stream.pause();
        return;
      case 'errors':
        if (!this.stderr.push(Buffer.from(frame.bytes))) this.#stream.pause();
        return;
      case 'taken': {
        if (frame.count > this.#waiting) throw brokenProgram('more input taken than was sent');
        this.#waiting -= frame.count;
        const more = this.#more;
        this.#more = null;
        return more?.();
      }
      case 'exit':
        this.#letGo();
        this.ending = { code: frame.code, signal: frame.signal };
        return;
      default:
    }
  }

  #ended(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#letGo();
    this.stderr.push(null);
    this.push(null);
  }

  #lost(): void {
    const why = this.#stream.errored;
    if (this.#isOver && why === null) return this.#ended();
    this.#fail(isSluiceError(why) ? why : cannotRun(this.#relay, 'it ended the program'));
  }

  #fail(error: Error): void {
    this.#letGo();
    this.#settle?.reject(error);
    this.#settle = null;
    if (!this.#hasEnded) this.destroy(error);
  }

  /** Nobody waits for room any more. */
  #letGo(): void {
    const more = this.#more;
    this.#waiting = 0;
    this.#more = null;
    this.#isOver = true;
    more?.();
  }
}

function cannotRun(relay: string, why: string): SluiceError {
  return new SluiceError('unavailable', `relay "${relay}" does not run the program: ${why}`, {
    decider: 'network',
    next: [{ command: 'sluice relays list', when: 'to see which relays are connected' }],
  });
}
