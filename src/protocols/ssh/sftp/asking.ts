import type { Running } from '../../../programs/running.js';
import type { Permit } from '../../../sessions/permit.js';
import { writeTo } from '../channel-io.js';
import * as wire from './codec.js';

const maxPending = 4096;

/** What is done with the target's answer to one request. */
export type Reply = (packet: wire.Packet, reader: wire.PayloadReader) => Promise<void> | void;

/** A request to the target: its fields behind the id, and what becomes of the answer. */
export interface Asked {
  readonly type: number;
  readonly fields: readonly Buffer[];
  readonly reply: Reply;
}

/** Requests on their way to a target, under ids of the gateway's own, and what each answer is for. */
export class Asking {
  readonly #upstream: Running;
  readonly #signal: AbortSignal;
  readonly #pending = new Map<number, Reply>();
  /** One write at a time (see writeTo). */
  #sending: Promise<void> = Promise.resolve();
  #ids = 0;

  constructor(upstream: Running, signal: AbortSignal) {
    this.#upstream = upstream;
    this.#signal = signal;
  }

  /** Sends these one behind the other, and nothing between them. */
  async send(permit: Permit, requests: readonly Asked[]): Promise<void> {
    if (!permit.genuine) throw new TypeError('not a permit');
    if (this.#pending.size + requests.length > maxPending) throw wire.broken('too many requests without an answer');
    const packets = requests.map(({ type, fields, reply }) => {
      this.#ids = (this.#ids + 1) >>> 0;
      this.#pending.set(this.#ids, reply);
      return wire.encodePacket(type, wire.uint32(this.#ids), ...fields);
    });
    const [first] = packets;
    const bytes = packets.length === 1 && first !== undefined ? first : Buffer.concat(packets);
    this.#sending = this.#sending.then(() => writeTo(this.#upstream, bytes, this.#signal));
    await this.#sending;
  }

  /** Hands an answer to who asked; throws `protocol` for one to nothing. */
  async answered(packet: wire.Packet): Promise<void> {
    const reader = new wire.PayloadReader(packet.payload);
    const id = reader.uint32();
    const reply = this.#pending.get(id);
    if (reply === undefined) throw wire.broken('an answer to nothing');
    this.#pending.delete(id);
    await reply(packet, reader);
  }
}
