import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, SluiceError } from '../lib/errors.js';

const pieceBytes = 256 * 1024;

/** Says whether a write failed because there is no room, which may come back, rather than for good. */
export function isNoSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

/**
 * Space kept back on the recordings' disk. When the disk is full it is given up, and until it can be taken again no
 * session writes anything but its end and signature: that is what the space is for.
 */
export class DiskReserve {
  readonly #path: string;
  readonly #bytes: number;
  #held = false;

  constructor(path: string, bytes: number) {
    this.#path = path;
    this.#bytes = bytes;
  }

  get isFull(): boolean {
    return !this.#held;
  }

  /** Takes the space at start; without it no gateway starts. */
  take(): void {
    try {
      if (statSync(this.#path, { throwIfNoEntry: false })?.size !== this.#bytes) this.#write();
      this.#held = true;
    } catch (error) {
      rmSync(this.#path, { force: true });
      throw new SluiceError(
        isNoSpace(error) ? 'unavailable' : 'recorder_failed',
        `cannot keep ${this.#bytes} bytes in reserve for recordings: ${messageOf(error)}`,
        { cause: error, decider: 'gateway' },
      );
    }
  }

  /** The disk is full: gives the space up for ends and signatures. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // Then there is no more room than before, and ending a session says so.
    }
  }

  /** Takes the space again when there is room for it and as much again; false while there is not. */
  restore(): boolean {
    if (this.#held) return true;
    try {
      const { bavail, bsize } = statfsSync(dirname(this.#path));
      if (bavail * bsize < 2 * this.#bytes) return false;
      this.#write();
      this.#held = true;
    } catch {
      rmSync(this.#path, { force: true });
    }
    return this.#held;
  }

  /** Random bytes, so that a file system that compresses or finds holes keeps the space too. */
  #write(): void {
    const file = openSync(this.#path, 'w', 0o600);
    try {
      for (let left = this.#bytes; left > 0;) {
        const piece = randomBytes(Math.min(left, pieceBytes));
        left -= writeSync(file, piece);
      }
    } finally {
      closeSync(file);
    }
  }
}
