import { outputMark } from '../../recording/playback/output-lines.js';
import { clockTime } from '../durations.js';
import type { PlayerState } from './state.js';
import type { Track } from './track.js';

const helpLines = [
  'space   pause            .       next step',
  '[ ]     statements       ← →     5 s, with Shift 30 s',
  '0–9     jump             + -     speed',
  'i       skip idle time   / n N   search, next, previous',
  'g G     start, end       t       screen or text',
  '↑ ↓ < > more of a screen that is larger than this one',
  'q       quit             ?       this help; any key closes it',
];

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** The whole screen as lines: the end of what has happened so far, and the status line at the bottom. */
export function renderScreen(state: PlayerState, track: Track, { columns, rows }: ScreenSize): readonly string[] {
  const body = state.help ? helpLines : tail(state, track, columns, rows - 1);
  const filled = [...body, ...Array.from({ length: Math.max(0, rows - 1 - body.length) }, () => '')];
  return [...filled.slice(0, rows - 1), statusLine(state, track, columns)];
}

/** The last `rows` screen lines; long lines wrap. Works backwards, so a long session costs no more than a short one. */
function tail(state: PlayerState, track: Track, columns: number, rows: number): readonly string[] {
  const pieces: string[] = [];
  let breaks = 0;
  for (const { text } of track.before(state.atMs)) {
    if (breaks > rows) break;
    breaks += text.split('\n').length - 1;
    pieces.push(text);
  }
  const lines = pieces.reverse().join('').replace(/\n$/, '').split('\n').slice(-rows);
  return lines.flatMap((line) => wrap(line, columns)).slice(-rows);
}

/** What a program wrote keeps its mark on every row. */
function wrap(line: string, columns: number): readonly string[] {
  const mark = line.startsWith(outputMark) && columns > 2 * outputMark.length ? outputMark : '';
  const characters = [...line.slice(mark.length)];
  const room = columns - mark.length;
  if (characters.length <= room) return [line];
  const parts: string[] = [];
  for (let from = 0; from < characters.length; from += room)
    parts.push(`${mark}${characters.slice(from, from + room).join('')}`);
  return parts;
}

/** "▶ 0:41 / 3:20  2×  statement 3/12  …" */
export function statusLine(state: PlayerState, track: Track, columns: number, notes: readonly string[] = []): string {
  if (state.typing !== null) return `/${state.typing}`.slice(0, columns);
  const { current, total } = track.statements(state.atMs);
  const parts = [
    `${state.playing ? '▶' : '⏸'} ${clockTime(state.atMs)} / ${clockTime(track.durationMs)}${track.isWhole ? '' : '…'}`,
    `${state.speed}×${state.skipIdle ? ' skipping idle' : ''}`,
    `statement ${current}/${total}`,
    state.message === '' ? '? help' : state.message,
    ...notes,
    track.title,
  ];
  return [...parts.join('   ')].slice(0, columns).join('');
}
