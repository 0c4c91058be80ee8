import type { Terminal } from '@xterm/headless';
import { expect, it } from 'vitest';
import { openTerminal } from '../../../src/lib/terminal/emulator.js';

const size = { cols: 20, rows: 4, scrollback: 10 };

async function drawn(text: string): Promise<Terminal> {
  const terminal = openTerminal(size);
  await new Promise<void>((resolve) => terminal.write(text, resolve));
  return terminal;
}

function rowsOf({ buffer: { active }, rows }: Terminal): readonly string[] {
  return Array.from({ length: rows }, (_, y) => active.getLine(active.baseY + y)?.translateToString(true) ?? '');
}

it.each([
  ['日本', 2],
  ['👍', 2],
  ['☺', 1],
  ['🇩🇪', 1],
  ['한', 2],
  ['ａ', 2],
  ['é', 1],
  ['\u00ad', 1],
])('counts the cells of %s as programs do', async (text, each) => {
  const { buffer } = await drawn(text);
  expect(buffer.active.cursorX).toBe(each * [...text].length);
});

it('puts marks on the letter before, and no more than a letter can have', async () => {
  const letters = await drawn('e\u0301\u200bx');
  expect(letters.buffer.active.getLine(0)?.getCell(0)?.getChars()).toBe('e\u0301\u200b');
  const { buffer } = await drawn(`e${'\u0301'.repeat(50_000)}`);
  const kept = Array.from({ length: 14 }, (_, y) => buffer.active.getLine(y)?.translateToString(true) ?? '');
  expect(kept.join('').length).toBeLessThan(14 * size.cols * 18);
});

it.each(['L', 'M', 'S', 'T', 'I', 'Z', 'b', '@', 'P', 'X'])(
  'does in one sequence what one screen can show, and as without a limit: CSI n %s',
  async (final) => {
    const text = 'one\r\ntwo\r\nthree\r\nfour\u001b[2;3H';
    const most = await drawn(`${text}\u001b[2147483647${final}.`);
    // Ten times the screen is as much, and an amount that nobody minds.
    const enough = await drawn(`${text}\u001b[${final === 'b' ? size.cols : 40}${final}.`);
    expect(rowsOf(most)).toEqual(rowsOf(enough));
  },
  5_000,
);
