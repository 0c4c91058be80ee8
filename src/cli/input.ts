import { quoteForShell } from '../lib/shell-quote.js';
import { SluiceError } from '../lib/errors.js';
import { unreadable } from './unreadable.js';

const maxInputBytes = 16 * 1024 * 1024;

/** Reads a file, or stdin for "-", whole and as UTF-8. */
export async function readText(path: string): Promise<string> {
  const { bytes, name } =
    path === '-' ? { bytes: await readStdin(), name: 'stdin' } : { bytes: await readFileBounded(path), name: path };
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new SluiceError('usage', `${name} is not valid UTF-8.`, { decider: 'local', cause });
  }
}

async function readFileBounded(path: string): Promise<Uint8Array> {
  const { readFile, stat } = await import('node:fs/promises');
  try {
    const { size } = await stat(path);
    if (size > maxInputBytes) throw tooLarge(path);
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof SluiceError) throw cause;
    throw new SluiceError('usage', unreadable('file', path, cause), { decider: 'local', cause });
  }
}

/** All of stdin; a terminal is refused, since nobody would know that something waits for them. */
export async function readStdin(): Promise<Uint8Array> {
  if (process.stdin.isTTY === true)
    throw new SluiceError('usage', 'Nothing was piped in. Pipe the text, or name a file.', { decider: 'local' });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > maxInputBytes) throw tooLarge('stdin');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

function tooLarge(name: string): SluiceError {
  return new SluiceError('usage', `${name} is larger than ${maxInputBytes / 1024 / 1024} MiB.`, { decider: 'local' });
}

/** The operation's text: TEXT, words behind `--`, or -f FILE; exactly one of them. */
export async function operationText(given: {
  readonly text: string | undefined;
  readonly file: string | undefined;
  readonly rest: readonly string[];
  /** The target runs commands: words behind `--` become one, each quoted as a shell reads it. */
  readonly takesWords?: boolean;
}): Promise<string | null> {
  const ways = [given.text !== undefined, given.file !== undefined, given.rest.length > 0].filter(Boolean).length;
  if (ways > 1)
    throw new SluiceError('usage', 'Give the text once: as TEXT, behind --, or with --file.', { decider: 'local' });
  if (given.file !== undefined) {
    const text = await readText(given.file);
    if (text.trim() !== '') return text;
    const name = given.file === '-' ? 'Standard input' : given.file;
    throw new SluiceError('usage', `${name} holds no text to run.`, { decider: 'local' });
  }
  if (given.rest.length > 1) {
    if (given.takesWords !== true)
      throw new SluiceError('usage', 'This target takes one text, not words; quote it.', { decider: 'local' });
    return given.rest.map(quoteForShell).join(' ');
  }
  return given.text ?? given.rest[0] ?? null;
}

/** `--meta build=17` and the like: NAME=VALUE pairs of a flag, each name once. */
export function namedValues(pairs: readonly string[], flag: string): Readonly<Record<string, string>> {
  const values = new Map<string, string>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw new SluiceError('usage', `${flag} expects NAME=VALUE, not "${pair}".`, { decider: 'local' });
    const name = pair.slice(0, at);
    if (values.has(name)) throw new SluiceError('usage', `${flag} ${name} is given twice.`, { decider: 'local' });
    values.set(name, pair.slice(at + 1));
  }
  return Object.fromEntries(values);
}
