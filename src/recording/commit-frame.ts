import { hashBytes, sha256 } from './chain.js';

/** Bytes that were written to a journal at this place. */
export interface CommitPart {
  /** Relative to the folder of the log, with slashes. */
  readonly place: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const magic = Buffer.from('SLCL');
const frameHead = magic.length + 8 + 4;
const partHead = 2 + 8 + 4;

/**
 * Byte4("SLCL") Int64(generation) Int32(length) part* Byte32(SHA-256 of all before), where
 * part = Int16(length) place Int64(offset) Int32(length) bytes.
 */
export function encodeCommits(generation: number, parts: readonly CommitPart[]): Buffer {
  const length = parts.reduce((sum, part) => sum + partHead + Buffer.byteLength(part.place) + part.bytes.length, 0);
  const frame = Buffer.alloc(frameHead + length + hashBytes);
  let at = magic.copy(frame);
  at = frame.writeBigUInt64BE(BigInt(generation), at);
  at = frame.writeUInt32BE(length, at);
  for (const { place, offset, bytes } of parts) {
    at = frame.writeUInt16BE(Buffer.byteLength(place), at);
    at += frame.write(place, at);
    at = frame.writeBigUInt64BE(BigInt(offset), at);
    at = frame.writeUInt32BE(bytes.length, at);
    frame.set(bytes, at);
    at += bytes.length;
  }
  frame.set(sha256(frame.subarray(0, at)), at);
  return frame;
}

/** Every whole frame of the log's last generation, which begins the file; what stands behind it is older. */
export function* decodeCommits(log: Buffer): Generator<CommitPart> {
  let generation: bigint | null = null;
  for (let at = 0; ;) {
    const frame = frameAt(log, at);
    if (frame === null || (generation !== null && frame.generation !== generation)) return;
    ({ generation } = frame);
    yield* partsOf(frame.payload);
    at = frame.end;
  }
}

function frameAt(log: Buffer, at: number): { generation: bigint; payload: Buffer; end: number } | null {
  if (log.length < at + frameHead || !log.subarray(at, at + magic.length).equals(magic)) return null;
  const generation = log.readBigUInt64BE(at + magic.length);
  const payloadEnd = at + frameHead + log.readUInt32BE(at + magic.length + 8);
  const end = payloadEnd + hashBytes;
  if (log.length < end || !sha256(log.subarray(at, payloadEnd)).equals(log.subarray(payloadEnd, end))) return null;
  return { generation, payload: log.subarray(at + frameHead, payloadEnd), end };
}

function* partsOf(payload: Buffer): Generator<CommitPart> {
  for (let at = 0; at + partHead <= payload.length;) {
    const placeEnd = at + 2 + payload.readUInt16BE(at);
    const place = payload.toString('utf8', at + 2, placeEnd);
    const offset = Number(payload.readBigUInt64BE(placeEnd));
    const start = placeEnd + 12;
    at = start + payload.readUInt32BE(placeEnd + 8);
    yield { place, offset, bytes: payload.subarray(start, at) };
  }
}
