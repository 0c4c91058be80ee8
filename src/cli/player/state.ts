import type { Key } from './keys.js';
import { find } from './find.js';
import type { Found } from './terminal-reel.js';
import { firstOf, type Track } from './track.js';

/** Where playback stands. Everything that a key or the clock changes is here; nothing else moves. */
export interface PlayerState {
  readonly atMs: number;
  readonly playing: boolean;
  readonly speed: number;
  readonly skipIdle: boolean;
  /** Longest pause that is played when idle time is skipped. */
  readonly idleMs: number;
  /** What is being typed behind "/", or null. */
  readonly typing: string | null;
  readonly query: string;
  readonly help: boolean;
  /** What is shown while a terminal is open: its screen as it was, or the record of it line by line. */
  readonly view: 'screen' | 'text';
  /** The corner of a screen that is larger than this one; null: where its cursor is. */
  readonly corner: { readonly left: number; readonly top: number } | null;
  readonly message: string;
  readonly done: boolean;
}

export const speeds = [0.5, 1, 2, 4, 8, 16] as const;

export function startState(given: {
  readonly speed: number;
  readonly idleMs: number | null;
  readonly atMs: number;
}): PlayerState {
  return {
    atMs: given.atMs,
    playing: true,
    speed: given.speed,
    skipIdle: given.idleMs !== null,
    idleMs: given.idleMs ?? 2000,
    typing: null,
    query: '',
    help: false,
    view: 'screen',
    corner: null,
    message: '',
    done: false,
  };
}

/** Lets `elapsedMs` of real time pass; stops at the end. */
export function advance(state: PlayerState, elapsedMs: number, track: Track): PlayerState {
  if (!state.playing || state.help || state.typing !== null) return state;
  let atMs = state.atMs + elapsedMs * state.speed;
  if (state.skipIdle) {
    const last = firstOf(track.before(state.atMs))?.atMs ?? 0;
    const next = firstOf(track.after(state.atMs))?.atMs ?? track.durationMs;
    if (next - last > state.idleMs && atMs > last + state.idleMs && atMs < next) atMs = next;
  }
  if (atMs < track.durationMs) return { ...state, atMs };
  // At the end of what there is so far: what comes is played as it comes.
  return track.isWhole
    ? { ...state, atMs: track.durationMs, playing: false, message: 'end' }
    : { ...state, atMs: track.durationMs };
}

/** What one key does. */
export function press(state: PlayerState, key: Key, track: Track): PlayerState {
  if (key.name === 'interrupt') return { ...state, done: true };
  if (state.typing !== null) return type(state, state.typing, key, track);
  if (state.help) return { ...state, help: false };
  switch (key.name) {
    case 'left':
      return seek(state, state.atMs - 5000, track);
    case 'right':
      return seek(state, state.atMs + 5000, track);
    case 'shift-left':
      return seek(state, state.atMs - 30_000, track);
    case 'shift-right':
      return seek(state, state.atMs + 30_000, track);
    case 'up':
      return shift(state, 0, -1);
    case 'down':
      return shift(state, 0, 1);
    case 'character':
      return character(state, key.character, track);
    case 'escape':
      return { ...state, corner: null, message: '' };
    case 'enter':
    case 'backspace':
      return { ...state, message: '' };
  }
}

function character(state: PlayerState, typed: string, track: Track): PlayerState {
  if (typed >= '0' && typed <= '9') return seek(state, (track.durationMs * Number(typed)) / 10, track);
  switch (typed) {
    case ' ':
      // At the end there is nothing to resume: start again.
      if (state.atMs >= track.durationMs) return { ...seek(state, 0, track), playing: true };
      return { ...state, playing: !state.playing, message: '' };
    case '.': {
      const next = firstOf(track.after(state.atMs), (step) => step.stop);
      return { ...seek(state, next?.atMs ?? track.durationMs, track), playing: false };
    }
    case '[': {
      const before = firstOf(track.before(state.atMs), (step) => step.statement && step.atMs < state.atMs);
      return seek(state, before?.atMs ?? 0, track);
    }
    case ']': {
      const after = firstOf(track.after(state.atMs), (step) => step.statement);
      return seek(state, after?.atMs ?? track.durationMs, track);
    }
    case '+':
    case '=':
      return { ...state, speed: speeds.find((speed) => speed > state.speed) ?? state.speed, message: '' };
    case '-':
      return { ...state, speed: speeds.findLast((speed) => speed < state.speed) ?? state.speed, message: '' };
    case 'i':
      return {
        ...state,
        skipIdle: !state.skipIdle,
        message: state.skipIdle ? 'idle time is played' : 'idle time is skipped',
      };
    case '/':
      return { ...state, typing: '', message: '' };
    case 'n':
      return search(state, track, 'after');
    case 'N':
      return search(state, track, 'before');
    case 't':
      return { ...state, view: state.view === 'screen' ? 'text' : 'screen', message: '' };
    case '<':
      return shift(state, -8, 0);
    case '>':
      return shift(state, 8, 0);
    case 'g':
      return seek(state, 0, track);
    case 'G':
      return seek(state, track.durationMs, track);
    case '?':
      return { ...state, help: true };
    case 'q':
      return { ...state, done: true };
    default:
      return state;
  }
}

function shift(state: PlayerState, columns: number, rows: number): PlayerState {
  const { left, top } = state.corner ?? { left: 0, top: 0 };
  return { ...state, corner: { left: Math.max(0, left + columns), top: Math.max(0, top + rows) } };
}

function seek(state: PlayerState, atMs: number, track: Track): PlayerState {
  return { ...state, atMs: Math.min(Math.max(0, atMs), track.durationMs), message: '' };
}

function type(state: PlayerState, typing: string, key: Key, track: Track): PlayerState {
  switch (key.name) {
    case 'character':
      return typing.length < 200 ? { ...state, typing: typing + key.character } : state;
    case 'backspace':
      return { ...state, typing: typing === '' ? null : typing.slice(0, -1) };
    case 'escape':
      return { ...state, typing: null };
    case 'enter':
      return search({ ...state, typing: null, query: typing === '' ? state.query : typing }, track, 'after');
    default:
      return state;
  }
}

/** To the next or previous moment at which the query is written or appears on a screen; round the ends. */
function search(state: PlayerState, track: Track, direction: 'after' | 'before'): PlayerState {
  const query = state.query.toLowerCase();
  if (query === '') return { ...state, message: 'nothing to search for' };
  const found = find(state.atMs, { query, track, direction });
  if (found !== null) return foundAt(state, track, found, '');
  const again = find(direction === 'after' ? -1 : Infinity, { query, track, direction });
  if (again === null) return { ...state, message: `not found: ${state.query}` };
  return foundAt(state, track, again, direction === 'after' ? 'from the start' : 'from the end');
}

function foundAt(state: PlayerState, track: Track, found: NonNullable<Found>, message: string): PlayerState {
  if ('atMs' in found) return { ...seek(state, found.atMs, track), playing: false, message };
  return { ...seek(state, found.upTo, track), playing: false, message: 'not found up to here; n and N search on' };
}
