import { SluiceError } from '../../../lib/errors.js';
import type { Attributes } from './attributes.js';

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

/** Pieces of a packet that wait for the rest of it; more are put together, so that many small ones cost little. */
const maxPieces = 64;

/** Cuts a stream into packets: uint32(length) byte(type) payload. Throws `protocol` for lengths out of bounds. */
export class PacketReader {
  #pieces: Buffer[] = [];
  #length = 0;

  *push(piece: Buffer): Generator<Packet> {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
    while (this.#length >= 4) {
      const length = this.#peekLength();
      if (length < 1 || length > maxPacketBytes) throw broken('a packet of impossible length');
      if (this.#length < 4 + length) break;
      const whole = this.#take(4 + length);
      yield { type: whole[4] ?? 0, payload: whole.subarray(5) };
    }
    if (this.#pieces.length > maxPieces) this.#pieces = [Buffer.concat(this.#pieces)];
  }

  #peekLength(): number {
    let [first] = this.#pieces;
    if (first === undefined || first.length < 4) this.#pieces = [(first = Buffer.concat(this.#pieces))];
    return first.readUInt32BE(0);
  }

  /** So many bytes from the front, copied only where they came in more than one piece. */
  #take(count: number): Buffer {
    const [first] = this.#pieces;
    this.#length -= count;
    if (first !== undefined && first.length >= count) {
      if (first.length === count) this.#pieces.shift();
      else this.#pieces[0] = first.subarray(count);
      return first.subarray(0, count);
    }
    const whole = Buffer.allocUnsafe(count);
    let filled = 0;
    for (let used = 0; ; used++) {
      const piece = this.#pieces[used] ?? Buffer.alloc(0);
      const taken = piece.copy(whole, filled, 0, count - filled);
      filled += taken;
      if (filled < count) continue;
      this.#pieces.splice(0, taken === piece.length ? used + 1 : used);
      if (taken < piece.length) this.#pieces[0] = piece.subarray(taken);
      return whole;
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

/** ATTRS: uint32(flags), then by flag 1 uint64(size), 2 uint32(uid) uint32(gid), 4 uint32(mode), 8 uint32(atime) uint32(mtime). */
export function attributesOf(reader: PayloadReader): Attributes {
  const flags = reader.uint32();
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const size = has(1) ? reader.uint64() : null;
  const owner = has(2) ? `${reader.uint32()}:${reader.uint32()}` : null;
  const mode = has(4) ? reader.uint32() : null;
  if (has(8)) reader.uint32();
  const changedAt = has(8) ? reader.uint32() : null;
  return { size, owner, mode, changedAt };
}

export function broken(what: string): SluiceError {
  return new SluiceError('protocol', `SFTP: ${what}`);
}
