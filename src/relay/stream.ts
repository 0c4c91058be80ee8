import { Duplex } from 'node:stream';
import { broken, maxDataBytes, windowBytes } from './frames.js';

/** What a stream needs of the connection that carries it. */
export interface Carrier {
  /** It has something to send, once the connection takes more. */
  wantsToSend(stream: RelayStream): void;
  sendData(id: number, bytes: Buffer): void;
  sendWindow(id: number, bytes: number): void;
  sendEnd(id: number): void;
  /** It is over; `cleanly` when both directions have ended. */
  forget(stream: RelayStream, cleanly: boolean): void;
}

/** Room is given back in quarters of the window: fewer frames, and the sender never waits for a round trip. */
const giveBackBytes = windowBytes / 4;

/** One stream of a relay connection: an ordinary Duplex, which a slow reader slows alone. */
export class RelayStream extends Duplex {
  readonly id: number;
  readonly #carrier: Carrier;
  /** Bytes that we may still send. */
  #credit = windowBytes;
  /** Bytes that the peer may still send. */
  #room = windowBytes;
  #owed = 0;
  readonly #inbound: Buffer[] = [];
  #wanted = false;
  #peerEnded = false;
  #endSent = false;
  #outbound: Buffer | null = null;
  #sent: ((error?: Error | null) => void) | null = null;

  constructor(id: number, carrier: Carrier) {
    super({ readableHighWaterMark: 64 * 1024, writableHighWaterMark: 64 * 1024 });
    this.id = id;
    this.#carrier = carrier;
    // The peer can end it before whoever asked for it listens; `close` and `errored` tell the rest.
    this.on('error', () => undefined);
  }

  /** Sends one frame's worth at most; true when there is more that may be sent. */
  sendSome(): boolean {
    const bytes = this.#outbound;
    if (bytes === null || this.destroyed) return false;
    const size = Math.min(bytes.length, this.#credit, maxDataBytes);
    if (size === 0 && bytes.length > 0) return false;
    if (size > 0) {
      this.#credit -= size;
      this.#carrier.sendData(this.id, bytes.subarray(0, size));
    }
    if (size < bytes.length) {
      this.#outbound = bytes.subarray(size);
      return this.#credit > 0;
    }
    const sent = this.#sent;
    this.#outbound = null;
    this.#sent = null;
    sent?.();
    return false;
  }

  receiveData(bytes: Buffer): void {
    if (this.#peerEnded) throw broken('data behind the end of a stream');
    if (bytes.length > this.#room) throw broken('more data than its window holds');
    this.#room -= bytes.length;
    this.#inbound.push(bytes);
    this.#deliver();
  }

  receiveWindow(bytes: number): void {
    if (this.#credit + bytes > windowBytes) throw broken('a window beyond the largest');
    this.#credit += bytes;
    if (this.#outbound !== null) this.#carrier.wantsToSend(this);
  }

  receiveEnd(): void {
    if (this.#peerEnded) throw broken('the end of a stream twice');
    this.#peerEnded = true;
    this.#deliver();
  }

  override _read(): void {
    this.#wanted = true;
    this.#deliver();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#outbound = chunk;
    this.#sent = done;
    this.#carrier.wantsToSend(this);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#endSent = true;
    this.#carrier.sendEnd(this.id);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#outbound = null;
    const sent = this.#sent;
    this.#sent = null;
    this.#inbound.length = 0;
    this.#carrier.forget(this, this.#endSent && this.#peerEnded);
    sent?.(error ?? new Error('the stream was closed'));
    done(error);
  }

  /** Hands on what came, as long as the reader wants more; only what it took makes room for more. */
  #deliver(): void {
    while (this.#wanted && this.#inbound.length > 0) {
      const bytes = this.#inbound.shift();
      if (bytes === undefined) break;
      this.#owed += bytes.length;
      this.#wanted = this.push(bytes);
    }
    if (this.#inbound.length === 0 && this.#peerEnded) {
      this.push(null);
      return;
    }
    if (this.#owed < giveBackBytes || this.destroyed) return;
    const owed = this.#owed;
    this.#owed = 0;
    this.#room += owed;
    this.#carrier.sendWindow(this.id, owed);
  }
}
