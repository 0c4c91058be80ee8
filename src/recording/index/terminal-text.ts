import { ReplayedTerminal } from '../../lib/terminal/replayed.js';
import { ScreenLines } from '../../lib/terminal/screen-lines.js';
import type { TerminalEvent } from '../events.js';
import { columnMoves, drawingSequence, rowMoves, TerminalFilter } from '../playback/terminal-filter.js';
import { sizeIn } from '../playback/terminal-size.js';

const maxPiece = 4096;
const maxRemembered = 512;

/** A part of the text, by its number in the session, and all of it so far. */
export interface TextPiece {
  readonly piece: number;
  readonly text: string;
}

/**
 * Terminal output as words to search: as it was written, without sequences, and besides whatever stood on a screen and
 * was not written like that (drawn piece by piece, over other text, or over the edge). Each channel has a text of its own.
 */
export class TerminalText {
  readonly #channels = new Map<number, Channel>();
  readonly #next: () => number;

  /** `next` gives the number of a piece that is not taken. */
  constructor(next: () => number) {
    this.#next = next;
  }

  push({ op, stream, data }: TerminalEvent): readonly TextPiece[] {
    const channel = this.#channels.get(op) ?? new Channel(this.#next);
    this.#channels.set(op, channel);
    if (stream === 'o') return channel.write(data);
    return stream === 'r' ? channel.resize(data) : [];
  }

  /** What stands on the screens now. */
  settle(): readonly TextPiece[] {
    return [...this.#channels.values()].flatMap((channel) => channel.settle());
  }

  /** The operation's program has ended. */
  end(op: number): readonly TextPiece[] {
    const last = this.#channels.get(op)?.settle() ?? [];
    this.#channels.delete(op);
    return last;
  }
}

class Channel {
  readonly #filter = new TerminalFilter();
  readonly #written: Pieces;
  readonly #shown: Pieces;
  #screen: { readonly terminal: ReplayedTerminal; readonly lines: ScreenLines } | null = null;
  #isSettled = true;
  /** Lines that are in a text already, without the latest that changed. */
  readonly #told = new Set<string>();

  constructor(next: () => number) {
    this.#written = new Pieces(next);
    this.#shown = new Pieces(next);
  }

  write(data: Uint8Array): readonly TextPiece[] {
    const pieces = this.#written.add(asWritten(this.#filter.push(data)));
    if (this.#screen === null) return pieces;
    this.#isSettled = false;
    const { terminal, lines } = this.#screen;
    const before = lines.lines;
    const rows = terminal.write(data);
    if (rows === null) return pieces;
    lines.read(rows);
    const after = lines.lines;
    // A line that only got longer is told when it is whole.
    const gone = before.filter(
      (line) => !after.includes(line) && !after.some((each) => each.startsWith(line.trimEnd())),
    );
    return [...pieces, ...this.#tell(gone)];
  }

  resize(data: Uint8Array): readonly TextPiece[] {
    const size = sizeIn(data);
    if (size === null) return [];
    const { columns, rows } = size;
    if (this.#screen === null) {
      const terminal = ReplayedTerminal.open(columns, rows);
      if (terminal !== null) this.#screen = { terminal, lines: new ScreenLines(terminal) };
      return [];
    }
    const last = this.settle();
    if (this.#screen.terminal.resize(columns, rows)) this.#screen.lines.read(null);
    else this.#screen = null;
    return last;
  }

  settle(): readonly TextPiece[] {
    if (this.#screen === null || this.#isSettled) return [];
    this.#isSettled = true;
    return this.#tell(this.#screen.lines.lines);
  }

  #tell(lines: readonly string[]): readonly TextPiece[] {
    let text = '';
    for (const each of lines) {
      const line = each.trim();
      if (line === '' || this.#told.has(line)) continue;
      this.#told.add(line);
      const [oldest] = this.#told;
      if (this.#told.size > maxRemembered && oldest !== undefined) this.#told.delete(oldest);
      if (!this.#written.has(line)) text += `${line}\n`;
    }
    return this.#shown.add(text);
  }
}

/** Text in pieces that end with a line where they can. */
class Pieces {
  readonly #next: () => number;
  #piece = 0;
  #text = '';
  #before = '';

  constructor(next: () => number) {
    this.#next = next;
  }

  add(text: string): readonly TextPiece[] {
    if (text === '') return [];
    if (this.#text === '' || this.#text.length >= maxPiece) {
      this.#piece = this.#next();
      this.#before = this.#text;
      this.#text = this.#text.slice(this.#text.lastIndexOf('\n') + 1).slice(-maxPiece / 4);
    }
    this.#text += text;
    return [{ piece: this.#piece, text: this.#text }];
  }

  has(line: string): boolean {
    return this.#text.includes(line) || this.#before.includes(line);
  }
}

/** Where the cursor goes elsewhere a word has ended; what only colours does not cut one. */
function asWritten(drawn: string): string {
  return drawn
    .replace(drawingSequence, (_, final: string | undefined, single: string | undefined) => {
      const what = final ?? single ?? '';
      return rowMoves.has(what) ? '\n' : columnMoves.has(what) ? ' ' : '';
    })
    .replaceAll('\r\n', '\n')
    .replaceAll(/\r+/g, '\n');
}
