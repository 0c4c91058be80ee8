import type { SessionEvent } from '../../recording/events.js';
import { sizeIn } from '../../recording/playback/terminal-size.js';
import { ReplayedTerminal, type ReplayedState } from '../../lib/terminal/replayed.js';
import type { RowRange } from '../../lib/terminal/inside.js';

/** By operation, the one that had output last at the end; null: too large to be followed. */
export type TerminalsState = ReadonlyMap<number, ReplayedState | null>;

/** What an event drew. */
export interface Drawn {
  readonly terminal: ReplayedTerminal;
  readonly rows: RowRange | null;
}

/** The terminals of a session at one moment: its channels may have one each. */
export class Terminals {
  readonly #open = new Map<number, ReplayedTerminal | null>();

  static from(state: TerminalsState): Terminals {
    const terminals = new Terminals();
    for (const [op, each] of state) terminals.#open.set(op, each === null ? null : ReplayedTerminal.from(each));
    return terminals;
  }

  /** Null while one of them is in the middle of a sequence. */
  state(): TerminalsState | null {
    const state = new Map<number, ReplayedState | null>();
    for (const [op, terminal] of this.#open) {
      const each = terminal?.state() ?? null;
      if (terminal !== null && each === null) return null;
      state.set(op, each);
    }
    return state;
  }

  /** Where something was shown last, of those whose program has not ended. */
  get shown(): ReplayedTerminal | null {
    return [...this.#open.values()].at(-1) ?? null;
  }

  /** Cells that a state of all this keeps, about. */
  get cells(): number {
    let cells = 0;
    for (const terminal of this.#open.values()) cells += terminal?.cells ?? 0;
    return cells;
  }

  apply(event: SessionEvent): Drawn | null {
    if (event.type === 'end') this.#open.clear();
    if (event.type === 'result') this.#open.delete(event.op);
    if (event.type !== 'terminal') return null;
    const { op, stream, data } = event;
    if (stream === 'r') return this.#resize(op, data);
    const terminal = this.#open.get(op);
    if (stream !== 'o' || terminal === undefined) return null;
    this.#open.delete(op);
    this.#open.set(op, terminal);
    return terminal === null ? null : { terminal, rows: terminal.write(data) };
  }

  #resize(op: number, data: Uint8Array): Drawn | null {
    const size = sizeIn(data);
    if (size === null) return null;
    const { columns, rows } = size;
    const known = this.#open.get(op);
    // Where one size was not followed, what came then was not drawn either.
    const terminal = known === undefined ? ReplayedTerminal.open(columns, rows) : known;
    this.#open.set(op, terminal === known && known?.resize(columns, rows) === false ? null : terminal);
    return terminal === null ? null : { terminal, rows: { start: 0, end: rows - 1 } };
  }
}
