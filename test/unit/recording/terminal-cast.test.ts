import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import type { SessionEvent } from '../../../src/recording/events.js';
import { renderAsciicast } from '../../../src/recording/playback/asciicast.js';
import { renderTerminalCast } from '../../../src/recording/playback/terminal-cast.js';
import { onlyOf } from '../../../src/recording/playback/one-operation.js';
import { transcriptOf } from '../../../src/recording/playback/text.js';
import { AsciinemaPlayer } from '../../support/asciinema-player.js';
import { opening, startOfTime } from './support.js';

const out = (op: number, atMs: number, text: string, stream: 'o' | 'r' = 'o'): SessionEvent => ({
  ...{ type: 'terminal', at: startOfTime + atMs, op, stream, data: Buffer.from(text) },
});
const result = (op: number, atMs: number): SessionEvent => ({
  ...{
    type: 'result',
    at: startOfTime + atMs,
    op,
    tag: 'exit 0',
    rowCount: 0,
    byteCount: 0,
    truncated: false,
    digest: '',
  },
});
const typed = (op: number, atMs: number, text: string): SessionEvent => ({
  ...{ type: 'operation', at: startOfTime + atMs, op, kind: 'line', text, parameters: [], effects: [], fault: null },
});

/** Two terminals side by side, the sequences of each cut in the middle. */
const session: readonly SessionEvent[] = [
  opening(),
  out(1, 0, '40x10', 'r'),
  out(1, 500, 'one\u001b[3'),
  out(2, 600, '100x30', 'r'),
  out(2, 700, 'two\u001b]0;ti'),
  out(1, 800, '1mred\u001b[0m\r\n\ndown'),
  out(2, 900, 'tle\u0007 still two'),
  typed(3, 950, 'ambiguous'),
  result(2, 1000),
  typed(4, 1200, 'uptime\u001b[31m'),
  out(1, 1500, '60x20', 'r'),
  out(1, 2000, ' end'),
  result(1, 2100),
  { type: 'end', at: startOfTime + 3000, reason: 'client closed', detail: '' },
];

async function whole(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

it.each([3, 2] as const)('plays one terminal as it was, apart from the others (asciicast v%i)', async (version) => {
  const player = await AsciinemaPlayer.open(await whole(renderTerminalCast(session, { op: 1, version })));
  onTestFinished(() => player.close());
  expect(player.errors).toEqual([]);
  expect(player.size).toEqual({ cols: 40, rows: 10 });
  const { duration, markers } = player.metadata as { duration: number; markers: [number, string][] };
  expect(duration).toBeCloseTo(2, 3);
  // A line that may have been typed at either terminal belongs to none; what a line could obey is shown as text.
  expect(markers).toHaveLength(1);
  expect(markers[0]?.[0]).toBeCloseTo(1.2, 3);
  expect(markers[0]?.[1]).toContain('uptime');
  expect(markers[0]?.[1]).not.toContain('\u001b');
  // A line feed of a terminal only goes down: nothing is put in front of it.
  expect(await player.seek('100%')).toBe('one\u001b[31mred\u001b[0m\r\n\ndown end');
  expect(await player.seek(0.6)).toBe('one');
});

it('tells sizes where they changed', async () => {
  const lines = (await whole(renderTerminalCast(session, { op: 1 }))).trim().split('\n');
  expect(lines.filter((line) => line.includes('"r"'))).toEqual(['[0.3,"r","60x20"]']);
});

it('returns the cursor where there was no terminal to do so', async () => {
  const plain = [opening(), out(1, 0, 'a\nb\r\nc'), result(1, 10)];
  expect(await whole(renderTerminalCast(plain, { op: 1 }))).toContain('"a\\r\\nb\\r\\nc"');
});

it('is empty for an operation that showed nothing', async () => {
  expect(await whole(renderTerminalCast(session, { op: 9 }))).toBe('');
});

it('shows the whole session with the sizes of its terminals, whatever pieces their sequences came in', async () => {
  const player = await AsciinemaPlayer.open(await whole(renderAsciicast(session, { color: false })));
  onTestFinished(() => player.close());
  expect(player.errors).toEqual([]);
  const shown = await player.seek('100%');
  expect(shown).toContain('\u001b[31mred\u001b[0m\r\n\ndown');
  expect(shown).not.toContain('title');
  expect(await transcriptOf(session)).not.toContain('40x10');
});

it('is shown apart from the channel beside it', async () => {
  const text = await transcriptOf(onlyOf(session, 1));
  expect(text).toContain('  │ onered\n  │\n  │ down end\nexit 0\n');
  expect(text).not.toContain('two');
});

it('stands in a transcript line by line, marked, with nothing for a terminal to obey', async () => {
  const piece = fc.constantFrom(
    ...[
      '\u001b',
      '[2J',
      '[1A',
      '[H',
      'c',
      '\u009b',
      '\u202e',
      '\r',
      '\n',
      '\b',
      '\u0007',
      ']52;c;x',
      'text',
      '✓ allowed',
      '日',
    ],
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.integer({ min: 1, max: 2 }), piece), { maxLength: 40 }), async (pieces) => {
      const text = await transcriptOf([opening(), ...pieces.map(([op, data], index) => out(op, index, data))]);
      const lines = text.split('\n').slice((await transcriptOf([opening()])).split('\n').length - 3);
      // oxlint-disable-next-line no-control-regex -- that there is no control character is what is tested
      expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/u);
      for (const line of lines.filter((one) => one !== '' && !one.startsWith('— no end')))
        expect(line).toMatch(/^ {2}│/);
    }),
  );
});

it('keeps character sets and insertion, and gives a terminal back as it was', async () => {
  const lines = (
    await whole(
      renderTerminalCast([...session.slice(0, 1), out(1, 0, '20x5', 'r'), out(1, 10, '\u001b(0lqk\u001b[4h')], {
        op: 1,
      }),
    )
  )
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(lines.slice(1)).toEqual([
    [0.01, 'o', '\u001b(0lqk\u001b[4h'],
    [0, 'o', '\u001b[!p\u001b[20l'],
  ]);
});
