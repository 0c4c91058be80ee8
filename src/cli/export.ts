import { open } from 'node:fs/promises';
import type { SluiceClient } from '../client/api.js';
import { messageOf, SluiceError } from '../lib/errors.js';
import { plainJson } from './plain.js';
import { playbackDocument, playbackText } from './playback.js';

export interface ExportOptions {
  readonly format: 'journal' | 'text' | 'json';
  readonly output: string | undefined;
}
const endings = { journal: '.journal', text: '.txt', json: '.json' } as const;

/** Saves a session; an existing file is never overwritten. `file` is null when it went to stdout. */
export async function exportSession(client: SluiceClient, id: string, options: ExportOptions, signal: AbortSignal) {
  const journal = await collect(await client.sessionJournal(id, { signal }));
  const content = await render(journal, options.format);
  if (options.output === '-') {
    process.stdout.write(content);
    return { file: null, bytes: content.length };
  }
  const file = options.output ?? `${id}${endings[options.format]}`;
  try {
    const handle = await open(file, 'wx', 0o600);
    await handle.writeFile(content).finally(() => handle.close());
  } catch (cause) {
    throw new SluiceError('local', `Cannot write ${file}: ${messageOf(cause)}`, { decider: 'local', cause });
  }
  return { file, bytes: content.length };
}

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function whole(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

async function render(journal: Uint8Array, format: ExportOptions['format']): Promise<Uint8Array> {
  switch (format) {
    case 'journal':
      return journal;
    case 'text':
      return Buffer.from(await whole(playbackText({ source: journal, openKey: () => null }, false)));
    case 'json':
      return Buffer.from(`${plainJson(await playbackDocument({ source: journal, openKey: () => null }))}\n`);
  }
}
