import type { OpenEvent, SessionEvent } from '../events.js';
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
  yield `${safeJson(headerOf(open, first.value.at, { version, columns, rows }))}\n`;
  let lastMs = 0;
  for await (const frame of framesOf(chained(first.value, iterator), { color })) {
    // v3 counts seconds from the event before, v2 from the start.
    const line = (code: string, data: string, atMs: number): string => {
      const seconds = (version === 3 ? atMs - lastMs : atMs) / 1000;
      lastMs = atMs;
      return `${safeJson([seconds, code, data])}\n`;
    };
    if (frame.marker === 'statement') yield line('m', `#${frame.op ?? ''}`, frame.atMs);
    yield line('o', frame.text.replaceAll('\n', '\r\n').replaceAll('\r\r\n', '\r\n'), frame.atMs);
  }
}

function headerOf(
  open: OpenEvent | null,
  at: number,
  { version, columns, rows }: { version: 2 | 3; columns: number; rows: number },
): object {
  const timestamp = Math.floor(at / 1000);
  const title = open === null ? 'Sluice session' : `${open.identity.name} on ${open.target.name} (${open.session})`;
  return version === 3
    ? { version, term: { cols: columns, rows, type: 'xterm-256color' }, timestamp, title }
    : { version, width: columns, height: rows, timestamp, title, env: { TERM: 'xterm-256color' } };
}

async function* asyncIteratorOf(events: Events): AsyncGenerator<SessionEvent> {
  for await (const event of events) yield event;
}

async function* chained(first: SessionEvent, rest: AsyncGenerator<SessionEvent>): AsyncGenerator<SessionEvent> {
  yield first;
  yield* rest;
}
