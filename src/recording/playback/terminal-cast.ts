import type { SessionEvent } from '../events.js';
import { escapeLine, safeJson } from './escape.js';
import { castHeader, type CastVersion } from './cast-header.js';
import type { Events } from './scenes.js';
import { sizeIn } from './terminal-size.js';
import { TerminalFilter } from './terminal-filter.js';

const maxLabelChars = 200;

/**
 * One channel of a session as an asciicast, as it was on its terminal: its output and sizes, each typed line a marker.
 * Channels run side by side, so a line that may have been typed at another terminal is no marker.
 */
export async function* renderTerminalCast(
  events: Events,
  { op, version = 3 }: { readonly op: number; readonly version?: CastVersion },
): AsyncGenerator<string> {
  const filter = new TerminalFilter({ isForScreen: true });
  const terminals = new Set<number>();
  let open: SessionEvent | null = null;
  let begun: { readonly at: number; readonly isTerminal: boolean } | null = null;
  let lastMs = 0;
  const line = (code: string, data: string, at: number): string => {
    // A clock that was set back must not turn the film around.
    const ms = Math.max(lastMs, at - (begun?.at ?? at));
    const seconds = (version === 3 ? ms - lastMs : ms) / 1000;
    lastMs = ms;
    return `${safeJson([seconds, code, data])}\n`;
  };
  for await (const event of events) {
    if (event.type === 'open') open = event;
    if (event.type === 'terminal' && event.stream === 'r') terminals.add(event.op);
    if (event.type === 'result') terminals.delete(event.op);
    if (
      event.type === 'operation' &&
      event.kind === 'line' &&
      begun !== null &&
      terminals.size === 1 &&
      terminals.has(op)
    )
      yield line('m', escapeLine(event.text).slice(0, maxLabelChars), event.at);
    if (event.type !== 'terminal' || event.op !== op) continue;
    const size = event.stream === 'r' ? sizeIn(event.data) : null;
    if (begun === null) {
      begun = { at: event.at, isTerminal: size !== null };
      const header = { version, columns: size?.columns ?? 80, rows: size?.rows ?? 24 };
      yield `${safeJson(castHeader(open?.type === 'open' ? open : null, event.at, header))}\n`;
    } else if (size !== null) yield line('r', `${size.columns}x${size.rows}`, event.at);
    if (event.stream !== 'o') continue;
    const text = filter.push(event.data);
    // Where there was no terminal nobody has sent the cursor back to the start of the line.
    if (text !== '') yield line('o', begun.isTerminal ? text : text.replaceAll(/\r?\n/g, '\r\n'), event.at);
  }
  // A terminal in which the film was shown is as it was: soft reset (DECSTR), which leaves new line mode as it is.
  if (begun !== null && filter.isAltering) yield line('o', '\u001b[!p\u001b[20l', begun.at + lastMs);
}
