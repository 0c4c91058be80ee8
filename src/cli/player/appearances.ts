import type { ReplayedTerminal } from '../../lib/terminal/replayed.js';
import type { Drawn } from './terminals.js';

/** Rows as text, and which of them go on from the one above. */
interface Rows {
  readonly columns: number;
  readonly texts: string[];
  readonly wrapped: boolean[];
}

/** Tells when a text appears on terminals' screens, and not that it still stands there, or moved up. */
export class Appearances {
  readonly #wanted: string;
  readonly #rows = new WeakMap<ReplayedTerminal, Rows>();

  constructor(wanted: string) {
    this.#wanted = wanted;
  }

  /** What stands there already is not going to appear. */
  look(terminal: ReplayedTerminal): void {
    this.#rows.set(terminal, rowsOf(terminal));
  }

  isHit({ terminal, rows: changed }: Drawn): boolean {
    const before = this.#rows.get(terminal);
    if (before === undefined || before.texts.length !== terminal.rows || before.columns !== terminal.columns) {
      this.look(terminal);
      return before === undefined && linesOf(rowsOf(terminal)).some((line) => line.includes(this.#wanted));
    }
    if (changed === null) return false;
    const linesBefore = linesOf(before);
    for (let y = changed.start; y <= changed.end; y++) readRow(terminal, y, before);
    return linesOf(before).some((line) => this.#isNew(line, linesBefore));
  }

  /** Typing on behind a word, or scrolling, leaves what stands before the word's end as it was. */
  #isNew(line: string, before: readonly string[]): boolean {
    for (let at = line.indexOf(this.#wanted); at >= 0; at = line.indexOf(this.#wanted, at + 1)) {
      const upToEnd = line.slice(0, at + this.#wanted.length);
      if (!before.some((old) => old.startsWith(upToEnd))) return true;
    }
    return false;
  }
}

function rowsOf(terminal: ReplayedTerminal): Rows {
  const rows: Rows = { columns: terminal.columns, texts: [], wrapped: [] };
  for (let y = 0; y < terminal.rows; y++) readRow(terminal, y, rows);
  return rows;
}

function readRow(terminal: ReplayedTerminal, y: number, { texts, wrapped }: Rows): void {
  const row = terminal.row(y);
  texts[y] = row?.translateToString(false).toLowerCase() ?? '';
  wrapped[y] = row?.isWrapped ?? false;
}

function linesOf({ texts, wrapped }: Rows): readonly string[] {
  const lines: string[] = [];
  for (const [y, text] of texts.entries()) {
    if (wrapped[y] === true && y > 0) lines[lines.length - 1] += text;
    else lines.push(text);
  }
  return lines;
}
