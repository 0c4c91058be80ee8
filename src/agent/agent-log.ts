import { closeSync, constants, fstatSync, openSync, readSync, renameSync, statSync, watch, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { readIfPresent } from '../lib/private-files.js';

const maxLogBytes = 1024 * 1024;

/** The agent's log: one line a thing that happened, bounded. A full file becomes `.1`, and the one before it is gone. */
export class AgentLog {
  readonly #file: string;
  readonly #limitBytes: number;
  #handle: number;
  #size: number;

  constructor(file: string, limitBytes = maxLogBytes) {
    this.#file = file;
    this.#limitBytes = limitBytes;
    this.#handle = openLog(file);
    this.#size = fstatSync(this.#handle).size;
  }

  /** Messages of gateways and providers end up here: what could forge a line or move a cursor is taken out. */
  write(line: string, at = new Date()): void {
    // oxlint-disable-next-line no-control-regex
    const text = Buffer.from(`${at.toISOString()} ${line.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')}\n`);
    if (this.#size + text.length > this.#limitBytes && this.#size > 0) this.#rotate();
    writeSync(this.#handle, text);
    this.#size += text.length;
  }

  close(): void {
    closeSync(this.#handle);
  }

  #rotate(): void {
    closeSync(this.#handle);
    renameSync(this.#file, `${this.#file}.1`);
    this.#handle = openLog(this.#file);
    this.#size = 0;
  }
}

function openLog(file: string): number {
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;
  return openSync(file, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o600);
}

/** The last lines, across the rotated file. */
export function lastLines(file: string, count: number): readonly string[] {
  const text = `${readIfPresent(`${file}.1`) ?? ''}${readIfPresent(file) ?? ''}`;
  return count === 0
    ? []
    : text
        .split('\n')
        .filter((line) => line !== '')
        .slice(-count);
}

/** Every line from now on, until the signal. The system tells of changes; nothing is asked in intervals. */
export async function* followLines(file: string, signal: AbortSignal): AsyncGenerator<string> {
  let wake = (): void => undefined;
  const watcher = watch(dirname(file), () => wake());
  const stop = (): void => wake();
  signal.addEventListener('abort', stop, { once: true });
  let at = placeOf(file);
  let rest = '';
  try {
    while (!signal.aborted) {
      const changed = new Promise<void>((resolve) => (wake = resolve));
      const now = placeOf(file);
      const rotated = now.inode !== at.inode;
      // What was written last before the rotation stands in the older file.
      const older = rotated ? readFrom(`${file}.1`, at) : Buffer.alloc(0);
      const start = rotated ? { ...now, end: 0 } : at;
      const newer = readFrom(file, start);
      at = { inode: now.inode, end: start.end + newer.length };
      const text = `${older.toString()}${newer.toString()}`;
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop() ?? '';
      yield* lines.filter((line) => line !== '');
      if (text === '') await changed;
    }
  } finally {
    watcher.close();
    signal.removeEventListener('abort', stop);
  }
}

/** How far into which file the reader is; inode 0 when there is none. */
interface Place {
  readonly inode: number;
  readonly end: number;
}

function placeOf(file: string): Place {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? { inode: 0, end: 0 } : { inode: found.ino, end: found.size };
}

/** What stands behind a place, if the file is still the one it is in. */
function readFrom(file: string, from: Place): Buffer {
  const { inode, end } = placeOf(file);
  if (inode !== from.inode || end <= from.end) return Buffer.alloc(0);
  const handle = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(end - from.end);
    return buffer.subarray(0, readSync(handle, buffer, 0, buffer.length, from.end));
  } finally {
    closeSync(handle);
  }
}
