import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { JournalTrack } from '../../../src/cli/player/journal-track.js';
import { playbackText } from '../../../src/cli/playback.js';
import { opening, recordSession, startOfTime, startRecorder, statement, tempDir } from '../recording/support.js';
import type { SessionEvent } from '../../../src/recording/events.js';

/** A result of `count` rows with one text column. */
function resultOf(op: number, count: number, width: number): SessionEvent[] {
  const at = startOfTime + op * 1000 + 2;
  const row = Buffer.alloc(4 + 2 + 4 + width, 0x61);
  row.writeInt32BE(2 + 4 + width, 0);
  row.writeInt16BE(1, 4);
  row.writeInt32BE(width, 6);
  return [
    { type: 'columns', at, op, columns: [{ name: 'name', typeOid: 25, format: 0, masked: false }] },
    { type: 'rows', at, op, count, data: Buffer.concat(Array.from({ length: count }, () => row)) },
  ];
}

async function bigJournal(): Promise<string> {
  const dir = await tempDir();
  const { recorder } = await startRecorder(dir);
  const statements = Array.from({ length: 400 }, (_, index) => {
    const [operation, decision, result] = statement(index + 1, `select name from customers where id = ${index + 1}`);
    if (operation === undefined || decision === undefined || result === undefined) throw new TypeError();
    // One of them alone is longer than a segment.
    const rows = Array.from({ length: index === 200 ? 30 : 1 }, () => resultOf(index + 1, 100, 60).slice(1)).flat();
    return [operation, decision, ...resultOf(index + 1, 1, 60).slice(0, 1), ...rows, result];
  });
  const id = await recordSession(recorder, statements, opening());
  const journal = await recorder.journal(id);
  await recorder.close();
  return journal?.path ?? '';
}

/** Two channels side by side, whose output ends in the middle of lines wherever a segment does. */
async function terminalJournal(): Promise<string> {
  const dir = await tempDir();
  const { recorder } = await startRecorder(dir);
  const begun = [1, 2].flatMap((op) => statement(op, `run ${op}`).slice(0, 2));
  const output = Array.from({ length: 3000 }, (_, index): SessionEvent => {
    const text = ['\u001b[31mred\u001b[0m', 'words \r', '\nline\n', '\u001b[2J', 'x'.repeat(500)][index % 5] ?? '';
    return {
      type: 'terminal',
      at: startOfTime + 2000 + index,
      op: 1 + ((index % 3) & 1),
      stream: 'o',
      data: Buffer.from(text),
    };
  });
  const id = await recordSession(recorder, [[...begun, ...output]], opening());
  const journal = await recorder.journal(id);
  await recorder.close();
  return journal?.path ?? '';
}

async function transcriptOf(path: string, op: number | null = null): Promise<string> {
  let text = '';
  for await (const piece of playbackText({ source: path, openKey: () => null }, false, op)) text += piece;
  return text;
}

const textOf = (track: JournalTrack): string =>
  [...track.before(Infinity)]
    .reverse()
    .map(({ text }) => text)
    .join('');

it.each([
  ['statements', bigJournal],
  ['output of terminals', terminalJournal],
])('shows %s the same as a transcript, forwards and backwards, wherever one begins', async (_, made) => {
  const path = await made();
  const track = new JournalTrack(path, { title: 'x', key: null, isComplete: () => true });
  while (!track.isWhole) track.lookOn(10);
  const whole = await transcriptOf(path);
  expect(textOf(track)).toBe(whole);
  expect([...track.after(-1)].map(({ text }) => text).join('')).toBe(whole);
  const { total } = track.statements(Infinity);
  expect(track.statements(Infinity).current).toBe(total);
  expect(total).toBe(made === bigJournal ? 400 : 2);
  const middle = track.durationMs / 2;
  const later = [...track.after(middle)].map(({ text }) => text).join('');
  const earlier = [...track.before(middle)].map(({ text }) => text);
  expect(earlier.reverse().join('') + later).toBe(whole);
});

it('shows one operation apart from the others, wherever it stands', async () => {
  const path = await bigJournal();
  for (const op of [1, 201, 399]) {
    const track = new JournalTrack(path, { title: 'x', op, key: null, isComplete: () => true });
    while (!track.isWhole) track.lookOn(1000);
    const whole = await transcriptOf(path, op);
    expect(textOf(track)).toBe(whole);
    expect(whole.match(/where id = \d+/g)).toEqual([`where id = ${op}`]);
    expect(whole).toMatch(/ended: client closed.*, 1 operation\n$/);
  }
});

it('follows a file that grows, and stops at a record that does not fit its chain', async () => {
  const path = await bigJournal();
  const bytes = await readFile(path);
  const growing = join(await tempDir(), 'growing.journal');
  await writeFile(growing, bytes.subarray(0, 700_001));
  let isComplete = false;
  const track = new JournalTrack(growing, { title: 'x', key: null, isComplete: () => isComplete });
  track.lookOn(1000);
  const before = track.durationMs;
  expect(track.isWhole).toBe(false);
  await appendFile(growing, bytes.subarray(700_001));
  isComplete = true;
  while (!track.isWhole) track.lookOn(1000);
  expect(track.durationMs).toBeGreaterThan(before);
  expect(textOf(track)).toBe(await transcriptOf(path));
  const changed = Buffer.from(bytes);
  const place = changed.indexOf('where id = 390');
  changed.write('where id = 991', place);
  await writeFile(growing, changed);
  const forged = new JournalTrack(growing, { title: 'x', key: null, isComplete: () => true });
  while (!forged.isWhole) forged.lookOn(1000);
  expect(() => textOf(forged)).toThrow('damaged');
});
