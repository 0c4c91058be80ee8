import { open, type FileHandle } from 'node:fs/promises';

const blockBytes = 512;
const maxOctal = 8 ** 11;

/** One file for an archive, its size known before its bytes. */
export interface TarFile {
  readonly name: string;
  readonly bytes: number;
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** An archive in the ustar format (POSIX.1-2001, pax section "ustar Interchange Format"), which any tar reads. */
export async function* writeTar(files: AsyncIterable<TarFile>, at: number): AsyncGenerator<Uint8Array> {
  for await (const { name, bytes, chunks } of files) {
    yield headerOf(name, bytes, at);
    let written = 0;
    for await (const chunk of chunks) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== bytes) throw new Error(`${name} is of another size than it was when it was begun`);
    yield Buffer.alloc(paddingOf(bytes));
  }
  yield Buffer.alloc(2 * blockBytes);
}

/** name 100, mode 8, uid 8, gid 8, size 12, mtime 12, chksum 8, typeflag 1, linkname 100, magic 6, version 2. */
function headerOf(name: string, bytes: number, at: number): Buffer {
  const header = Buffer.alloc(blockBytes);
  if (Buffer.byteLength(name) > 100) throw new TypeError('the name is too long for an archive');
  header.write(name, 0);
  header.write('0000600\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  if (bytes < maxOctal) header.write(`${octal(bytes, 11)}\0`, 124);
  else {
    header[124] = 0x80; // base 256, as GNU tar and POSIX's successors have it
    header.writeBigUInt64BE(BigInt(bytes), 128);
  }
  header.write(`${octal(Math.floor(at / 1000), 11)}\0`, 136);
  header.write('0', 156);
  header.write('ustar\0', 257);
  header.write('00', 263);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  return header;
}

function octal(value: number, width: number): string {
  return value.toString(8).padStart(width, '0');
}

function paddingOf(bytes: number): number {
  return (blockBytes - (bytes % blockBytes)) % blockBytes;
}

/** Where a file's bytes are in an archive. */
export interface TarSpan {
  readonly from: number;
  readonly to: number;
}

/** The files of an archive by name. Throws RangeError when it is none, or cut. */
export async function readTar(path: string): Promise<ReadonlyMap<string, TarSpan>> {
  const file = await open(path, 'r');
  try {
    return await spansOf(file);
  } finally {
    await file.close();
  }
}

async function spansOf(file: FileHandle): Promise<ReadonlyMap<string, TarSpan>> {
  const { size } = await file.stat();
  const spans = new Map<string, TarSpan>();
  const header = Buffer.alloc(blockBytes);
  for (let at = 0; ;) {
    if ((await file.read(header, 0, blockBytes, at)).bytesRead < blockBytes) throw new RangeError('it ends too early');
    if (header.every((byte) => byte === 0)) return spans;
    const bytes = sizeIn(header);
    const name = textIn(header, 0, 100);
    const from = at + blockBytes;
    at = from + bytes + paddingOf(bytes);
    if (at > size || spans.has(name)) throw new RangeError(`${name} is cut, or there twice`);
    spans.set(name, { from, to: from + bytes });
  }
}

function sizeIn(header: Buffer): number {
  if (textIn(header, 257, 262) !== 'ustar') throw new RangeError('it is no archive');
  const bytes =
    header[124] === 0x80 ? Number(header.readBigUInt64BE(128)) : Number.parseInt(textIn(header, 124, 136), 8);
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new RangeError('a size in it is impossible');
  return bytes;
}

function textIn(header: Buffer, from: number, to: number): string {
  const field = header.subarray(from, to);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? field.length : end).toString('utf8');
}
