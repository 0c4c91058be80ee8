import { isSluiceError, SluiceError } from '../../../lib/errors.js';
import type { Asked, Reply } from './asking.js';
import { type Attributes, isSameFile } from './attributes.js';
import * as wire from './codec.js';
import { Descriptors } from './descriptors.js';
import type { NamedPath } from './requests.js';

const { types } = wire;
const maxPathChars = 4096;
const maxPathParts = 128;

export interface OpenedFile {
  readonly isAsJudged: boolean;
  /** Its number in the target's server, to be given to `descriptors`; null where that is not told. */
  readonly descriptor: number | null;
}

type Read<T> = (packet: wire.Packet, reader: wire.PayloadReader) => T;

/** What the gateway itself asks the target about files, to know what it judges and what was opened. */
export class FileQuestions {
  /** What the target's server has open. */
  readonly descriptors = new Descriptors((paths) => this.#readLinks(paths));
  readonly #send: (requests: readonly Asked[]) => Promise<void>;

  constructor(send: (requests: readonly Asked[]) => Promise<void>) {
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
   * Whether what was opened under this resolved path is what was judged: a link that was put in its way since then leads
   * elsewhere. The kernel's word counts where it is told; where it is not, what the open file is like is compared with what
   * stands at the path, which tells two files apart unless somebody made them alike.
   */
  async whatWasOpened(path: string, handle: Buffer, isFile: boolean): Promise<OpenedFile> {
    const found = this.descriptors.isTold ? await this.descriptors.news() : [];
    const [first] = found;
    if (first === undefined) return { isAsJudged: await this.#isAlike(path, handle, isFile), descriptor: null };
    const judged = Buffer.from(path).toString('latin1');
    return { isAsJudged: found.every((one) => one.path === judged), descriptor: first.descriptor };
  }

  /** Cuts an open file to nothing: what O_TRUNC does on opening, done to what is known to be the right one. */
  truncate(handle: Buffer): Promise<void> {
    return this.#exchange(types.fsetstat, [wire.string(handle), wire.uint32(1), wire.uint64(0)], (_, reader) => {
      const refused = refusalIn(reader);
      if (refused !== null) throw refused;
    });
  }

  /** Of a file, what the open one is like is asked before and after what the path is like, since it may be written to meanwhile. */
  async #isAlike(path: string, handle: Buffer, isFile: boolean): Promise<boolean> {
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

  async #readLinks(paths: readonly string[]): Promise<readonly (string | null)[]> {
    return this.#exchangeAll(
      paths.map((path) => ({ type: types.readlink, fields: [wire.string(path)] })),
      (packet, reader) => {
        if (packet.type === types.status) return null;
        if (reader.uint32() !== 1) throw wire.broken('a link that is not one');
        return reader.bytes().toString('latin1');
      },
    );
  }

  #realpath(path: string): Promise<string> {
    return this.#ask(types.realpath, path, (reader) => {
      if (reader.uint32() !== 1) throw wire.broken('a real path that is not one');
      return reader.text();
    });
  }

  #ask<T>(type: number, about: string | Buffer, read: (reader: wire.PayloadReader) => T): Promise<T> {
    return this.#exchange(type, [wire.string(about)], (packet, reader) => {
      if (packet.type === types.status) throw refusalIn(reader) ?? wire.broken('an answer without what was asked');
      return read(reader);
    });
  }

  async #exchange<T>(type: number, fields: readonly Buffer[], read: Read<T>): Promise<T> {
    const [answer] = await this.#exchangeAll([{ type, fields }], read);
    return answer as T;
  }

  #exchangeAll<T>(requests: readonly Omit<Asked, 'reply'>[], read: Read<T>): Promise<T[]> {
    return new Promise((resolve, reject) => {
      const answers: T[] = [];
      let open = requests.length;
      const asked = requests.map((request, at): Asked => {
        const reply: Reply = (packet, reader) => {
          try {
            answers[at] = read(packet, reader);
          } catch (error) {
            return reject(error instanceof Error ? error : wire.broken('an answer that cannot be read'));
          }
          if (--open === 0) resolve(answers); // they come in any order
        };
        return { ...request, reply };
      });
      // Without an answer the whole proxy ends, and who waits here with it.
      this.#send(asked).catch(reject);
    });
  }
}

/** The status of a request as the target's refusal of it; null where it is none. */
function refusalIn(reader: wire.PayloadReader): SluiceError | null {
  const code = reader.uint32();
  const message = reader.bytes().toString('utf8');
  if (code === wire.statuses.ok) return null;
  return new SluiceError('target_rejected', message, { decider: 'target', targetCode: String(code) });
}
