/** Memory for a chunk of bytes that is used again once nothing refers to it any more. */
export class Slab {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(slabBytes);
  #isFree = false;

  /** Nothing refers to the bytes any more: they will be overwritten. A slab that is never given back is simply collected. */
  giveBack(): void {
    if (this.#isFree || free.length >= mostFree) return;
    this.#isFree = true;
    free.push(this);
  }

  /** A slab that nobody uses. */
  static take(): Slab {
    const slab = free.pop();
    if (slab === undefined) return new Slab();
    slab.#isFree = false;
    return slab;
  }
}

/** What is read at once from a socket, with the beginning of a message that was left over before it. */
export const slabBytes = 96 * 1024;
const mostFree = 32; // 3 MB
const free: Slab[] = [];
