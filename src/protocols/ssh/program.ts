import type { Writable } from 'node:stream';
import type { ServerChannel } from 'ssh2';
import type { Effect } from '../../analysis/effects.js';
import { compileDetectors } from '../../masking/detectors.js';
import { StreamMasker } from '../../masking/stream-masker.js';
import type { Permit } from '../../sessions/permit.js';
import { Transcript } from '../../sessions/transcript.js';
import type { Running } from '../../programs/running.js';
import type { Terminal } from './backend.js';
import { pump, writeTo } from './channel-io.js';
import type { Conversation } from './conversation.js';
import { TypedLines } from './lines/typed-lines.js';

const mebibyte = 1024 * 1024;
const keepTerminalBytes = 64 * mebibyte;
const keepOutputBytes = 8 * mebibyte;
/**
 * How long the end of a piece that may be the beginning of a secret waits for the rest: programs write in pieces that a busy
 * machine or network pulls apart. While somebody types at a terminal keys must echo.
 */
const holdBackMs = { typing: 25, other: 250 };
const typingMs = 1_000;
/** While somebody types a few characters pass at once. */
const typingMinHeld = 8;

export interface ProgramParts {
  readonly talk: Conversation;
  readonly channel: ServerChannel;
  readonly upstream: Running;
  readonly permit: Permit;
  readonly effects: readonly Effect[];
  readonly terminal: Terminal | null;
  /** What is typed at its terminal is judged line by line: it is a shell, or may become one. */
  readonly takesLines: boolean;
  /** What it says is no text (the other end of scp, rsync, git): a mask would break it. */
  readonly isTransfer: boolean;
  /** Aborts when the client's channel or the session ends. */
  readonly signal: AbortSignal;
}

/** A permitted program between its user and its target: masked, recorded, then passed on. */
export class Program {
  readonly #parts: ProgramParts;
  readonly #transcript: Transcript;
  readonly #maskers: readonly [StreamMasker | null, StreamMasker | null];
  /** Writes to the client, one behind the other. */
  #tail: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  #holdMs = 0;
  #typedAt = Number.NEGATIVE_INFINITY;
  readonly #lines: TypedLines | null;
  #fail: (error: unknown) => void = () => undefined;

