import type { Duplex } from 'node:stream';
import { SluiceError } from '../../lib/errors.js';
import { FrameReader, type Frame } from './frames.js';
import { takeStartupPacket, type StartupPacket } from './startup.js';

const passwordLimitBytes = 64 * 1024; // access tokens are long
const handshakeTimeoutMs = 30_000;

/** Reads a client's untyped startup packets and then its password messages, each bounded in size and all in time. */
export class HandshakeInput {
  #stream: Duplex;
  readonly #signal: AbortSignal;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(stream: Duplex, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = AbortSignal.any([signal, AbortSignal.timeout(handshakeTimeoutMs)]);
  }

  /** The client goes on over TLS: bytes that came before it are not part of the session, and their presence is an attack. */
  replaceStream(stream: Duplex): void {
    this.requireNothingBehind();
    this.#stream = stream;
  }

  async startup(): Promise<StartupPacket> {
    for (;;) {
      const taken = takeStartupPacket(this.#buffer);
      if (taken !== null) {
        this.#buffer = taken.rest;
        return taken.packet;
      }
      this.#buffer = Buffer.concat([this.#buffer, await this.#chunk()]);
    }
  }

  /** The next framed message, which must be a password message ('p'). */
  async password(): Promise<Frame> {
    const reader = new FrameReader(() => passwordLimitBytes);
    if (this.#buffer.length > 0) reader.push(this.#buffer);
    this.#buffer = Buffer.alloc(0);
    for (;;) {
      const message = reader.next();
      if (message === null) {
        reader.push(await this.#chunk());
        continue;
      }
      if (message.type !== 0x70) throw new SluiceError('protocol', 'expected a password message');
      if (reader.pending > 0) throw new SluiceError('protocol', 'data behind the password message');
      return message;
    }
  }

  /** Throws when the client has sent more than it was its turn to send. */
  requireNothingBehind(): void {
    if (this.#buffer.length > 0) throw new SluiceError('protocol', 'data sent before the connection was ready');
  }

  async #chunk(): Promise<Buffer> {
    const stream = this.#stream;
    return await new Promise<Buffer>((resolve, reject) => {
      const stop = (): void => {
        stream.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onEnd);
        this.#signal.removeEventListener('abort', onAbort);
        stream.pause();
      };
      const onData = (chunk: Buffer): void => {
        stop();
        resolve(chunk);
      };
      const onEnd = (): void => {
        stop();
        reject(new SluiceError('interrupted', 'the client left during the handshake'));
      };
      const onAbort = (): void => {
        stop();
        reject(new SluiceError('timeout', 'the handshake took too long'));
      };
      stream.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', onEnd);
      this.#signal.addEventListener('abort', onAbort, { once: true });
      // The end can come with the last bytes, before anybody listened for it again.
      if (this.#signal.aborted) onAbort();
      else if (stream.readableEnded || stream.destroyed) onEnd();
      else stream.resume();
    });
  }
}
