import { quoteForShell } from '../lib/shell-quote.js';
import { SluiceError } from '../lib/errors.js';
import { unreadable } from './unreadable.js';

/** Standard input that is open and silent: said after the first, given up after the second; both in milliseconds. */
const [silenceSaidMs, silenceEndsMs] = [1_000, 30_000];
const maxInputBytes = 16 * 1024 * 1024;

/** Says that something is waited for. */
type Note = (text: string) => void;

/** Reads a file, or stdin for "-", whole and as UTF-8. Throws `timeout` when nothing comes on stdin. */
export async function readText(path: string, note: Note): Promise<string> {
  const { bytes, name } =
    path === '-' ? { bytes: await readStdin(note), name: 'stdin' } : { bytes: await readFileBounded(path), name: path };
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
async function readStdin(note: Note): Promise<Uint8Array> {
  if (process.stdin.isTTY === true)
    throw new SluiceError('usage', 'Nothing was piped in. Pipe the text, or name a file.', { decider: 'local' });
  const chunks: Buffer[] = [];
  let size = 0;
  const said = setTimeout(() => note('Waiting for what is piped in…'), silenceSaidMs);
  const silence = setTimeout(() => process.stdin.destroy(tooSilent()), silenceEndsMs);
  try {
    for await (const chunk of process.stdin) {
      clearTimeout(said);
      silence.refresh();
      const bytes = Buffer.from(chunk as Uint8Array);
      size += bytes.length;
      if (size > maxInputBytes) throw tooLarge('stdin');
      chunks.push(bytes);
    }
  } finally {
    clearTimeout(said);
    clearTimeout(silence);
  }
  return Buffer.concat(chunks);
}

/** A pipe that stays open and empty is mostly one that nobody meant to be read. */
function tooSilent(): SluiceError {
  const seconds = silenceEndsMs / 1000;
  return new SluiceError('timeout', `Nothing came on standard input for ${seconds} seconds, and it was not closed.`, {
    decider: 'local',
    next: [{ command: 'PROGRAM > FILE', when: 'to finish first what takes longer; then name the file' }],
  });
}

function tooLarge(name: string): SluiceError {
  return new SluiceError('usage', `${name} is larger than ${maxInputBytes / 1024 / 1024} MiB.`, { decider: 'local' });
}

/** No operation was named. */
export function missingText(): SluiceError {
  const message = 'Missing the operation: give TEXT, or --file FILE; what is piped in is read with --file -.';
  return new SluiceError('usage', message, { decider: 'local' });
}

/** The operation's text: TEXT, words behind `--`, or -f FILE; exactly one of them. */
export async function operationText(given: {
  readonly text: string | undefined;
  readonly file: string | undefined;
  readonly rest: readonly string[];
  /** The target runs commands: words behind `--` become one, each quoted as a shell reads it. */
  readonly takesWords?: boolean;
  readonly note: Note;
}): Promise<string | null> {
  const ways = [given.text !== undefined, given.file !== undefined, given.rest.length > 0].filter(Boolean).length;
  if (ways > 1)
    throw new SluiceError('usage', 'Give the text once: as TEXT, behind --, or with --file.', { decider: 'local' });
  if (given.file !== undefined) {
    const text = await readText(given.file, given.note);
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
