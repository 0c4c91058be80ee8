import { lstat, readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { SluiceError } from '../lib/errors.js';
import { unreadable } from './unreadable.js';

const kept = /\.(yaml|yml|cedar|json|pem)$/;
const maxFiles = 1000;
const maxBytes = 8 * 1024 * 1024;

/** A bundle folder's files, path with "/" to text. Hidden files and other kinds are left out; links are refused. */
export async function readBundle(dir: string): Promise<Readonly<Record<string, string>>> {
  const files: Record<string, string> = {};
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let bytes = 0;
  for (const path of await listFiles(dir)) {
    const name = relative(dir, path).split(sep).join('/');
    const content = await readFile(path);
    bytes += content.length;
    if (bytes > maxBytes) throw invalid(`${dir} holds more than ${maxBytes / 1024 / 1024} MiB.`);
    try {
      files[name] = decoder.decode(content);
    } catch (cause) {
      throw invalid(`${name} is not valid UTF-8.`, cause);
    }
  }
  if (Object.keys(files).length === 0) throw invalid(`${dir} holds no bundle: no .yaml and no .cedar file.`);
  return files;
}

async function listFiles(dir: string): Promise<readonly string[]> {
  const found: string[] = [];
  const pending = [dir];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const names = await readdir(next).catch((cause: unknown) => {
      throw invalid(unreadable('bundle folder', next, cause), cause);
    });
    for (const name of names.filter((entry) => !entry.startsWith('.'))) {
      const path = join(next, name);
      const entry = await lstat(path);
      if (entry.isSymbolicLink()) throw invalid(`${path} is a link; a bundle holds plain files.`);
      if (entry.isDirectory()) pending.push(path);
      else if (entry.isFile() && kept.test(name)) found.push(path);
      if (found.length > maxFiles) throw invalid(`${dir} holds more than ${maxFiles} files.`);
    }
  }
  return found.sort();
}

function invalid(message: string, cause?: unknown): SluiceError {
  return new SluiceError('usage', message, { decider: 'local', cause });
}
