import type { Duplex, Readable } from 'node:stream';

/** A program that runs, wherever it does: its input and output, and what it writes beside. */
export interface Running extends Duplex {
  readonly stderr: Readable;
  setWindow(rows: number, columns: number, height: number, width: number): unknown;
  signal(name: string): unknown;
  /** Ends it; `close` is emitted when it has. `exit` with code and signal comes before, unless nobody knows how it ended. */
  close(): void;
}

/** The terminal that a program is given. 0 columns or rows: the usual 80 by 24. */
export interface TerminalSetup {
  readonly term: string;
  readonly cols: number;
  readonly rows: number;
}
