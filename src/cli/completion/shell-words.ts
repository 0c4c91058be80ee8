import type { Completion } from './complete.js';

/**
 * bash cuts words at `=` and `:` too (COMP_WORDBREAKS) and replaces only the last piece: `--format`, `=`, `c` is one word,
 * of which its first nine characters are not to be repeated.
 */
export function joinedWords(pieces: readonly string[]): { readonly words: readonly string[]; readonly cut: number } {
  const words: string[] = [];
  let cut = 0;
  let joins = false;
  for (const piece of pieces) {
    const isBreak = /^[=:]+$/.test(piece);
    if ((isBreak || joins) && words.length > 0) {
      const before = words.pop() ?? '';
      words.push(before + piece);
      cut = isBreak ? before.length + piece.length : before.length;
    } else {
      words.push(piece);
      cut = 0;
    }
    joins = isBreak;
  }
  return { words, cut };
}

/** A candidate a line, with what it is behind a tab; `:files` when the shell should offer its own. */
export function printed({ candidates, files }: Completion, cut: number): string {
  const lines = candidates.map(({ value, about }) => `${value.slice(cut)}\t${oneLine(about)}\n`);
  return `${lines.join('')}${files ? ':files\n' : ''}`;
}

/** Of one line, without a character that could steer a terminal. */
function oneLine(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, 100);
}
