import type { ActionName } from '../../../analysis/effects.js';
import { broken, PayloadReader, string, types, uint32, type Packet } from './codec.js';

/** How a path of a request is made absolute: `follow` resolves its last part too, `name` means the entry itself. */
export interface NamedPath {
  readonly path: string;
  readonly as: 'follow' | 'name';
  readonly actions: readonly ActionName[];
}

/** A request, decoded; what the target gets is encoded from this again. */
export type Request =
  | {
      readonly kind: 'paths';
      readonly id: number;
      readonly name: string;
      readonly paths: readonly NamedPath[];
      readonly encode: (paths: readonly string[]) => readonly Buffer[];
      /** The same without cutting the file, where it opens one to cut it. */
      readonly encodeUncut: ((paths: readonly string[]) => readonly Buffer[]) | null;
      readonly type: number;
      readonly opens: 'file' | 'folder' | null;
    }
  | {
      readonly kind: 'handle';
      readonly id: number;
      readonly handle: Buffer;
      readonly type: number;
      readonly tail: Buffer;
      readonly judged: ActionName | null;
      readonly extension: string | null;
    }
  | {
      readonly kind: 'read';
      readonly id: number;
      readonly handle: Buffer;
      readonly offset: number;
      readonly length: number;
    }
  | {
      readonly kind: 'write';
      readonly id: number;
      readonly handle: Buffer;
      readonly offset: number;
      readonly data: Buffer;
    }
  | { readonly kind: 'limits'; readonly id: number }
  | { readonly kind: 'unsupported'; readonly id: number; readonly name: string };

const flags = { read: 1, write: 2, append: 4, creat: 8, trunc: 16, excl: 32 } as const;

/** Decodes a request that has an id. Throws `protocol`, or UnreadableName. */
export function decodeRequest({ type, payload }: Packet): Request {
  const reader = new PayloadReader(payload);
  const id = reader.uint32();
  const one = (name: string, path: NamedPath, opens: 'file' | 'folder' | null = null): Request => {
    const tail = reader.rest();
    const encode = ([only = '']: readonly string[]): readonly Buffer[] => [string(only), tail];
    return { kind: 'paths', id, type, name, paths: [path], opens, encode, encodeUncut: null };
  };
  const onHandle = (judged: ActionName | null): Request => {
    const handle = reader.bytes();
    return { kind: 'handle', id, handle, type, tail: reader.rest(), judged, extension: null };
  };
  switch (type) {
    case types.open: {
      const path = reader.text();
      const wanted = reader.uint32();
      const attributes = reader.rest();
      const encodeAs =
        (asked: number) =>
        ([only = '']: readonly string[]): readonly Buffer[] => [string(only), uint32(asked), attributes];
      const cuts = (wanted & flags.trunc) !== 0 && (wanted & flags.write) !== 0;
      const writes = (wanted & (flags.write | flags.append | flags.creat | flags.trunc)) !== 0;
      const reads = (wanted & flags.read) !== 0 || !writes;
      const actions: ActionName[] = [
        ...(reads ? (['download'] as const) : []),
        ...(writes ? (['upload'] as const) : []),
      ];
      return {
        ...{ kind: 'paths', id, type, name: `open ${modeWords(wanted)}`, paths: [{ path, as: 'follow', actions }] },
        opens: 'file',
        encode: encodeAs(wanted),
        encodeUncut: cuts ? encodeAs(wanted & ~flags.trunc) : null,
      };
    }
    case types.close:
    case types.fstat:
    case types.readdir:
      return onHandle(null);
    case types.fsetstat:
      return onHandle('changeFile');
    case types.read:
      return { kind: 'read', id, handle: reader.bytes(), offset: reader.uint64(), length: reader.uint32() };
    case types.write:
      return { kind: 'write', id, handle: reader.bytes(), offset: reader.uint64(), data: reader.bytes() };
    case types.lstat:
      return one('lstat', { path: reader.text(), as: 'name', actions: ['listFiles'] });
    case types.stat:
      return one('stat', { path: reader.text(), as: 'follow', actions: ['listFiles'] });
    case types.realpath:
      return one('realpath', { path: reader.text(), as: 'follow', actions: ['listFiles'] });
    case types.readlink:
      return one('readlink', { path: reader.text(), as: 'name', actions: ['listFiles'] });
    case types.opendir:
      return one('list', { path: reader.text(), as: 'follow', actions: ['listFiles'] }, 'folder');
    case types.remove:
      return one('remove', { path: reader.text(), as: 'name', actions: ['removeFile'] });
    case types.rmdir:
      return one('rmdir', { path: reader.text(), as: 'name', actions: ['removeFile'] });
    case types.mkdir:
      return one('mkdir', { path: reader.text(), as: 'name', actions: ['changeFile'] });
    case types.setstat:
      return one('setstat', { path: reader.text(), as: 'follow', actions: ['changeFile'] });
    case types.rename:
      return two(id, type, 'rename', null, reader, ['renameFile', 'renameFile']);
    // OpenSSH's order, which every client follows: first what the link points to, then the link.
    case types.symlink:
      return symlink(id, reader);
    case types.extended:
      return extended(id, reader);
    default:
      throw broken(`a request of unknown type ${type}`);
  }
}

function two(
  id: number,
  type: number,
  name: string,
  extension: string | null,
  reader: PayloadReader,
  [first, second]: readonly [ActionName, ActionName],
): Request {
  const paths: readonly NamedPath[] = [
    { path: reader.text(), as: 'name', actions: [first] },
    { path: reader.text(), as: 'name', actions: [second] },
  ];
  const head = extension === null ? [] : [string(extension)];
  return {
    kind: 'paths',
    id,
    type,
    name,
    paths,
    opens: null,
    encodeUncut: null,
    encode: (all) => [...head, ...all.map((path) => string(path))],
  };
}

/** What a link points to is text, read when the link is followed; only an absolute one can be judged and kept as judged. */
function symlink(id: number, reader: PayloadReader): Request {
  const target = reader.text();
  const link = reader.text();
  if (!target.startsWith('/')) return { kind: 'unsupported', id, name: `symlink to the relative path ${target}` };
  const paths: readonly NamedPath[] = [
    { path: target, as: 'follow', actions: ['linkFile'] },
    { path: link, as: 'name', actions: ['linkFile'] },
  ];
  return {
    kind: 'paths',
    id,
    type: types.symlink,
    name: 'symlink',
    paths,
    opens: null,
    encodeUncut: null,
    encode: (all) => all.map((path) => string(path)),
  };
}

function extended(id: number, reader: PayloadReader): Request {
  const extension = reader.text();
  switch (extension) {
    case 'posix-rename@openssh.com':
      return two(id, types.extended, 'rename', extension, reader, ['renameFile', 'renameFile']);
    case 'hardlink@openssh.com':
      return two(id, types.extended, 'hard link', extension, reader, ['linkFile', 'linkFile']);
    case 'fsync@openssh.com':
      return {
        kind: 'handle',
        id,
        handle: reader.bytes(),
        type: types.extended,
        tail: Buffer.alloc(0),
        judged: null,
        extension,
      };
    case 'limits@openssh.com':
      return { kind: 'limits', id };
    default:
      return { kind: 'unsupported', id, name: extension };
  }
}

function modeWords(wanted: number): string {
  return Object.entries(flags)
    .filter(([, bit]) => (wanted & bit) !== 0)
    .map(([name]) => name)
    .join('+');
}
