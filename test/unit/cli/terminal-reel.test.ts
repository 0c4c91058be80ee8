import { expect, it } from 'vitest';
import { renderFrame } from '../../../src/cli/player/frame.js';
import { JournalTrack } from '../../../src/cli/player/journal-track.js';
import { press, startState, type PlayerState } from '../../../src/cli/player/state.js';
import { ReplayedTerminal } from '../../../src/lib/terminal/replayed.js';
import type { SessionEvent } from '../../../src/recording/events.js';
import { opening, startOfTime, startRecorder, statement, tempDir } from '../recording/support.js';

type Piece = readonly [atMs: number, text: string, op?: number];

async function trackOf(
  pieces: readonly (readonly [atMs: number, what: SessionEvent | string])[],
): Promise<JournalTrack> {
  let now = startOfTime;
  const { recorder } = await startRecorder(await tempDir(), { clock: () => now });
  const events = pieces.flatMap(([atMs, what]): SessionEvent[] => {
    const at = startOfTime + atMs;
    if (typeof what !== 'string') return [{ ...what, at }];
    return [{ type: 'terminal', at, op: 1, stream: 'o', data: Buffer.from(what) }];
  });
  const open = opening();
  const session = await recorder.openSession(open);
  for (const event of [...statement(1, 'shell').slice(0, 2), ...events]) session.append(event);
  await session.commit();
  now = (events.at(-1)?.at ?? now) + 1000;
  await session.close('client closed', '');
  const journal = await recorder.journal(open.session);
  await recorder.close();
  const track = new JournalTrack(journal?.path ?? '', { title: 'x', key: null, isComplete: () => true });
  while (!track.isWhole) track.lookOn(50);
  return track;
}

const sized = (columns: number, rows: number, op = 1): SessionEvent => ({
  ...{ type: 'terminal', at: 0, op, stream: 'r' },
  data: Buffer.from(`${columns}x${rows}`),
});
const output = (text: string, op: number): SessionEvent => ({
  ...{ type: 'terminal', at: 0, op, stream: 'o' },
  data: Buffer.from(text),
});

/** What a full-screen program draws in an hour: now and then all of it, mostly a few cells, in colours, with scrolling. */
function* hour(): Generator<Piece> {
  let state = 7;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  yield [2000, '\u001b[?1049h\u001b[2;23r'];
  for (let atMs = 2050; atMs < 3_600_000; atMs += 50) {
    const [row, column, color] = [1 + random(24), 1 + random(70), random(256)];
    if (atMs % 1000 === 0) yield [atMs, `\u001b]2;at ${atMs}\u0007\u001b[1;1H${'=+-'[random(3)]?.repeat(79)}`];
    yield [
      atMs,
      random(10) === 0
        ? `\u001b[23;1H\n${'scrolled '.repeat(random(9))}`
        : `\u001b[${row};${column}H\u001b[38;5;${color}m${'word '.repeat(random(20))}\u001b[m`,
    ];
  }
}

it('shows any moment of an hour as it was, forwards and backwards, in little time once it has been there', async () => {
  const pieces = [...hour()];
  const track = await trackOf([[1900, sized(80, 24)], ...pieces.map(([at, text]) => [at, text] as const)]);
  const moments = [3_599_000, 5_000, 1_800_025, 1_799_999, 3_000_000, 2_100, 60_000, 3_599_999];
  const terminal = ReplayedTerminal.open(80, 24);
  if (terminal === null) throw new TypeError();
  const wanted = new Map<number, unknown>();
  let next = 0;
  for (const moment of moments.toSorted((a, b) => a - b)) {
    for (; (pieces[next]?.[0] ?? Infinity) <= moment; next++) terminal.write(Buffer.from(pieces[next]?.[1] ?? ''));
    wanted.set(moment, terminal.state());
  }
  while (!track.reel.moveTo(track.durationMs, 100));
  const times: number[] = [];
  for (const moment of moments) {
    const began = performance.now();
    let goes = 1;
    while (!track.reel.moveTo(moment, 1000)) goes++;
    times.push(performance.now() - began);
    expect(goes).toBe(1);
    expect(track.reel.shown?.state()).toEqual(wanted.get(moment));
  }
  // Tens of milliseconds on an idle machine: see the reel's own bound.
  expect(times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]).toBeLessThan(1000);
}, 120_000);

const start = startState({ speed: 1, idleMs: null, atMs: 0 });
const keys = (state: PlayerState, typed: string, track: JournalTrack): PlayerState =>
  [...typed].reduce((now, character) => press(now, { name: 'character', character }, track), state);
const enter = (state: PlayerState, track: JournalTrack): PlayerState => press(state, { name: 'enter' }, track);

it('finds text as it stood on the screen: cut by colours, by the cursor, by pieces, by the edge', async () => {
  const track = await trackOf([
    [1900, sized(20, 5)],
    [2000, 'ready> '],
    [3000, 'nee'],
    [3500, 'dle'],
    [4000, ' more\r\n'],
    [5000, '\u001b[3;1Hmoved: pay\u001b[31mroll\u001b[0m'],
    [6000, '\u001b[4;1Hxxxx-end\u001b[4;1Hword'],
    [7000, '\u001b[2J\u001b[1;15Hstraddling'],
    [8000, '\u001b[5;1H\n\n\nnee\u001b[1Cle\u001b[3D\u001b[Cx\u001b[Dd\u001b[C'],
  ]);
  const look = (text: string, state = start): PlayerState => enter(keys(state, `/${text}`, track), track);
  expect(look('needle')).toMatchObject({ atMs: 3500, playing: false });
  // Typing on behind it, and scrolling it away, is not its appearing.
  expect(keys(look('needle'), 'n', track)).toMatchObject({ atMs: 3500, message: 'from the start' });
  expect(look('PAYROLL').atMs).toBe(5000);
  expect(look('word-end').atMs).toBe(6000);
  expect(look('straddling').atMs).toBe(7000);
  expect(keys(look('straddling'), 'N', track)).toMatchObject({ atMs: 7000, message: 'from the end' });
  expect(keys({ ...look('payroll'), atMs: 6500 }, 'N', track).atMs).toBe(5000);
  expect(look('nowhere').message).toBe('not found: nowhere');
});

