import type { Duplex, Readable } from 'node:stream';

/** How a program ended; both null as long as nobody has said. */
export interface Ending {
  readonly code: number | null;
  /** The name of the signal that ended it. */
  readonly signal: string | null;
}

export const unknownEnding: Ending = { code: null, signal: null };

/** A program that runs, wherever it does: its input and output, and what it writes beside. */
export interface Running extends Duplex {
  readonly stderr: Readable;
  /** Kept, since one that is over at once may say so before whoever waited for its start goes on. */
  readonly ending: Ending;
  setWindow(rows: number, columns: number, height: number, width: number): unknown;
  signal(name: string): unknown;
  /** Ends it; `close` is emitted when it has, and `ending` known before. */
  close(): void;
}

/** The terminal that a program is given. 0 columns or rows: the usual 80 by 24. */
export interface TerminalSetup {
  readonly term: string;
  readonly cols: number;
  readonly rows: number;
}
