import { SluiceError } from '../../../lib/errors.js';

/** Packet types of SFTP version 3 (draft-ietf-secsh-filexfer-02, section 3). */
export const types = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extendedReply: 201,
} as const;

/** Status codes (section 7). */
export const statuses = { ok: 0, eof: 1, noSuchFile: 2, permissionDenied: 3, failure: 4, unsupported: 8 } as const;

/** OpenSSH takes and sends packets of up to 256 KiB. */
const maxPacketBytes = 256 * 1024 + 1024;

export interface Packet {
  readonly type: number;
  /** Behind the type; begins with the request id but for INIT and VERSION. */
  readonly payload: Buffer;
}

/** Cuts a stream into packets: uint32(length) byte(type) payload. Throws `protocol` for lengths out of bounds. */
export class PacketReader {
  #rest: Buffer = Buffer.alloc(0);

  *push(piece: Buffer): Generator<Packet> {
    this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    while (this.#rest.length >= 4) {
      const length = this.#rest.readUInt32BE(0);
      if (length < 1 || length > maxPacketBytes) throw broken('a packet of impossible length');
      if (this.#rest.length < 4 + length) return;
      const packet = { type: this.#rest[4] ?? 0, payload: this.#rest.subarray(5, 4 + length) };
      this.#rest = this.#rest.subarray(4 + length);
      yield packet;
    }
  }
}

/** Reads a payload's fields in order; throws `protocol` past its end. */
export class PayloadReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  uint32(): number {
    if (this.#at + 4 > this.#bytes.length) throw broken('a packet that ends early');
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  /** As a number: sizes beyond 2^53 do not exist. */
  uint64(): number {
    const value = this.uint32() * 2 ** 32 + this.uint32();
    if (!Number.isSafeInteger(value)) throw broken('an offset out of bounds');
    return value;
  }

  bytes(): Buffer {
    const length = this.uint32();
    if (this.#at + length > this.#bytes.length) throw broken('a string that ends early');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** What is judged must be what is sent: no NUL, and nothing that is not UTF-8. */
  text(): string {
    const bytes = this.bytes();
    const text = bytes.toString('utf8');
    if (text.includes('\0') || !Buffer.from(text).equals(bytes)) throw new UnreadableName();
    return text;
  }

  rest(): Buffer {
    const rest = this.#bytes.subarray(this.#at);
    this.#at = this.#bytes.length;
    return rest;
  }
}

/** A name that is not UTF-8: refused, since nobody could judge it. */
export class UnreadableName extends Error {}

export function encodePacket(type: number, ...fields: readonly Buffer[]): Buffer {
  const length = fields.reduce((sum, field) => sum + field.length, 1);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 0);
  head[4] = type;
  return Buffer.concat([head, ...fields]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0, 0);
  return bytes;
}

export function uint64(value: number): Buffer {
  return Buffer.concat([uint32(Math.floor(value / 2 ** 32)), uint32(value % 2 ** 32)]);
}

export function string(value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** SSH_FXP_STATUS: uint32(id) uint32(code) string(message) string(language). */
export function encodeStatus(id: number, code: number, message: string): Buffer {
  return encodePacket(types.status, uint32(id), uint32(code), string(message), string('en'));
}

/** The size in an ATTRS structure: uint32(flags), then uint64(size) when flag 1 is set. */
export function sizeOf(attributes: PayloadReader): number {
  return (attributes.uint32() & 1) === 1 ? attributes.uint64() : 0;
}

export function broken(what: string): SluiceError {
  return new SluiceError('protocol', `SFTP: ${what}`);
}
