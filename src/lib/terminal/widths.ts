import type { IUnicodeVersionProvider } from '@xterm/headless';

type Width = 0 | 1 | 2;

/** A cell keeps so many marks above and below its letter; behind them each takes a cell of its own. */
const maxMarks = 16;

/** East Asian wide and full-width blocks (UAX #11); characters that are shown as pictures are found by their property. */
const wideBlocks: readonly (readonly [first: number, last: number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18cff],
  [0x1aff0, 0x1b2ff],
  [0x20000, 0x3fffd],
];
const widePicture = /^(?=\p{Emoji_Presentation})\P{Regional_Indicator}$/u;
const withoutWidth = /^[\p{Mn}\p{Me}\p{Cf}\u{1160}-\u{11ff}]$/u;

/** How many cells a character takes, as programs of these years count. */
function widthOf(codepoint: number): Width {
  if (codepoint < 0x300) return codepoint < 0x20 || (codepoint >= 0x7f && codepoint < 0xa0) ? 0 : 1;
  const character = String.fromCodePoint(codepoint);
  if (withoutWidth.test(character)) return 0;
  const isWide = wideBlocks.some(([first, last]) => codepoint >= first && codepoint <= last);
  return isWide || widePicture.test(character) ? 2 : 1;
}

/** Widths for the emulator. Its own are of 2010, and its cells keep any number of marks. */
export class CharacterWidths implements IUnicodeVersionProvider {
  readonly version = 'sluice';
  readonly #known = new Map<number, Width>();

  wcwidth(codepoint: number): Width {
    if (codepoint < 0x7f) return codepoint < 0x20 ? 0 : 1;
    let width = this.#known.get(codepoint);
    if (width === undefined) {
      width = widthOf(codepoint);
      if (this.#known.size > 8192) this.#known.clear();
      this.#known.set(codepoint, width);
    }
    return width;
  }

  /** Bit 0: belongs to the cell before. Bits 1 and 2: width. Above: ours, marks in the cell so far. */
  charProperties(codepoint: number, preceding: number): number {
    const width = this.wcwidth(codepoint);
    if (width > 0 || preceding === 0) return width << 1;
    const before = (preceding >> 1) & 3;
    if (before === 0) return 0;
    const marks = (preceding >> 3) + 1;
    return marks > maxMarks ? 1 << 1 : (marks << 3) | (before << 1) | 1;
  }
}
