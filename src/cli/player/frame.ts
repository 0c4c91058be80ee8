import type { ReplayedTerminal } from '../../lib/terminal/replayed.js';
import { escapeLine } from '../../recording/playback/escape.js';
import { paintRows, type Window } from './paint.js';
import { renderScreen, statusLine, type ScreenSize } from './screen.js';
import type { PlayerState } from './state.js';
import type { Track } from './track.js';

/** Drawing that takes longer goes on with the next frame. */
const maxDrawingMs = 80;
const maxTitle = 60;

/** All that the reviewer's terminal is sent for one moment: rows at their places, the status line, the cursor. */
export function renderFrame(state: PlayerState, track: Track, size: ScreenSize, colored = true): string {
  const terminal = state.help || state.view === 'text' ? null : terminalAt(state, track);
  if (terminal === 'drawing') return drawingFrame(state, track, size);
  if (terminal === null) {
    const lines = renderScreen(state, track, size);
    return framed(lines.slice(0, -1), lines.at(-1) ?? '', size);
  }
  const window = windowOf(terminal, state, size);
  const status = statusLine(state, track, size.columns, notesOf(terminal, window));
  const { x, y, isHidden } = terminal.cursor;
  const [column, row] = [x - window.left, y - window.top];
  const isShown = !isHidden && state.typing === null && column >= 0 && column < window.columns;
  const cursor = isShown && row >= 0 && row < window.rows ? `\u001b[${row + 1};${column + 1}H\u001b[?25h` : '';
  return `${framed(paintRows(terminal, window, colored), status, size)}${cursor}`;
}

function terminalAt({ atMs }: PlayerState, { reel }: Track): ReplayedTerminal | 'drawing' | null {
  if (reel === null) return null;
  return reel.moveTo(atMs, maxDrawingMs) ? reel.shown : 'drawing';
}

function drawingFrame(state: PlayerState, track: Track, size: ScreenSize): string {
  const done = Math.round((100 * Math.max(0, track.reel?.atMs ?? 0)) / Math.max(1, state.atMs));
  return framed([`drawing what came before: ${Math.min(99, done)} %`], statusLine(state, track, size.columns), size);
}

/** Where a screen is larger, the part around its cursor, or the part that was asked for. */
function windowOf(terminal: ReplayedTerminal, { corner }: PlayerState, size: ScreenSize): Window {
  const columns = Math.min(size.columns, terminal.columns);
  const rows = Math.min(size.rows - 1, terminal.rows);
  const { x, y } = terminal.cursor;
  const wanted = corner ?? { left: x < columns ? 0 : x - columns + 1, top: y < rows ? 0 : y - rows + 1 };
  return {
    ...{ columns, rows },
    left: Math.min(wanted.left, terminal.columns - columns),
    top: Math.min(wanted.top, terminal.rows - rows),
  };
}

function notesOf({ columns, rows, title }: ReplayedTerminal, window: Window): readonly string[] {
  const whole = `${columns}×${rows}`;
  const isWhole = window.columns === columns && window.rows === rows;
  const part = `${window.columns}×${window.rows} of ${whole} from ${window.left + 1},${window.top + 1}: ↑ ↓ < >`;
  return [isWhole ? whole : part, ...(title === '' ? [] : [`"${escapeLine(title.slice(0, maxTitle))}"`])];
}

function framed(rows: readonly string[], status: string, { columns, rows: height }: ScreenSize): string {
  const place = (y: number): string => `\u001b[${y + 1};1H`;
  // Erased first: behind a full row the cursor waits on its last cell.
  const body = Array.from({ length: Math.max(0, height - 1) }, (_, y) => `${place(y)}\u001b[K${rows[y] ?? ''}`);
  const bar = `${place(height - 1)}\u001b[7m${status.padEnd(columns)}\u001b[0m`;
  return `\u001b[?25l${body.join('')}${bar}`;
}
