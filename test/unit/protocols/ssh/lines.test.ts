import { describe, expect, it } from 'vitest';
import { DrawnBytes } from '../../../../src/lib/terminal/drawn.js';
import { Cutter, TypedKeys } from '../../../../src/protocols/ssh/lines/keys.js';
import { recover, type Before } from '../../../../src/protocols/ssh/lines/recover.js';
import { Screen } from '../../../../src/protocols/ssh/lines/screen.js';

const before = (given: Partial<Before> = {}): Before => ({
  ...{ prompt: '$ ', typed: null, isFresh: false, hasText: true, lastPrompt: '' },
  ...given,
});
const line = (head: string, tail = '', below = '') => ({ head, tail, below });

async function screenOf(text: string, columns = 20, rows = 5): Promise<Screen> {
  const screen = new Screen(columns, rows);
  void screen.write(Buffer.from(text));
  await screen.settled();
  return screen;
}

describe('a line on the screen', () => {
  it('is certain where keys and screen agree', () => {
    const read = recover(line('$ ls -l', ' /suggested'), before({ typed: 'ls -l' }));
    expect(read).toEqual({ kind: 'line', text: 'ls -l', isCertain: true });
  });

  it('is what stands behind the prompt where keys do not tell, with what stands behind the cursor', () => {
    const read = recover(line('$ rm', ' -rf x'), before());
    expect(read).toEqual({ kind: 'line', text: 'rm -rf x', isCertain: true });
  });

  it('is uncertain where the screen shows other than the keys say', () => {
    const read = recover(line('$ rm x'), before({ typed: 'ls' }));
    expect(read).toEqual({ kind: 'line', text: 'rm x', isCertain: false });
  });

  it('is what was typed where it was typed before its prompt came', () => {
    const read = recover(line('other> touch x'), before({ prompt: '$ echo one', typed: 'touch x' }));
    expect(read).toEqual({ kind: 'line', text: 'touch x', isCertain: false });
  });

  it('is uncertain where the prompt changed under it', () => {
    const read = recover(line('other> rm x'), before());
    expect(read).toEqual({ kind: 'line', text: 'other> rm x', isCertain: false });
  });

  it('counts rows below it as its own, since a line of several rows may go on there', () => {
    const read = recover(line('$ ls', '', 'rm x'), before());
    expect(read).toEqual({ kind: 'line', text: 'ls\nrm x', isCertain: false });
  });

  it('is hidden where characters were typed and none is shown', () => {
    expect(recover(line('Password: '), before({ prompt: 'Password: ', typed: 'secret' }))).toEqual({ kind: 'hidden' });
    expect(recover(line(''), before({ prompt: '' }))).toEqual({ kind: 'hidden' });
    expect(recover(line('$ '), before({ typed: ' ' }))).toEqual({ kind: 'none' });
  });

  it('is found in a search of the history only where that stands in the prompt’s place', () => {
    const found = recover(line("(reverse-i-search)`rm': rm -rf x"), before());
    expect(found).toEqual({ kind: 'line', text: 'rm -rf x', isCertain: true });
    const faked = recover(line("$ rm -rf x #(reverse-i-search)`': ls"), before());
    expect(faked).toMatchObject({ text: "rm -rf x #(reverse-i-search)`': ls" });
  });

  it('may be there without a key, put there by the shell', () => {
    const expanded = recover(line('$ rm x'), before({ isFresh: true, typed: '', hasText: false, lastPrompt: '$ ' }));
    expect(expanded).toEqual({ kind: 'line', text: 'rm x', isCertain: false });
    const empty = recover(line('$ '), before({ isFresh: true, typed: '', hasText: false, lastPrompt: '$ ' }));
    expect(empty).toEqual({ kind: 'none' });
  });
});

describe('the screen', () => {
  it('joins the rows that a line was wrapped to, and tells what is behind the cursor', async () => {
    const screen = await screenOf(`$ ${'x'.repeat(30)}\u001b[5D`);
    expect(screen.line()).toEqual({ head: `$ ${'x'.repeat(25)}`, tail: 'xxxxx', below: '' });
    screen.dispose();
  });

  it('keeps the beginning of a line that left the top of the screen', async () => {
    const screen = await screenOf(`$ ${'y'.repeat(200)}`);
    expect(screen.line().head).toBe(`$ ${'y'.repeat(200)}`);
    screen.dispose();
  });

  it('knows the alternate screen, pastes between marks, and sizes that it does not follow', async () => {
    const screen = await screenOf('\u001b[?1049h\u001b[?2004h');
    expect([screen.isFullScreen, screen.marksPastes, screen.isFollowed]).toEqual([true, true, true]);
    screen.resize(2000, 2000);
    expect(screen.isFollowed).toBe(false);
    screen.resize(0, 0);
    expect(screen.isFollowed).toBe(true);
    screen.dispose();
  });

  it('asks whoever brings much output at once to wait', async () => {
    const screen = new Screen(80, 24);
    expect(screen.write(Buffer.from('a'))).toBeUndefined();
    await screen.write(Buffer.alloc(300_000, 'b'));
    await screen.settled();
    screen.dispose();
  });
});

