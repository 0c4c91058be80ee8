import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { systemCode } from '../../lib/private-files.js';
import { isSealed, SealedFile, sealedSuffix } from './sealed-file.js';

/** The bytes of a journal wherever they are: in the file that the ledger names, or packed beside it, perhaps only since. */
export class JournalBytes {
  readonly #path: string;
  #sealed: SealedFile | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** Null when there is no such journal. */
  get size(): number | null {
    const found = isSealed(this.#path) ? undefined : statSync(this.#path, { throwIfNoEntry: false });
    if (found !== undefined) return found.size;
    try {
      return this.#open().size;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null;
      throw error;
    }
  }

  /** Fills as much of `target` as there is from `position` on; gives how much that was. */
  read(target: Buffer, position: number): number {
    if (this.#sealed === null && !isSealed(this.#path)) {
      try {
        return readPlain(this.#path, target, position);
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error;
      }
    }
    return this.#open().read(target, position);
  }

  #open(): SealedFile {
    this.#sealed ??= new SealedFile(isSealed(this.#path) ? this.#path : `${this.#path}${sealedSuffix}`);
    return this.#sealed;
  }
}

function readPlain(path: string, target: Buffer, position: number): number {
  const file = openSync(path, 'r');
  try {
    return readSync(file, target, 0, target.length, position);
  } finally {
    closeSync(file);
  }
}
