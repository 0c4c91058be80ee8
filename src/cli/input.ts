import { quoteForShell } from '../lib/shell-quote.js';
import { SluiceError } from '../lib/errors.js';
import { parseDuration } from './durations.js';
import { unreadable } from './unreadable.js';

/** After so long it is said that standard input is waited for. */
const silenceSaidMs = 1_000;
/** A longer timer would run out at once. */
const longestTimerMs = 2 ** 31 - 1;
const maxInputBytes = 16 * 1024 * 1024;

/** How standard input is waited for. */
export interface StdinWait {
  /** Says that something is waited for. */
  note(text: string): void;
  /** A pipe that is silent for so long from the start on is given up; once it has begun, it may take its time. */
  readonly silence: string;
  readonly signal: AbortSignal;
}

/** Reads a file, or stdin for "-", whole and as UTF-8. Throws `timeout` when nothing comes on stdin. */
export async function readText(path: string, stdin: StdinWait): Promise<string> {
  const { bytes, name } =
    path === '-'
      ? { bytes: await readStdin(stdin), name: 'stdin' }
      : { bytes: await readFileBounded(path), name: path };
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
async function readStdin({ note, silence, signal }: StdinWait): Promise<Uint8Array> {
  if (process.stdin.isTTY === true)
    throw new SluiceError('usage', 'Nothing was piped in. Pipe the text, or name a file.', { decider: 'local' });
  const silenceMs = Math.min(longestTimerMs, parseDuration(silence, 'SLUICE_STDIN_TIMEOUT'));
  const chunks: Buffer[] = [];
  let size = 0;
  const said = setTimeout(() => note('Waiting for what is piped in…'), Math.min(silenceSaidMs, silenceMs / 2));
  const given = setTimeout(() => process.stdin.destroy(tooSilent(silenceMs)), silenceMs);
  const onAbort = (): void => void process.stdin.destroy(signal.reason as Error);
  signal.addEventListener('abort', onAbort);
  let rest: NodeJS.Timeout | undefined;
  try {
    for await (const chunk of process.stdin) {
      clearTimeout(said);
      clearTimeout(given);
      clearTimeout(rest);
      rest = setTimeout(() => note('Waiting for the rest of what is piped in…'), silenceMs);
      const bytes = Buffer.from(chunk as Uint8Array);
      size += bytes.length;
      if (size > maxInputBytes) throw tooLarge('stdin');
      chunks.push(bytes);
    }
  } finally {
    clearTimeout(said);
    clearTimeout(given);
    clearTimeout(rest);
    signal.removeEventListener('abort', onAbort);
  }
  return Buffer.concat(chunks);
}

/** A pipe that stays open and empty is mostly one that nobody meant to be read. */
function tooSilent(silenceMs: number): SluiceError {
  const seconds = silenceMs / 1000;
  return new SluiceError('timeout', `Nothing came on standard input for ${seconds} seconds, and it was not closed.`, {
    decider: 'local',
    next: [
      { command: 'PROGRAM > FILE', when: 'to finish first what takes longer; then name the file' },
      { command: 'export SLUICE_STDIN_TIMEOUT=10m', when: 'to wait longer for its first byte' },
    ],
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
  readonly stdin: StdinWait;
}): Promise<string | null> {
  const ways = [given.text !== undefined, given.file !== undefined, given.rest.length > 0].filter(Boolean).length;
  if (ways > 1)
    throw new SluiceError('usage', 'Give the text once: as TEXT, behind --, or with --file.', { decider: 'local' });
  const only = given.text ?? (given.rest.length === 1 ? given.rest[0] : undefined);
  if (only?.trim() === '')
    throw new SluiceError('usage', 'The operation is empty: there is nothing to run.', { decider: 'local' });
  if (given.file !== undefined) {
    const text = await readText(given.file, given.stdin);
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
