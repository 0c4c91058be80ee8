import fs, { type WriteFileOptions } from 'node:fs';
import fsp, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/** One moment at which the state of the disk changes: right before it, or half way through it. */
export interface WritePoint {
  readonly what: string;
  readonly half: boolean;
}

type Anything = (...args: readonly never[]) => unknown;

/**
 * Calls `at` before everything in this process that writes to files through node:fs, and in the middle of every write.
 * Together these are all states that a killed process can leave behind: what it wrote stays, whatever it did next.
 * Gives back how to stop.
 */
export async function watchWrites(at: (point: WritePoint) => void): Promise<() => void> {
  const undo: (() => void)[] = [];
  let inside = false;
  const tell = (what: string, half = false): void => {
    if (inside) return;
    inside = true; // `at` writes files itself
    try {
      at({ what, half });
    } finally {
      inside = false;
    }
  };
  const wrap = (owner: object, name: string, around: (real: Anything) => Anything): void => {
    const real = Reflect.get(owner, name) as Anything;
    Reflect.set(owner, name, around(real));
    undo.push(() => void Reflect.set(owner, name, real));
  };
  const before = (owner: object, names: readonly string[], label = ''): void => {
    for (const name of names) {
      wrap(
        owner,
        name,
        (real) =>
          function (this: unknown, ...args) {
            tell(label + name);
            return Reflect.apply(real, this, args);
          },
      );
    }
  };
  const writeSync = fs.writeSync as (file: number, bytes: Uint8Array, ...rest: (number | undefined)[]) => number;
  wrap(
    fs,
    'writeSync',
    () =>
      (file: number, bytes: Uint8Array, offset = 0, length = bytes.length - offset, position?: number) => {
        tell('writeSync');
        const first = length >> 1;
        if (first === 0) return writeSync(file, bytes, offset, length, position);
        writeSync(file, bytes, offset, first, position);
        tell('writeSync', true);
        const rest = position === undefined ? undefined : position + first;
        return first + writeSync(file, bytes, offset + first, length - first, rest);
      },
  );
  before(fs, ['openSync', 'fdatasync', 'ftruncateSync', 'rmSync', 'mkdirSync']);
  before(fsp, ['open', 'link', 'rename', 'rm', 'mkdir'], 'promises.');
  const handle = await fsp.open('/dev/null');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  before(prototype, ['write', 'appendFile', 'truncate', 'sync', 'datasync'], 'handle.');
  wrap(
    prototype,
    'writeFile',
    (real) =>
      async function (this: FileHandle, text: string, options: WriteFileOptions) {
        tell('handle.writeFile');
        await Reflect.apply(real, this, [text.slice(0, text.length >> 1), options]);
        tell('handle.writeFile', true);
        await Reflect.apply(real, this, [text.slice(text.length >> 1), options]);
      },
  );
  syncBuiltinESMExports();
  return () => {
    for (const each of undo) each();
    syncBuiltinESMExports();
  };
}
