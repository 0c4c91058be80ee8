import type { Writable } from 'node:stream';

/** More than this at once is written right away: it keeps its reader busy by itself. */
const mostHeldBytes = 4096;

/** After so many turns in which one stream was written to, only one of so many writes waits, to see whether that is still so. */
const turnsAlone = 4;
const lookEvery = 16;

/** Writers that hold something. One event loop has one list. */
let holding: TurnWriter[] = [];
let turnsOfOne = 0;
/** Writes that need not wait, until one does again. */
let atOnce = 0;

/**
 * Writes to a stream, small pieces at the end of this turn of the event loop, when everything that has arrived is dealt
 * with: processes that wait on many connections are then woken for several answers at once, and do not take the
 * processor from the gateway between two of them. What is written stays in order; `flush` before writing past it.
 */
export class TurnWriter {
  readonly #stream: Writable;
  #held: Buffer[] = [];
  #heldBytes = 0;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** Nothing is held back: all of it is the stream's. */
  get isEmpty(): boolean {
    return this.#heldBytes === 0;
  }

  /** False when the stream asks to wait for 'drain'. The bytes must not change afterwards. */
  write(pieces: readonly Buffer[]): boolean {
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    if (bytes === 0) return true;
    // What a slow reader has not taken yet is for the stream to keep account of.
    if (this.#heldBytes + bytes > mostHeldBytes || this.#stream.writableLength > 0 || isAlone()) {
      this.flush();
      return this.#stream.destroyed || writeAll(this.#stream, pieces);
    }
    if (this.#heldBytes === 0) hold(this);
    this.#heldBytes += bytes;
    for (const piece of pieces) this.#held.push(piece);
    return true;
  }

  /** Hands over what is held back, now. */
  flush(): void {
    if (this.#heldBytes === 0) return;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    if (this.#stream.destroyed || this.#stream.writableEnded) return;
    writeAll(this.#stream, held);
  }
}

function isAlone(): boolean {
  if (atOnce === 0 || holding.length > 0) return false;
  atOnce--;
  return true;
}

function hold(writer: TurnWriter): void {
  if (holding.push(writer) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const writers = holding;
  holding = [];
  turnsOfOne = writers.length > 1 ? 0 : turnsOfOne + 1;
  atOnce = turnsOfOne < turnsAlone ? 0 : lookEvery - 1;
  for (const writer of writers) writer.flush();
}

/** One system call for all pieces, without copying what may be a large result. */
function writeAll(stream: Writable, pieces: readonly Buffer[]): boolean {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return stream.write(only);
  stream.cork();
  let flowing = true;
  for (const piece of pieces) flowing = stream.write(piece);
  stream.uncork();
  return flowing;
}
