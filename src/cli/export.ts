import { open } from 'node:fs/promises';
import type { SluiceClient } from '../client/api.js';
import { messageOf, SluiceError } from '../lib/errors.js';
import { systemCode } from '../lib/private-files.js';
import { renderAsciicast } from '../recording/playback/asciicast.js';
import { renderCsv } from '../recording/playback/csv.js';
import { renderFile } from '../recording/playback/kept-files.js';
import { renderTerminalCast } from '../recording/playback/terminal-cast.js';
import { renderJson } from '../recording/playback/json.js';
import { readEvents, type OpenSessionKey } from '../recording/read.js';
import { plainBlock, plainJson } from './plain.js';
import { playbackDocument, playbackText, type Recording } from './playback.js';
import { usage } from './usage.js';

/** Each format with the ending of its files. */
export const exportFormats = {
  journal: '.journal',
  text: '.txt',
  json: '.json',
  jsonl: '.jsonl',
  csv: '.csv',
  file: '.file',
  'asciicast-v3': '.cast',
  'asciicast-v2': '.cast',
} as const;
export type ExportFormat = keyof typeof exportFormats;

export interface ExportOptions {
  readonly format: ExportFormat;
  readonly output: string | undefined;
  /** CSV: only the result of this operation. file: of which operation. asciicast: only what it showed on its terminal. */
  readonly op: number | undefined;
  /** Reads an encrypted recording. */
  readonly openKey: OpenSessionKey;
}

/** Saves a session; an existing file is never overwritten. `file` is null when it went to stdout. */
export async function exportSession(client: SluiceClient, id: string, options: ExportOptions, signal: AbortSignal) {
  const journal = await client.sessionJournal(id, { signal });
  const pieces = render({ source: journal, openKey: options.openKey }, journal, options);
  if (options.output === '-') return { file: null, bytes: await print(pieces, options.format) };
  const file = options.output ?? `${id}${exportFormats[options.format]}`;
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      let bytes = 0;
      for await (const piece of pieces) {
        await handle.writeFile(piece);
        bytes += Buffer.byteLength(piece);
      }
      return { file, bytes };
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof SluiceError) throw cause;
    throw notWritten(file, cause, `sluice sessions export ${id} --output FILE`);
  }
}

/** What is there is never overwritten: `other` writes elsewhere. */
function notWritten(file: string, cause: unknown, other: string): SluiceError {
  const isThere = systemCode(cause) === 'EEXIST';
  return new SluiceError('local', isThere ? `${file} is there already.` : `Cannot write ${file}: ${messageOf(cause)}`, {
    ...{ decider: 'local', cause },
    next: isThere ? [{ command: other, when: 'to save it elsewhere' }] : [],
  });
}

type Pieces = AsyncIterable<string | Uint8Array>;

/** Nothing of a recording is obeyed by the terminal it is printed on; what is piped stays as it is. */
async function print(pieces: Pieces, format: ExportFormat): Promise<number> {
  const isTerminal = process.stdout.isTTY === true;
  if (isTerminal && format === 'journal')
    throw usage('A journal is no text: save it with --output FILE, or pipe it into a program.');
  const isForeign = isTerminal && (format === 'csv' || format === 'file');
  const decoder = new TextDecoder();
  let bytes = 0;
  for await (const piece of pieces) {
    const text = (): string => (typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true }));
    const shown = isForeign ? plainBlock(text()) : piece;
    bytes += Buffer.byteLength(piece);
    if (!process.stdout.write(shown)) await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
  return bytes;
}

function render(recording: Recording, journal: AsyncIterable<Uint8Array>, { format, op }: ExportOptions): Pieces {
  const { source, openKey } = recording;
  switch (format) {
    case 'journal':
      return journal;
    case 'text':
      return playbackText(recording, false);
    case 'json':
      return documentOf(recording);
    case 'jsonl':
      return linesOf(recording);
    case 'csv':
      return renderCsv(readEvents(source, { openKey }), op === undefined ? {} : { op });
    case 'file':
      return renderFile(readEvents(source, { openKey }), op ?? 0);
    case 'asciicast-v3':
      return castOf(recording, 3, op);
    case 'asciicast-v2':
      return castOf(recording, 2, op);
  }
}

function castOf({ source, openKey }: Recording, version: 2 | 3, op: number | undefined): Pieces {
  const events = readEvents(source, { openKey });
  return op === undefined ? renderAsciicast(events, { version }) : renderTerminalCast(events, { op, version });
}

async function* documentOf(recording: Recording): AsyncGenerator<string> {
  yield `${plainJson(await playbackDocument(recording))}\n`;
}

async function* linesOf({ source, openKey }: Recording): AsyncGenerator<string> {
  for await (const event of renderJson(readEvents(source, { openKey }))) yield `${plainJson(event)}\n`;
}
