import { isSluiceError, SluiceError } from '../../../lib/errors.js';
import { type Attributes, isSameFile } from './attributes.js';
import * as wire from './codec.js';
import type { NamedPath } from './requests.js';

const { types } = wire;
const maxPathChars = 4096;
const maxPathParts = 128;

/** What is done with the target's answer to one request. */
export type Reply = (packet: wire.Packet, reader: wire.PayloadReader) => Promise<void> | void;

/** What the gateway itself asks the target about files, to know what it judges and what was opened. */
export class FileQuestions {
  readonly #send: (type: number, fields: readonly Buffer[], reply: Reply) => Promise<void>;

  constructor(send: (type: number, fields: readonly Buffer[], reply: Reply) => Promise<void>) {
    this.#send = send;
  }

  /** The absolute path that the target makes of it, all links resolved; of the folder only, where the entry itself is meant. */
  async resolve({ path, as }: NamedPath): Promise<string> {
    if (path.length > maxPathChars) throw new SluiceError('too_large', 'the path is too long');
    const trimmed = path === '' ? '.' : path.replace(/(?<=[^/])\/+$/, '');
    const cut = trimmed.lastIndexOf('/');
    const base = trimmed.slice(cut + 1);
    const isEntry = as === 'name' && base !== '.' && base !== '..' && base !== '';
    const folder = cut < 0 ? '.' : cut === 0 ? '/' : trimmed.slice(0, cut);
    const real = await this.#realpath(isEntry ? folder : trimmed);
    const resolved = isEntry ? `${real === '/' ? '' : real}/${base}` : real;
    if (!resolved.startsWith('/') || resolved.split('/').length > maxPathParts)
      throw new SluiceError('denied', 'the path cannot be judged', { decider: 'gateway' });
    return resolved;
  }

  async sizeOf(path: string): Promise<number> {
    try {
      return (await this.#ask(types.stat, path, wire.attributesOf)).size ?? 0;
    } catch (error) {
      // It is not there (yet): the target will say so itself when it is opened.
      if (isSluiceError(error, 'target_rejected')) return 0;
      throw error;
    }
  }

  /**
   * Whether what was opened under this resolved path is what stands there: a link that was put in its way after it was
   * judged leads elsewhere. Of a file, what the open one is like is asked before and after what the path is like, since it
   * may be written to meanwhile. All is asked in one round trip.
   */
  async isWhatWasOpened(path: string, handle: Buffer, isFile: boolean): Promise<boolean> {
    const open = (): Promise<Attributes | null> =>
      isFile ? this.#ask(types.fstat, handle, wire.attributesOf) : Promise.resolve(null);
    const asked = Promise.all([
      this.#realpath(path),
      open(),
      this.#ask(types.lstat, path, wire.attributesOf),
      open(),
    ] as const);
    try {
      const [real, before, there, after] = await asked;
      return real === path && (before === null || after === null || isSameFile(there, { before, after }));
    } catch (error) {
      if (isSluiceError(error, 'target_rejected')) return false; // it is not there any more
      throw error;
    }
  }

  #realpath(path: string): Promise<string> {
    return this.#ask(types.realpath, path, (reader) => {
      if (reader.uint32() !== 1) throw wire.broken('a real path that is not one');
      return reader.text();
    });
  }

  #ask<T>(type: number, about: string | Buffer, read: (reader: wire.PayloadReader) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      // Without an answer the whole proxy ends, and who waits here with it.
      this.#send(type, [wire.string(about)], (packet, reader) => {
        try {
          if (packet.type === types.status) {
            const code = reader.uint32();
            const message = reader.bytes().toString('utf8');
            reject(new SluiceError('target_rejected', message, { decider: 'target', targetCode: String(code) }));
          } else resolve(read(reader));
        } catch (error) {
          reject(error instanceof Error ? error : wire.broken('an answer that cannot be read'));
        }
      }).catch(reject);
    });
  }
}
