import type { IBufferLine, Terminal } from '@xterm/headless';
import { DrawnBytes } from './drawn.js';
import { openTerminal } from './emulator.js';
import { insideOf, type RowRange } from './inside.js';
import { isAtRest, stateOf, terminalFrom, type TerminalState } from './state.js';

/** Above the top this many rows stay: a window that grows shows them again. */
const scrollback = 100;
/** Larger than any screen that people have: a size is a number in a message, and takes memory here. */
const maxColumns = 1000;
const maxRows = 400;

export interface ReplayedState {
  readonly terminal: TerminalState;
  readonly drawn: DrawnBytes;
}

/** A terminal that shows again what was written to one. Nothing leaves it: it answers no question and rings no bell. */
export class ReplayedTerminal {
  readonly #terminal: Terminal;
  readonly #drawn: DrawnBytes;
  #touched: RowRange | null = null;

  private constructor(terminal: Terminal, drawn: DrawnBytes) {
    this.#terminal = terminal;
    this.#drawn = drawn;
    insideOf(terminal)._inputHandler.onRequestRefreshRows((rows) => (this.#touched = rows ?? null));
  }

  /** Null for a size that is not followed. */
  static open(columns: number, rows: number): ReplayedTerminal | null {
    if (!isFollowed(columns, rows)) return null;
    const terminal = openTerminal({ cols: columns, rows, scrollback });
    return new ReplayedTerminal(terminal, new DrawnBytes({ keepsTitles: true }));
  }

  static from({ terminal, drawn }: ReplayedState): ReplayedTerminal {
    return new ReplayedTerminal(terminalFrom(terminal, scrollback), drawn.copy());
  }

  /** Null in the middle of a sequence. */
  state(): ReplayedState | null {
    if (!isAtRest(this.#terminal)) return null;
    return { terminal: stateOf(this.#terminal), drawn: this.#drawn.copy() };
  }

  get columns(): number {
    return this.#terminal.cols;
  }
  get rows(): number {
    return this.#terminal.rows;
  }
  /** That a state has to keep. */
  get cells(): number {
    return this.columns * (this.rows + scrollback + this.rows);
  }
  get title(): string {
    return insideOf(this.#terminal)._inputHandler._windowTitle;
  }
  get cursor(): { readonly x: number; readonly y: number; readonly isHidden: boolean } {
    const { cursorX, cursorY } = this.#terminal.buffer.active;
    const isHidden = insideOf(this.#terminal).coreService.isCursorHidden;
    // Behind a full row it waits there for the next character.
    return { x: Math.min(cursorX, this.columns - 1), y: cursorY, isHidden };
  }

  /** A row of the screen, from 0. */
  row(y: number): IBufferLine | undefined {
    const { active } = this.#terminal.buffer;
    return active.getLine(active.baseY + y);
  }

  /** Draws at once. Gives the rows that may have changed. */
  write(bytes: Uint8Array): RowRange | null {
    this.#touched = null;
    insideOf(this.#terminal).writeSync(this.#drawn.push(bytes));
    return this.#touched;
  }

  /** False for a size that is not followed. */
  resize(columns: number, rows: number): boolean {
    if (!isFollowed(columns, rows)) return false;
    this.#terminal.resize(columns, rows);
    return true;
  }
}

function isFollowed(columns: number, rows: number): boolean {
  return columns >= 2 && rows >= 1 && columns <= maxColumns && rows <= maxRows;
}
