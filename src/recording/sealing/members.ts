import { crc32, deflateRaw, inflateRawSync } from 'node:zlib';
import { promisify } from 'node:util';

/** Of the journal, in every member but the last. */
export const pieceBytes = 1024 * 1024;
/** 1F 8B, deflate, FEXTRA; no time; no hint, unknown system; XLEN 8; subfield "SJ" of 4 bytes, and those. RFC 1952, 2.3. */
export const memberStart = Buffer.from('1f8b08040000000000ff0800534a0400', 'hex');
export const headerBytes = memberStart.length + 4;
const trailerBytes = 8;
export const leastMemberBytes = headerBytes + 2 + trailerBytes;
export const mostMemberBytes = pieceBytes + 64 * 1024;

const deflate = promisify(deflateRaw);

/** The file is not what sealing made. */
export class SealedFileError extends Error {
  override readonly name = 'SealedFileError';
}

/** One piece of a journal as a gzip member that says its own length, so that a reader can step from one to the next. */
export async function encodeMember(piece: Buffer): Promise<Buffer> {
  const content = await deflate(piece, { level: 6 });
  const member = Buffer.alloc(headerBytes + content.length + trailerBytes);
  memberStart.copy(member);
  member.writeUInt32LE(member.length, memberStart.length);
  content.copy(member, headerBytes);
  member.writeUInt32LE(crc32(piece), member.length - trailerBytes);
  member.writeUInt32LE(piece.length, member.length - 4);
  return member;
}

/** How long the member is that starts with these bytes. */
export function memberLength(header: Buffer): number {
  const length = header.length < headerBytes ? 0 : header.readUInt32LE(memberStart.length);
  const isOurs = header.subarray(0, memberStart.length).equals(memberStart);
  if (!isOurs || length < leastMemberBytes || length > mostMemberBytes)
    throw new SealedFileError('not a sealed journal');
  return length;
}

/** The piece in a whole member. */
export function decodeMember(member: Buffer): Buffer {
  const end = member.length - trailerBytes;
  let piece: Buffer;
  try {
    piece = inflateRawSync(member.subarray(headerBytes, end), { maxOutputLength: pieceBytes });
  } catch {
    throw new SealedFileError('the sealed journal cannot be unpacked');
  }
  if (crc32(piece) !== member.readUInt32LE(end) || piece.length !== member.readUInt32LE(end + 4)) {
    throw new SealedFileError('the sealed journal was changed');
  }
  return piece;
}
