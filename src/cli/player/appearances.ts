import type { ReplayedTerminal } from '../../lib/terminal/replayed.js';
import { ScreenLines } from '../../lib/terminal/screen-lines.js';
import type { Drawn } from './terminals.js';

/** Tells when a text appears on terminals' screens, and not that it still stands there, or moved up. */
export class Appearances {
  readonly #wanted: string;
  readonly #screens = new WeakMap<ReplayedTerminal, ScreenLines>();

  constructor(wanted: string) {
    this.#wanted = wanted;
  }

  /** What stands there already is not going to appear. */
  look(terminal: ReplayedTerminal): void {
    this.#screens.set(terminal, new ScreenLines(terminal));
  }

  isHit({ terminal, rows }: Drawn): boolean {
    const screen = this.#screens.get(terminal);
    if (screen === undefined) {
      this.look(terminal);
      return linesOf(this.#screens.get(terminal)).some((line) => line.includes(this.#wanted));
    }
    if (rows === null) return false;
    const before = linesOf(screen);
    screen.read(rows);
    return linesOf(screen).some((line) => this.#isNew(line, before));
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

function linesOf(screen: ScreenLines | undefined): readonly string[] {
  return screen?.lines.map((line) => line.toLowerCase()) ?? [];
}