describe('control strings', () => {
  const end = '\u001b\\';
  const drawn = (...pieces: readonly string[]): string => {
    const filter = new DrawnBytes();
    return pieces.map((piece) => Buffer.from(filter.push(Buffer.from(piece, 'latin1'))).toString('latin1')).join('');
  };

  it('are dropped however they end and wherever they are cut, and nothing else is', () => {
    const text =
      'a\u001b]0;title\u0007b\u001bPdevice\u001b\\c\u001b[31md\u00c2\u009d8;;link\u0007e\u00c2\u00a0f\u001b7';
    const whole = drawn(text);
    // Their end stays, since it is one to what a terminal does across sequences.
    expect(whole).toBe(`a${end}b${end}c\u001b[31md${end}e\u00c2\u00a0f\u001b7`);
    expect(drawn(...text)).toBe(whole);
  });

  it('end with ST as a C1 control, in UTF-8', () => {
    expect(drawn('a\u001b]0;title\u00c2\u009cb\u00c2\u009d0;t\u00c2', '\u009cc\u001b]0;\u00c2\u00a9\u0007d')).toBe(
      `a${end}b${end}c${end}d`,
    );
  });

  it('that never end take no memory', () => {
    expect(drawn('\u001b]0;', 'x'.repeat(100_000), '\u0007z')).toBe(`${end}z`);
  });
});

describe('keys', () => {
  const cut = (text: string, screen = { marksPastes: true, isFullScreen: false }) =>
    [...new Cutter().cut(Buffer.from(text), screen)].map(
      ({ bytes, submit, does }) =>
        [bytes.toString(), submit?.toString() ?? null, ...(does === 'run' ? [] : [does])] as const,
    );
  const typed = (text: string): TypedKeys => {
    const keys = new TypedKeys();
    keys.push(Buffer.from(text));
    return keys;
  };

  it('are cut where a line may end', () => {
    expect(cut('ls\rpwd\nx\u0004y')).toEqual([
      ['ls', '\r'],
      ['pwd', '\n'],
      ['x', '\u0004'],
      ['y', null],
    ]);
    expect(cut('\u0004\u000f\r', { marksPastes: true, isFullScreen: true })).toEqual([['\u0004\u000f', '\r']]);
  });

  it('end no line inside of a paste, but only while the terminal marks pastes', () => {
    const paste = '\u001b[200~a\rb\u001b[201~\r';
    expect(cut(paste)).toEqual([
      ['\u001b[200~a', '\r', 'paste'],
      ['b\u001b[201~', '\r'],
    ]);
    expect(cut(paste, { marksPastes: false, isFullScreen: false })).toHaveLength(2);
  });

  it('are told apart that may run more than the line', () => {
    expect(cut('a\u001b\u0005b\u0018\u0005c\u0018ed\u001bb\u0018(\u001b#\t')).toEqual([
      ['a', '\u001b\u0005', 'more'],
      ['b', '\u0018\u0005', 'more'],
      ['c', '\u0018e', 'more'],
      ['d\u001bb\u0018(', '\u001b#', 'more'],
      ['', '\t', 'expand'],
    ]);
    expect(cut('\u001b#\u0018\u0005\t', { marksPastes: true, isFullScreen: true })).toHaveLength(1);
  });

  it('tell the line by themselves while they are characters and backspaces', () => {
    expect(typed('lss\u007f -l').text).toBe('ls -l');
    expect(typed('é世').text).toBe('é世');
    expect(typed('ls\t').text).toBeNull();
    expect(typed('\u001b[A').text).toBeNull();
  });

  it('are not what the terminal itself answers', () => {
    const answers = '\u001b[24;80R\u001b[?62;22c\u001b]11;rgb:00/00/00\u0007\u001b[I';
    expect(typed(answers).isFresh).toBe(true);
  });

  it('are forgotten when they are too many', () => {
    expect(typed('x'.repeat(5000)).text).toBeNull();
  });
});
