import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { decodeMember, headerBytes, memberLength, pieceBytes, SealedFileError } from './members.js';

export const sealedSuffix = '.gz';

/** Says whether a file is a sealed journal, by its name. */
export function isSealed(path: string): boolean {
  return path.endsWith(`.journal${sealedSuffix}`);
}

/** A sealed journal, read at any place as if it were the journal itself. Holds no file open. */
export class SealedFile {
  readonly #path: string;
  /** Where each member begins, and where the last one ends. */
  readonly #offsets: readonly number[];
  /** Bytes of the journal. */
  readonly size: number;
  #last: { readonly index: number; readonly piece: Buffer } | null = null;

  constructor(path: string) {
    this.#path = path;
    [this.#offsets, this.size] = withFile(path, measure);
  }

  /** Fills as much of `target` as there is from `position` on; gives how much that was. */
  read(target: Buffer, position: number): number {
    let done = 0;
    while (done < target.length && position + done < this.size) {
      const at = position + done;
      const copied = this.#piece(Math.floor(at / pieceBytes)).copy(target, done, at % pieceBytes);
      if (copied === 0) throw new SealedFileError('a member of the sealed journal is too short');
      done += copied;
    }
    return done;
  }

  #piece(index: number): Buffer {
    if (this.#last?.index === index) return this.#last.piece;
    const [start = 0, end = 0] = this.#offsets.slice(index, index + 2);
    const piece = decodeMember(withFile(this.#path, (file) => bytesAt(file, start, end - start)));
    this.#last = { index, piece };
    return piece;
  }
}

/** Where the members are, and how long the journal is. */
function measure(file: number): [offsets: readonly number[], size: number] {
  const { size } = fstatSync(file);
  const offsets = [0];
  for (let at = 0; at < size;) {
    at += memberLength(bytesAt(file, at, headerBytes));
    if (at > size) throw new SealedFileError('the sealed journal ends too early');
    offsets.push(at);
  }
  const members = offsets.length - 1;
  if (members === 0) throw new SealedFileError('not a sealed journal');
  // As its trailer says; unpacking the member checks that.
  const last = bytesAt(file, size - 4, 4).readUInt32LE(0);
  if (last > pieceBytes || last === 0)
    throw new SealedFileError('the last member of the sealed journal has no such length');
  return [offsets, (members - 1) * pieceBytes + last];
}

function bytesAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(file, bytes, 0, length, position));
}

function withFile<T>(path: string, use: (file: number) => T): T {
  const file = openSync(path, 'r');
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}