  constructor(parts: ProgramParts) {
    this.#parts = parts;
    const { talk, terminal, permit, effects } = parts;
    this.#transcript = new Transcript(talk.session, {
      permit,
      effects,
      keepBytes: terminal === null ? keepOutputBytes : keepTerminalBytes,
      now: talk.now,
    });
    const detectors = parts.isTransfer ? null : compileDetectors(talk.incoming.classification.detectors);
    const masker = (): StreamMasker | null => (detectors === null ? null : new StreamMasker(detectors));
    this.#maskers = [masker(), masker()];
    if (terminal !== null) this.#transcript.resize(terminal.cols, terminal.rows);
    this.#lines = terminal === null || !parts.takesLines ? null : this.#typedLines(terminal);
  }

  /** Runs until the target's channel closes; the client has then been told how it ended. */
  async run(): Promise<void> {
    const { upstream, channel, signal } = this.#parts;
    const closed = new Promise<void>((resolve) => upstream.once('close', () => resolve()));
    const stopped = new Promise<never>((_, reject) => {
      const stop = (): void => reject(signal.reason);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
    stopped.catch(() => undefined);
    // Input may go on for as long as the program runs; its end is only passed on.
    const input = this.#feed();
    input.catch(() => undefined);
    const failed = new Promise<never>((_, reject) => (this.#fail = reject));
    failed.catch(() => undefined);
    const output = Promise.all([
      pump(upstream, (piece) => this.#show(piece, 0), signal),
      pump(upstream.stderr, (piece) => this.#show(piece, 1), signal),
    ]);
    try {
      await Promise.race([Promise.all([closed, output]), stopped, onlyFailure(input), failed]);
      await this.#flush();
      await this.#finish();
    } finally {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#lines?.dispose();
      upstream.close();
      channel.pause();
    }
  }

  resize(columns: number, rows: number, height: number, width: number): void {
    this.#transcript.resize(columns, rows);
    this.#lines?.resize(columns, rows);
    this.#parts.upstream.setWindow(rows, columns, height, width);
  }

  signal(name: string): void {
    this.#parts.upstream.signal(name.replace(/^SIG/, ''));
  }

  async #feed(): Promise<void> {
    const { channel, upstream, signal } = this.#parts;
    const lines = this.#lines;
    const take = async (piece: Buffer): Promise<void> => {
      this.#typedAt = performance.now();
      await (lines === null ? this.#send(piece) : lines.input(piece));
    };
    await pump(channel, take, signal);
    await lines?.decided();
    upstream.end();
  }

  async #send(bytes: Buffer): Promise<void> {
    const { upstream, signal, talk } = this.#parts;
    this.#transcript.input(bytes);
    await talk.session.recorder.commit();
    await writeTo(upstream, bytes, signal);
  }

  #typedLines({ cols, rows }: Terminal): TypedLines {
    const { talk, signal } = this.#parts;
    return new TypedLines({
      talk,
      send: (bytes) => this.#send(bytes),
      show: (text) => this.#write(Buffer.from(text), 0),
      columns: cols,
      rows,
      fail: (error) => this.#fail(error),
      signal,
    });
  }

  #show(piece: Buffer, lane: 0 | 1): Promise<void> {
    const masker = this.#maskers[lane];
    if (masker === null) return this.#deliver(piece, lane);
    masker.minHeld = this.#isTyping ? typingMinHeld : 1;
    const released = masker.push(piece);
    if (masker.held > 0) this.#flushLater();
    return this.#deliver(released, lane);
  }

  get #isTyping(): boolean {
    return this.#parts.terminal !== null && performance.now() - this.#typedAt < typingMs;
  }

  /** When nothing more has come for a while. A secret that comes in many pieces may take longer than that as a whole. */
  #flushLater(): void {
    const holdMs = this.#isTyping ? holdBackMs.typing : holdBackMs.other;
    if (this.#timer !== null && this.#holdMs === holdMs) {
      this.#timer.refresh();
      return;
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#holdMs = holdMs;
    this.#timer = setTimeout(() => void this.#flush().catch(this.#fail), holdMs);
  }

  async #flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#deliver(this.#maskers[0]?.flush() ?? Buffer.alloc(0), 0);
    await this.#deliver(this.#maskers[1]?.flush() ?? Buffer.alloc(0), 1);
  }

  /** The journal first, then the client. */
  async #deliver(bytes: Buffer, lane: 0 | 1): Promise<void> {
    if (bytes.length === 0) return this.#tail;
    const drawn = this.#lines?.output(bytes);
    await this.#write(bytes, lane);
    await drawn;
  }

  #write(bytes: Buffer, lane: 0 | 1): Promise<void> {
    const { channel, signal, talk } = this.#parts;
    const to: Writable = lane === 0 ? channel : channel.stderr;
    this.#tail = this.#tail.then(async () => {
      this.#transcript.output(bytes);
      await talk.session.recorder.commit();
      await writeTo(channel, bytes, signal, to);
    });
    return this.#tail;
  }

  async #finish(): Promise<void> {
    const { channel, upstream, talk } = this.#parts;
    const { code, signal } = upstream.ending;
    this.#transcript.result(signal === null ? `exit ${code ?? 'unknown'}` : `killed by ${signal}`);
    await talk.session.recorder.commit();
    if (signal !== null) channel.exit(signal.replace(/^SIG/, ''), false, '');
    else if (code !== null) channel.exit(code);
    channel.end();
  }
}

/** Rejects when the promise does, and never resolves. */
function onlyFailure(promise: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => void promise.catch(reject));
}
