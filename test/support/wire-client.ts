import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { FrameReader } from '../../src/protocols/postgres/frames.js';

/** A client that sends any bytes at all and keeps every message it gets. */
export class WireClient {
  readonly stream: Duplex;
  readonly messages: { readonly type: string; readonly payload: Buffer }[] = [];
  readonly #reader = new FrameReader(() => 256 * 1024 * 1024);
  #bytes = 0;
  #changed: (() => void)[] = [];
  ended = false;

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length;
      this.#reader.push(chunk);
      for (let message = this.#reader.next(); message !== null; message = this.#reader.next())
        this.messages.push({ type: String.fromCharCode(message.type), payload: Buffer.from(message.payload) });
      this.#tell();
    });
    const end = (): void => {
      this.ended = true;
      this.#tell();
    };
    stream
      .on('end', end)
      .on('close', end)
      .on('error', () => undefined);
  }

  /** Bytes received that are no whole message. */
  get left(): number {
    return this.#reader.pending;
  }
  get received(): number {
    return this.#bytes;
  }
  get types(): string {
    return this.messages.map(({ type }) => type).join('');
  }

  send(...parts: readonly Buffer[]): void {
    if (!this.stream.destroyed && !this.stream.writableEnded) this.stream.write(Buffer.concat(parts));
  }

  /** Resolves when this holds or the connection has ended. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds() && !this.ended) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }
  ready(count: number): Promise<void> {
    return this.until(() => this.messages.filter(({ type }) => type === 'Z').length >= count);
  }

  #tell(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const wake of waiting) wake();
  }
}

/** Resolves when this number has stayed the same for so many milliseconds: nobody says when a hostile client is done. */
export async function settled(measure: () => number, quietMs = 12): Promise<void> {
  let last = -1;
  for (let quiet = 0; quiet < quietMs; quiet++) {
    await delay(1);
    const now = measure();
    if (now !== last) quiet = 0;
    last = now;
  }
}
