import fc from 'fast-check';
import { expect, it } from 'vitest';
import { terminalStream as stream } from '../../support/terminal-stream.js';
import { ReplayedTerminal } from '../../../src/lib/terminal/replayed.js';

const size = fc.record({ columns: fc.integer({ min: 2, max: 30 }), rows: fc.integer({ min: 1, max: 12 }) });

function open({ columns, rows }: { readonly columns: number; readonly rows: number }): ReplayedTerminal {
  const terminal = ReplayedTerminal.open(columns, rows);
  if (terminal === null) throw new TypeError('too large');
  return terminal;
}

it('goes on from a kept state as if nothing had been in between, wherever it was kept', () => {
  let kept = 0;
  fc.assert(
    fc.property(size, stream, stream, size, stream, (first, before, after, second, last) => {
      const whole = open(first);
      for (const byte of before) whole.write(Uint8Array.of(byte));
      const state = whole.state();
      if (state === null) return;
      kept++;
      // What is drawn on does not change what was kept.
      const copies = [ReplayedTerminal.from(state), ReplayedTerminal.from(state)];
      for (const terminal of [whole, ...copies]) {
        terminal.write(after);
        terminal.resize(second.columns, second.rows);
        terminal.write(last);
      }
      const [wanted, ...states] = [whole, ...copies].map((terminal) => terminal.state());
      for (const each of states) expect(each).toEqual(wanted);
    }),
    { numRuns: 400 },
  );
  expect(kept).toBeGreaterThan(300);
});

it('is not kept in the middle of a sequence or a character', () => {
  const terminal = open({ columns: 10, rows: 3 });
  for (const part of ['\u001b[3', '1m']) {
    terminal.write(Buffer.from(part));
    expect(terminal.state() === null).toBe(part !== '1m');
  }
  terminal.write(Buffer.from('ë').subarray(0, 1));
  expect(terminal.state()).toBeNull();
  terminal.write(Buffer.from('ë').subarray(1));
  expect(terminal.state()).not.toBeNull();
});

it('keeps titles, and what vi does with them; no title of any length, and no other string', () => {
  const terminal = open({ columns: 10, rows: 3 });
  const title = (text: string): string => {
    terminal.write(Buffer.from(text));
    return terminal.title;
  };
  expect(title('\u001b]0;shell\u0007')).toBe('shell');
  expect(title('\u001b[22;0;0t\u001b]2;Zoë.txt – vi\u001b\\')).toBe('Zoë.txt – vi');
  expect(title(`\u001b]2;${'x'.repeat(600)}\u0007`)).toBe('Zoë.txt – vi');
  expect(title('\u001b]52;c;b3duZWQ=\u0007\u001bP2;stolen\u001b\\\u001b]2;cancelled\u0018')).toBe('Zoë.txt – vi');
  expect(title('\u001b[23;0;0t')).toBe('shell');
  expect(title('\u009d2;by C1\u009c')).toBe('by C1');
  expect(terminal.row(0)?.translateToString(true)).toBe('');
});

it('repeats no character across a string that it drops, however that ends: no terminal does', () => {
  for (const string of ['\u001b]52;c;b3duZWQ=\u0007', '\u009d8;;link\u009c', '\u001b]8;;a\u0018', '\u001bPq\u001b\\']) {
    const terminal = open({ columns: 10, rows: 3 });
    terminal.write(Buffer.from(`a${string}\u001b[3bb\u001b[2b`));
    expect(terminal.row(0)?.translateToString(true)).toBe('abbb');
  }
});

it('does not follow sizes that no screen has', () => {
  for (const [columns, rows] of [
    [5000, 5000],
    [1, 1],
  ] as const)
    expect(ReplayedTerminal.open(columns, rows)).toBeNull();
  expect(open({ columns: 80, rows: 24 }).resize(9999, 24)).toBe(false);
});
