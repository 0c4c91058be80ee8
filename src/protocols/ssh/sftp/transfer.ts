import { createHash, type Hash } from 'node:crypto';

const mebibyte = 1024 * 1024;

/** The bytes that one open file moves in one direction: how many, and their digest while they come in order. */
export class Transfer {
  #next = 0;
  #bytes = 0;
  #hash: Hash | null = createHash('sha256');

  add(offset: number, data: Buffer): void {
    this.#bytes += data.length;
    if (offset === this.#next) this.#hash?.update(data);
    else this.#hash = null;
    this.#next = offset + data.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Hex SHA-256 of the file as it was moved, or '' when its parts did not come in order. */
  digest(): string {
    return this.#hash?.digest('hex') ?? '';
  }
}

/** Up to the first MiB 0, then the next power of two MiB: how far an upload may go before it is judged again. */
export function sizeStep(bytes: number): number {
  if (bytes <= mebibyte) return 0;
  return 2 ** Math.ceil(Math.log2(bytes / mebibyte)) * mebibyte;
}
