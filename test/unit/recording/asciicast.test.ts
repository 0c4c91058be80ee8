import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import type { SessionEvent } from '../../../src/recording/events.js';
import { renderAsciicast } from '../../../src/recording/playback/asciicast.js';
import { AsciinemaPlayer } from '../../support/asciinema-player.js';
import { opening, startOfTime, statement, tempDir } from './support.js';

const session: readonly SessionEvent[] = [
  opening(),
  ...statement(1, 'select name from customers'),
  ...statement(40, "update customers set name = 'Zoë — «quoted» \\ \u0007'"),
  ...statement(41, 'drop table customers', { verdict: 'deny' }),
  { type: 'end', at: startOfTime + 60_000, reason: 'client closed', detail: '' },
];

async function castOf(version: 2 | 3, events = session): Promise<string> {
  let cast = '';
  for await (const line of renderAsciicast(events, { version, columns: 100, rows: 30, color: false })) cast += line;
  return cast;
}

async function play(cast: string): Promise<AsciinemaPlayer> {
  const player = await AsciinemaPlayer.open(cast);
  onTestFinished(() => player.close());
  return player;
}

it.each([3, 2] as const)(
  'exports an asciicast v%i that asciinema’s player plays, in its time, with its markers',
  async (version) => {
    const player = await play(await castOf(version));
    const { duration, markers } = player.metadata as { duration: number; markers: [number, string][] };
    expect(player.errors).toEqual([]);
    expect(player.size).toEqual({ cols: 100, rows: 30 });
    expect(duration).toBeCloseTo(60, 3);
    expect(markers.map(([, label]) => label)).toEqual(['#1', '#40', '#41']);
    // A statement is typed in the second before it ran.
    for (const [index, at] of [1, 40, 41].entries()) {
      expect(markers[index]?.[0]).toBeGreaterThan(at - 1.001);
      expect(markers[index]?.[0]).toBeLessThanOrEqual(at);
    }

    const [first, before, all] = [await player.seek(2), await player.seek(39), await player.seek('100%')];
    expect(first).toContain('select name from customers');
    expect(before).toBe(first); // nothing happened in between
    expect(all.startsWith(first)).toBe(true);
    expect(all).toContain('Zoë — «quoted»');
    expect(all).toContain('drop table customers');
    expect(all).not.toContain('\u0007');
    expect(all.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  },
);

it('tells both versions alike', async () => {
  const [two, three] = [await play(await castOf(2)), await play(await castOf(3))];
  for (const at of [0, 1, 1.5, 40, 41, '100%']) expect(await two.seek(at)).toBe(await three.seek(at));
});

it('is refused by the player when it is none, so that playing says something', async () => {
  await expect(play('{"version":7}\n[1,"o","x"]\n')).rejects.toThrow('not supported');
});

it('exports an asciicast v2 that Debian’s asciinema prints', async () => {
  const file = join(await tempDir(), 'session.cast');
  await writeFile(file, await castOf(2));
  // It wants a terminal of its own, which `script` gives it.
  const { stdout } = await promisify(execFile)('script', ['-qec', `asciinema cat ${file}`, '/dev/null']);
  expect(stdout).toContain('select name from customers');
  expect(stdout).toContain('drop table customers');
});
