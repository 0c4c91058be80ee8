import { describe, expect, it } from 'vitest';
import { decodeKeys } from '../../../src/cli/player/keys.js';
import { renderScreen, statusLine } from '../../../src/cli/player/screen.js';
import { advance, press, startState, type PlayerState } from '../../../src/cli/player/state.js';
import { stepsUntil, trackOf, type TrackStep } from '../../../src/cli/player/track.js';

const step = (atMs: number, text: string, statement: boolean): TrackStep => ({
  ...{ atMs, statement, stop: true, search: text },
  text: `${text}\n`,
});
const steps = [
  step(0, 'engineer on demo-db', false),
  step(1_000, 'demo-db> select 1', true),
  step(1_200, '1 row', false),
  step(60_000, 'demo-db> drop table orders', true),
  step(60_010, 'denied', false),
];
const track = { ...trackOf('ses_1', steps), durationMs: 100_000 };
const start = startState({ speed: 1, idleMs: null, atMs: 0 });
const keys = (state: PlayerState, typed: string): PlayerState =>
  decodeKeys(typed).reduce((now, key) => press(now, key, track), state);

describe('keys', () => {
  it('come apart from one chunk, arrows and Shift included', () => {
    expect(decodeKeys('a\u001b[D\u001b[1;2C\u001bOC\u001b\r\u007f\u0003')).toEqual([
      { name: 'character', character: 'a' },
      { name: 'left' },
      { name: 'shift-right' },
      { name: 'right' },
      { name: 'escape' },
      { name: 'enter' },
      { name: 'backspace' },
      { name: 'interrupt' },
    ]);
  });
  it('that are not known are dropped whole', () => {
    expect(decodeKeys('\u001b[15~\u001b[5C\u0001')).toEqual([]);
  });
});

describe('time', () => {
  it('passes at the chosen speed and stops at the end', () => {
    expect(advance(keys(start, '++'), 1_000, track).atMs).toBe(4_000);
    expect(advance({ ...start, atMs: 99_900 }, 1_000, track)).toMatchObject({ atMs: 100_000, playing: false });
  });
  it('stands while paused, while help is shown and while a search is typed', () => {
    for (const typed of [' ', '?', '/']) expect(advance(keys(start, typed), 1_000, track).atMs).toBe(0);
  });
  it('jumps over idle stretches once they are longer than the limit', () => {
    const idle = { ...startState({ speed: 1, idleMs: 2_000, atMs: 3_100 }) };
    expect(advance(idle, 50, track).atMs).toBe(3_150);
    expect(advance({ ...idle, atMs: 3_190 }, 50, track).atMs).toBe(60_000);
  });
  it('starts again with space at the end', () => {
    expect(keys(keys(start, 'G'), ' ')).toMatchObject({ atMs: 0, playing: true });
  });
});

describe('movement', () => {
  it('goes 5 s by arrow, 30 s with Shift, never past either end', () => {
    const at = (typed: string): number => keys({ ...start, atMs: 20_000 }, typed).atMs;
    expect([at('\u001b[C'), at('\u001b[D'), at('\u001b[1;2C'), at('\u001b[1;2D')]).toEqual([25_000, 15_000, 50_000, 0]);
  });
  it('goes to tenths by digit, to the ends by g and G', () => {
    expect(['0', '5', '9', 'g', 'G'].map((key) => keys({ ...start, atMs: 7 }, key).atMs)).toEqual([
      0, 50_000, 90_000, 0, 100_000,
    ]);
  });
  it('goes to the previous and next statement', () => {
    expect(keys({ ...start, atMs: 5_000 }, ']').atMs).toBe(60_000);
    expect(keys({ ...start, atMs: 5_000 }, '[').atMs).toBe(1_000);
    expect(keys({ ...start, atMs: 1_000 }, '[').atMs).toBe(0);
    expect(keys({ ...start, atMs: 60_000 }, ']').atMs).toBe(100_000);
  });
  it('steps to the next thing that happened and pauses there', () => {
    expect(keys({ ...start, atMs: 1_000 }, '.')).toMatchObject({ atMs: 1_200, playing: false });
  });
});

describe('speed', () => {
  it('stays between half and sixteen times', () => {
    expect(keys(start, '+++++++').speed).toBe(16);
    expect(keys(start, '---').speed).toBe(0.5);
  });
});

describe('search', () => {
  it('finds forward, then from the start, and says so', () => {
    const found = keys(start, '/TABLE\r');
    expect(found).toMatchObject({ atMs: 60_000, playing: false, query: 'TABLE' });
    expect(keys(found, 'n')).toMatchObject({ atMs: 60_000, message: 'from the start' });
    expect(keys(start, '/nothing\r').message).toBe('not found: nothing');
  });
  it('is left with escape, corrected with backspace; its letters are no commands', () => {
    expect(keys(start, '/q\u001b')).toMatchObject({ typing: null, done: false });
    expect(keys(start, '/ab\u007f').typing).toBe('a');
  });
});

describe('the end', () => {
  it('comes with q or Ctrl-C, also while typing', () => {
    expect([keys(start, 'q').done, keys(start, '\u0003').done, keys(start, '/\u0003').done]).toEqual([
      true,
      true,
      true,
    ]);
  });
  it('is not q while help is shown: any key closes that', () => {
    expect(keys(start, '?q')).toMatchObject({ help: false, done: false });
  });
});

describe('the screen', () => {
  it('shows the end of what has happened, and nothing that has not', () => {
    const lines = renderScreen({ ...start, atMs: 1_200 }, track, { columns: 80, rows: 3 });
    expect(lines.slice(0, 2)).toEqual(['demo-db> select 1', '1 row']);
    expect(lines[2]).toContain('0:01 / 1:40');
    expect(lines[2]).toContain('statement 1/2');
  });
  it('is exactly as large as the terminal', () => {
    const lines = renderScreen({ ...start, atMs: 100_000 }, track, { columns: 10, rows: 8 });
    expect(lines).toHaveLength(8);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(10);
  });
  it('has the search line in place of the status while typing', () => {
    expect(statusLine(keys(start, '/dro'), track, 40)).toBe('/dro');
  });
  it('joins steps that are parts of one line', () => {
    const typed = { ...step(0, '', false), stop: false };
    const parts = trackOf('ses_1', [
      { ...typed, text: 'a=> ' },
      { ...typed, text: 'sel' },
      { ...typed, text: 'ect\n' },
    ]);
    expect(renderScreen(start, parts, { columns: 20, rows: 2 })[0]).toBe('a=> select');
  });
  it('counts steps by time', () => {
    expect([stepsUntil(steps, -1), stepsUntil(steps, 0), stepsUntil(steps, 60_005), stepsUntil(steps, 1e9)]).toEqual([
      0, 1, 4, 5,
    ]);
  });
});
