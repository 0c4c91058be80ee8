import type { Terminal } from '@xterm/headless';
import { DrawnBytes } from '../../../lib/terminal/drawn.js';
import { openTerminal } from '../../../lib/terminal/emulator.js';

/** Above the top of the screen this many rows stay: where a long line began. */
const scrollback = 40;
const maxColumns = 400;
const maxRows = 120;
/** Output that waits to be drawn; whoever brings more waits too. */
const maxUndrawnBytes = 256 * 1024;
/** So much is drawn at once: a few bytes can ask for much. */
const maxPieceBytes = 512;

/** The line that the cursor is in, rows that it was wrapped to joined. */
export interface ScreenLine {
  /** Up to the cursor, and behind it. */
  readonly head: string;
  readonly tail: string;
  /** Text stands below that line. */
  readonly below: string;
}

/** The person's terminal as they see it, in bounded memory. */
export class Screen {
  readonly #terminal: Terminal;
  readonly #drawn = new DrawnBytes();
  #undrawn = 0;
  #isFollowed = true;
  #changes = 0;
  #changed: (() => void) | null = null;

  constructor(columns: number, rows: number) {
    const size = this.#bounded(columns, rows);
    this.#terminal = openTerminal({ ...size, scrollback });
  }

  /** Whether the terminal is of a size that can be followed. */
  get isFollowed(): boolean {
    return this.#isFollowed;
  }

  /** A program draws the whole screen: there are no lines. */
  get isFullScreen(): boolean {
    return this.#terminal.buffer.active.type === 'alternate';
  }

  /** What is pasted comes between marks, and a line's end in it is text. */
  get marksPastes(): boolean {
    return this.#terminal.modes.bracketedPasteMode;
  }

  /** Grows with everything drawn. */
  get changes(): number {
    return this.#changes;
  }

  resize(columns: number, rows: number): void {
    const size = this.#bounded(columns, rows);
    this.#terminal.resize(size.cols, size.rows);
  }

  /** Draws output. A promise is to be waited for before there is more. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    this.#undrawn += bytes.length;
    const drawn = new Promise<void>((resolve) => {
      const drawing = this.#drawn.push(bytes);
      // Between pieces others have their turn.
      let from = 0;
      for (; from + maxPieceBytes < drawing.length; from += maxPieceBytes)
        this.#terminal.write(drawing.subarray(from, from + maxPieceBytes));
      this.#terminal.write(drawing.subarray(from), () => {
        this.#undrawn -= bytes.length;
        this.#changes++;
        this.#changed?.();
        resolve();
      });
    });
    return this.#undrawn > maxUndrawnBytes ? drawn : undefined;
  }

  /** Everything written has been drawn. */
  settled(): Promise<void> {
    return new Promise((resolve) => this.#terminal.write('', resolve));
  }

  /** Something more was drawn, or the time is up. */
  change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#changed = null;
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#changed = done;
    });
  }

  line(): ScreenLine {
    const { active } = this.#terminal.buffer;
    const at = active.baseY + active.cursorY;
    let first = at;
    while (first > 0 && active.getLine(first)?.isWrapped === true) first--;
    let last = at;
    while (active.getLine(last + 1)?.isWrapped === true) last++;
    const text = (from: number, to: number, column?: number): string => {
      let joined = '';
      for (let y = from; y <= to; y++)
        joined += active.getLine(y)?.translateToString(false, 0, y === to ? column : undefined) ?? '';
      return joined;
    };
    const head = text(first, at, active.cursorX);
    let below = '';
    for (let y = last + 1; y < active.baseY + this.#terminal.rows; y++)
      below += `${active.getLine(y)?.translateToString(true) ?? ''}\n`;
    return { head, tail: text(first, last).slice(head.length).trimEnd(), below: below.trim() };
  }

  dispose(): void {
    this.#changed?.();
    this.#terminal.dispose();
  }

  #bounded(columns: number, rows: number): { readonly cols: number; readonly rows: number } {
    this.#isFollowed = columns <= maxColumns && rows <= maxRows;
    // A size of zero is that of a client without a terminal; programs then take the usual one.
    return { cols: Math.min(columns || 80, maxColumns), rows: Math.min(rows || 24, maxRows) };
  }
}
