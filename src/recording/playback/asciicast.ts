import type { SessionEvent } from '../events.js';
import { castHeader } from './cast-header.js';
import { safeJson } from './escape.js';
import type { Events } from './scenes.js';
import { framesOf } from './timeline.js';

export interface AsciicastOptions {
  /** asciicast v3 (default) or v2, https://docs.asciinema.org/manual/asciicast/v3/ */
  readonly version?: 2 | 3;
  readonly columns?: number;
  readonly rows?: number;
  readonly color?: boolean;
}

/** The session as an asciicast, line by line, for asciinema and its player. */
export async function* renderAsciicast(events: Events, options: AsciicastOptions = {}): AsyncGenerator<string> {
  const { version = 3, columns = 120, rows = 36, color = true } = options;
  const iterator = asyncIteratorOf(events);
  const first = await iterator.next();
  if (first.done === true) return;
  const open = first.value.type === 'open' ? first.value : null;
  yield `${safeJson(castHeader(open, first.value.at, { version, columns, rows }))}\n`;
  let lastMs = 0;
  for await (const frame of framesOf(chained(first.value, iterator), { color })) {
    // v3 counts seconds from the event before, v2 from the start.
    const line = (code: string, data: string, atMs: number): string => {
      const seconds = (version === 3 ? atMs - lastMs : atMs) / 1000;
      lastMs = atMs;
      return `${safeJson([seconds, code, data])}\n`;
    };
    if (frame.marker === 'statement') yield line('m', `#${frame.op ?? ''}`, frame.atMs);
    if (frame.marker === 'resize') {
      yield line('r', frame.text, frame.atMs);
      continue;
    }
    const text = frame.isExact ? frame.text : frame.text.replaceAll(/\r?\n/g, '\r\n');
    if (text !== '') yield line('o', text, frame.atMs);
  }
}

async function* asyncIteratorOf(events: Events): AsyncGenerator<SessionEvent> {
  for await (const event of events) yield event;
}

async function* chained(first: SessionEvent, rest: AsyncGenerator<SessionEvent>): AsyncGenerator<SessionEvent> {
  yield first;
  yield* rest;
}
