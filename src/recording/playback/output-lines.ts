import { escapeText } from './escape.js';
import type { Scene } from './scenes.js';
import { columnMoves, drawingSequence, rowMoves } from './terminal-filter.js';

/** Stands in front of every line that a program wrote: nothing it says reads as the record's own words. */
export const outputMark = '  │ ';

/** Never in what the filter lets through. */
const lineBreak = '\u0001';

/** How the text stands after a scene. */
export interface LineEnd {
  /** Whose output came last. */
  readonly op: number | null;
  /** Its last line is not ended. */
  readonly isOpen: boolean;
  /** A carriage return came last. */
  readonly heldReturn: boolean;
}

/**
 * Makes the scenes of a session one text. Output of terminals is what was written there, line by line, and never what it
 * would draw: a program that may move the cursor could draw over what is told of it.
 */
export class OutputLines {
  #op: number | null;
  #isOpen: boolean;
  #heldReturn: boolean;

  /** Goes on where others ended; null: at the beginning. */
  constructor(before: LineEnd | null = null) {
    this.#op = before?.op ?? null;
    this.#isOpen = before?.isOpen ?? false;
    this.#heldReturn = before?.heldReturn ?? false;
  }

  get end(): LineEnd {
    return { op: this.#op, isOpen: this.#isOpen, heldReturn: this.#heldReturn };
  }

  /** The text of the next scene. */
  next({ marker, text, op }: Pick<Scene, 'marker' | 'text' | 'op'>): string {
    if (text === '' || marker === 'resize') return '';
    if (marker === 'terminal') return (this.#op === op ? '' : this.#endLine()) + this.#output(text, op);
    return this.#endLine() + text;
  }

  #endLine(): string {
    this.#heldReturn = false;
    if (!this.#isOpen) return '';
    this.#isOpen = false;
    return '\n';
  }

  #output(drawn: string, op: number | null): string {
    this.#op = op;
    const flat = `${this.#heldReturn ? '\r' : ''}${drawn}`.replace(
      drawingSequence,
      (_, final: string | undefined, single: string | undefined) => {
        const what = final ?? single ?? '';
        return rowMoves.has(what) ? lineBreak : columnMoves.has(what) ? ' ' : '';
      },
    );
    // Whether a carriage return only goes back or ends a line, the next character tells.
    this.#heldReturn = flat.endsWith('\r');
    const text = flat.replace(/\r$/, '').replaceAll('\r\n', '\n').replaceAll('\r', lineBreak);
    let shown = '';
    // oxlint-disable-next-line no-control-regex -- lineBreak, which no text that comes here can hold
    for (const part of text.split(/([\n\u0001])/)) {
      if (part === lineBreak) shown += this.#isOpen ? '\n' : '';
      else if (part === '\n') shown += this.#isOpen ? '\n' : `${outputMark.trimEnd()}\n`;
      else if (part !== '') shown += `${this.#isOpen ? '' : outputMark}${escapeText(part)}`;
      else continue;
      this.#isOpen = part !== lineBreak && part !== '\n';
    }
    return shown;
  }
}
