import type { RowRange } from './inside.js';
import type { ReplayedTerminal } from './replayed.js';

/** A screen as text, line by line: rows that go on in the next are one. Reads again only what may have changed. */
export class ScreenLines {
  readonly #terminal: ReplayedTerminal;
  #columns = 0;
  #texts: string[] = [];
  #isWrapped: boolean[] = [];

  constructor(terminal: ReplayedTerminal) {
    this.#terminal = terminal;
    this.read(null);
  }

  /** Null: all of it. */
  read(changed: RowRange | null): void {
    const { columns, rows } = this.#terminal;
    const isOther = columns !== this.#columns || rows !== this.#texts.length;
    if (isOther) [this.#columns, this.#texts, this.#isWrapped] = [columns, [], []];
    const { start, end } = isOther || changed === null ? { start: 0, end: rows - 1 } : changed;
    for (let y = start; y <= end; y++) {
      const row = this.#terminal.row(y);
      this.#texts[y] = row?.translateToString(false) ?? '';
      this.#isWrapped[y] = row?.isWrapped ?? false;
    }
  }

  get lines(): readonly string[] {
    const lines: string[] = [];
    for (const [y, text] of this.#texts.entries()) {
      if (this.#isWrapped[y] === true && y > 0) lines[lines.length - 1] += text;
      else lines.push(text);
    }
    return lines;
  }
}