it('shows the terminal that had output last, and the record when none is open', async () => {
  const track = await trackOf([
    [2000, sized(20, 5)],
    [2100, 'first'],
    [3000, sized(20, 5, 2)],
    [3100, output('second', 2)],
    [4000, 'more'],
    [5000, statement(1, '')[2] ?? sized(1, 1)],
    [5500, output(' again', 2)],
    [6000, statement(2, '')[2] ?? sized(1, 1)],
  ]);
  const rowAt = (atMs: number): string | null => {
    expect(track.reel.moveTo(atMs, 1000)).toBe(true);
    return track.reel.shown?.row(0)?.translateToString(true) ?? null;
  };
  expect([1950, 2100, 3100, 4000, 5500, 6000].map(rowAt)).toEqual([
    ...[null, 'first', 'second', 'firstmore', 'second again', null],
  ]);
  expect([4000, 1000, 5500].map(rowAt)).toEqual(['firstmore', null, 'second again']);
});

it('shows of a larger screen the part around its cursor, says so, and moves over it by keys', async () => {
  const row = (y: number): string => `\u001b[${y};1H${String(y).padStart(2, '0')}${'.'.repeat(96)}${y}`;
  const track = await trackOf([
    [1900, sized(100, 30)],
    [2000, Array.from({ length: 30 }, (_, index) => row(index + 1)).join('')],
    [3000, '\u001b[1;1H'],
  ]);
  const small = { columns: 40, rows: 11 };
  const frame = (state: PlayerState): string => renderFrame(state, track, small);
  const text = (state: PlayerState): readonly string[] =>
    frame(state)
      .split('\u001b[')
      .slice(1)
      .reduce<string[]>((rows, piece) => {
        const [, final = '', rest = ''] = /^[\d;?]*([A-Za-z])([^]*)$/.exec(piece) ?? [];
        if (final === 'H') rows.push(rest);
        else if (rows.length > 0) rows[rows.length - 1] += rest;
        return rows;
      }, []);
  const atEnd = { ...start, atMs: 2500 };
  // The cursor is behind the last character of the last row.
  expect(text(atEnd)[9]).toBe(`${'.'.repeat(38)}30`);
  expect(text(atEnd)[0]).toBe(`${'.'.repeat(38)}21`);
  expect(frame(atEnd)).toContain('\u001b[10;40H\u001b[?25h');
  const atTop = { ...start, atMs: 3500 };
  expect(text(atTop)[0]).toBe(`01${'.'.repeat(38)}`);
  const status = renderFrame(atTop, track, { columns: 150, rows: 11 });
  expect(status).toContain('100×10 of 100×30 from 1,1');
  const down = press(press(atTop, { name: 'down' }, track), { name: 'down' }, track);
  expect(text(down)[0]).toBe(`03${'.'.repeat(38)}`);
  expect(frame(down)).not.toContain('?25h');
  expect(text(keys(down, '>', track))[0]).toBe('.'.repeat(40));
  expect(text(press(down, { name: 'escape' }, track))[0]).toBe(`01${'.'.repeat(38)}`);
  // No row is longer than the screen, whatever is asked for.
  for (const state of [atEnd, atTop, down, keys(down, '>>>>>>>>>>>>>>', track)])
    for (const line of text(state)) expect([...line].length).toBeLessThanOrEqual(40);
});

it('follows resizes, and leaves to the record what is too large for any screen', async () => {
  const track = await trackOf([
    [1900, sized(20, 5)],
    [2000, 'a line of twenty letters, wrapped\r\n'],
    [3000, sized(40, 5)],
    [4000, sized(9999, 9999)],
    [5000, 'more'],
  ]);
  const rowAt = (atMs: number): string | null => {
    track.reel.moveTo(atMs, 1000);
    return track.reel.shown?.row(0)?.translateToString(true) ?? null;
  };
  expect([2500, 3500, 5500].map(rowAt)).toEqual(['a line of twenty let', 'a line of twenty letters, wrapped', null]);
  expect(renderFrame({ ...start, atMs: 5500 }, track, { columns: 80, rows: 24 })).toContain('more');
});

it('goes to the text and back by key', async () => {
  const track = await trackOf([
    [1900, sized(20, 5)],
    [2000, 'shown\u001b[1;1Hdrawn'],
  ]);
  const at = { ...start, atMs: 2500 };
  expect(renderFrame(at, track, { columns: 80, rows: 24 })).not.toContain('│');
  const text = keys(at, 't', track);
  expect(renderFrame(text, track, { columns: 80, rows: 24 })).toContain('│ shown');
  expect(renderFrame(keys(text, 't', track), track, { columns: 80, rows: 24 })).not.toContain('│');
});
