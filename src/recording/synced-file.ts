import { close, fdatasync, fstatSync, ftruncateSync, openSync, readSync, statSync, writeSync } from 'node:fs';

/** `fs.writeSync`: writes some of the bytes at this position and says how many. */
export type WriteSome = (file: number, bytes: Uint8Array, offset: number, length: number, position: number) => number;

/** An append-only file: writes are synchronous and go on where the last whole one ended, syncs are shared. */
export class SyncedFile {
  readonly #file: number;
  #position: number;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  readonly #writeSome: WriteSome;
  /** Where it was made, and what it is. */
  #place: { readonly path: string; readonly device: bigint; readonly inode: bigint } | null = null;

  constructor(file: number, position: number, writeSome: WriteSome = writeSync) {
    this.#file = file;
    this.#position = position;
    this.#writeSome = writeSome;
  }

  /** Creates a file that must not exist. */
  static create(path: string, writeSome?: WriteSome): SyncedFile {
    const file = openSync(path, 'wx+', 0o600);
    const made = new SyncedFile(file, 0, writeSome);
    const { dev, ino } = fstatSync(file, { bigint: true });
    made.#place = { path, device: dev, inode: ino };
    return made;
  }

  /** Whether it is still found where it was made: what is written to a file that was removed, or whose disk was, is lost. */
  get isInPlace(): boolean {
    if (this.#place === null) return true;
    const { path, device, inode } = this.#place;
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found?.dev === device && found.ino === inode;
  }

  /** Bytes written whole. */
  get position(): number {
    return this.#position;
  }

  /** Writes all of `bytes`; when that fails, what was written of them is cut off again. */
  write(bytes: Uint8Array): void {
    let written = 0;
    try {
      while (written < bytes.length) {
        written += this.#writeSome(this.#file, bytes, written, bytes.length - written, this.#position + written);
      }
    } catch (error) {
      this.#cut();
      throw error;
    }
    this.#position += bytes.length;
  }

  /** What was written from this position on, as the file has it. */
  readBack(from: number): Buffer {
    const bytes = Buffer.allocUnsafe(this.#position - from);
    for (let read = 0; read < bytes.length;) {
      const more = readSync(this.#file, bytes, read, bytes.length - read, from + read);
      if (more === 0) throw new Error('its file is shorter than what was written');
      read += more;
    }
    return bytes;
  }

  #cut(): void {
    try {
      ftruncateSync(this.#file, this.#position);
    } catch {
      // The torn bytes stay; whoever writes next writes over them, and recovery sets them aside.
    }
  }

  /** Resolves when everything written before this call is on the disk. Calls that wait together share one sync. */
  sync(): Promise<void> {
    if (this.#running === null) return this.#start();
    // The sync under way may have begun before the last write: wait for the one after it.
    this.#next ??= this.#running.catch(() => undefined).then(() => this.#start());
    return this.#next;
  }

  #start(): Promise<void> {
    this.#next = null;
    const running = new Promise<void>((resolve, reject) => {
      fdatasync(this.#file, (error) => {
        if (this.#running === running) this.#running = null;
        if (error === null) resolve();
        else reject(error);
      });
    });
    this.#running = running;
    return running;
  }

  /** Closes the file once no sync is under way. Resolves even when closing fails: there is nothing left to do then. */
  async close(): Promise<void> {
    while (this.#running !== null) await this.#running.catch(() => undefined);
    await new Promise<void>((resolve) => close(this.#file, () => resolve()));
  }
}
