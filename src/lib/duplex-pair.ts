import { Duplex } from 'node:stream';

/** One end of an in-memory connection: what is written here is read at the other end, with back-pressure. */
class PairEnd extends Duplex {
  peer: PairEnd | null = null;
  #resume: (() => void) | null = null;

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
    this.peer?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const peer = this.peer;
    this.peer = null;
    const resume = this.#resume;
    this.#resume = null;
    resume?.();
    if (peer !== null && !peer.destroyed) process.nextTick(() => peer.destroy());
    done(error);
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
