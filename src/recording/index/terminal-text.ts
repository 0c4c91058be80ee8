import { drawingSequence, TerminalFilter } from '../playback/terminal-filter.js';

const maxPiece = 4096;

/** Terminal output as words to search: no escape sequences, in pieces that end with a line where they can. */
export class TerminalText {
  readonly #filter = new TerminalFilter();
  #piece = 0;
  #text = '';

  /** The piece that this output belongs to, and all of its text so far. */
  push(data: Uint8Array): { readonly piece: number; readonly text: string } {
    if (this.#text.length >= maxPiece) {
      this.#piece++;
      this.#text = this.#text.slice(this.#text.lastIndexOf('\n') + 1).slice(-maxPiece / 4);
    }
    this.#text += this.#filter.push(data).replace(drawingSequence, '').replaceAll('\r', '');
    return { piece: this.#piece, text: this.#text };
  }
}
