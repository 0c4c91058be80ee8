import { Duplex } from 'node:stream';

/** One end of an in-memory connection: what is written here is read at the other end, with back-pressure. */
class PairEnd extends Duplex {
  peer: PairEnd | null = null;
  #resume: ((error?: Error | null) => void) | null = null;
  #ended = false;

  override _read(): void {
    const resume = this.#resume;
    this.#resume = null;
    resume?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const peer = this.peer;
    if (peer === null || peer.destroyed) done(new Error('the other end is gone'));
    else if (peer.push(chunk)) done();
    else peer.#resume = done;
  }

  override _final(done: (error?: Error | null) => void): void {
    this.peer?.endOfInput();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const peer = this.peer;
    this.peer = null;
    const resume = this.#resume;
    this.#resume = null;
    resume?.(new Error('the other end is gone'));
    if (peer !== null) {
      peer.peer = null;
      // Like a closed socket: what was sent can still be read, what is written from now on fails.
      if (error === null) peer.endOfInput();
      else peer.destroy();
    }
    done(error);
  }

  endOfInput(): void {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    this.push(null);
  }
}

/** Two connected streams, as a socket pair would give. */
export function duplexPair(): readonly [Duplex, Duplex] {
  const near = new PairEnd();
  const far = new PairEnd();
  near.peer = far;
  far.peer = near;
  return [near, far];
}
