/** A key press, by the name the player knows it under; anything else is dropped. */
export type Key =
  | {
      readonly name:
        | 'left'
        | 'right'
        | 'shift-left'
        | 'shift-right'
        | 'up'
        | 'down'
        | 'escape'
        | 'enter'
        | 'backspace'
        | 'interrupt';
    }
  | { readonly name: 'character'; readonly character: string };

/** ESC [ C and friends; with modifier 2 (Shift) as xterm sends it, and as rxvt does (xterm ctlseqs, PC-Style Function Keys). */
const sequences: Readonly<Record<string, Key>> = {
  '[A': { name: 'up' },
  '[B': { name: 'down' },
  OA: { name: 'up' },
  OB: { name: 'down' },
  '[D': { name: 'left' },
  '[C': { name: 'right' },
  OD: { name: 'left' },
  OC: { name: 'right' },
  '[1;2D': { name: 'shift-left' },
  '[1;2C': { name: 'shift-right' },
  '[d': { name: 'shift-left' },
  '[c': { name: 'shift-right' },
};

/** Splits what a terminal in raw mode sent into keys. */
export function decodeKeys(chunk: string): readonly Key[] {
  const keys: Key[] = [];
  for (let rest = chunk; rest !== '';) {
    // oxlint-disable-next-line no-control-regex
    const sequence = /^\u001b(\[[0-9;]*[A-Za-z~]|O[A-Za-z])/.exec(rest);
    if (sequence !== null) {
      const key = sequences[sequence[1] ?? ''];
      if (key !== undefined) keys.push(key);
      rest = rest.slice(sequence[0].length);
      continue;
    }
    const character = String.fromCodePoint(rest.codePointAt(0) ?? 0);
    rest = rest.slice(character.length);
    if (character === '\u0003') keys.push({ name: 'interrupt' });
    else if (character === '\u001b') keys.push({ name: 'escape' });
    else if (character === '\r' || character === '\n') keys.push({ name: 'enter' });
    else if (character === '\u007f' || character === '\b') keys.push({ name: 'backspace' });
    else if (character >= ' ') keys.push({ name: 'character', character });
  }
  return keys;
}
