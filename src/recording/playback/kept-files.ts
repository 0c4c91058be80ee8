import type { FileEvent } from '../events.js';
import { escapeText } from './escape.js';
import { outputMark } from './output-lines.js';
import type { Events } from './scenes.js';

/** More of a file is exported, not shown. */
const maxShownBytes = 16 * 1024;

interface Kept {
  readonly pieces: Uint8Array[];
  shown: number;
  total: number;
}

/** The content of files that operations moved, until their results are shown. */
export class KeptFiles {
  readonly #files = new Map<string, Kept>();

  add({ op, direction, data }: FileEvent): void {
    const key = `${op} ${direction}`;
    const kept = this.#files.get(key) ?? { pieces: [], shown: 0, total: 0 };
    this.#files.set(key, kept);
    kept.total += data.length;
    if (kept.shown >= maxShownBytes) return;
    const piece = data.subarray(0, maxShownBytes - kept.shown);
    kept.pieces.push(piece);
    kept.shown += piece.length;
  }

  /** What was kept of the file that this result tells of; '' for nothing. */
  take(op: number, tag: string): string {
    const key = `${op} ${tag.startsWith('uploaded') ? 'upload' : 'download'}`;
    const kept = this.#files.get(key);
    if (kept === undefined) return '';
    this.#files.delete(key);
    const bytes = Buffer.concat(kept.pieces);
    const more = `sluice sessions export … --format file --op ${op}`;
    const text = textOf(bytes, kept.total > kept.shown);
    if (text === null) return `  (${kept.total} bytes are kept, no text: ${more})\n`;
    const lines = escapeText(text).replace(/\n$/, '').replaceAll('\n', `\n${outputMark}`);
    const rest = kept.total - kept.shown;
    return `${outputMark}${lines}\n${rest > 0 ? `  (${rest} more bytes are kept: ${more})\n` : ''}`;
  }
}

/** Null for what is no UTF-8 text. A character that the cut goes through is left out. */
function textOf(bytes: Buffer, isCut: boolean): string | null {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: isCut });
  } catch {
    return null;
  }
}

/** The content of one file as it was kept: what the operation moved, in the direction that comes first. */
export async function* renderFile(events: Events, op: number): AsyncGenerator<Uint8Array> {
  let direction: FileEvent['direction'] | null = null;
  for await (const event of events) {
    if (event.type !== 'file' || event.op !== op) continue;
    direction ??= event.direction;
    if (event.direction === direction) yield event.data;
  }
}
