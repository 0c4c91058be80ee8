/** Carriage return and line feed. */
const lineEnds = new Set([0x0d, 0x0a]);
/** ^D: what a line reader gets at once. ^O: runs a line and brings the next. Full-screen programs use them otherwise. */
const otherEnds = new Set([0x04, 0x0f]);
const interrupt = 0x03;
const killLine = 0x15;
const maxPasteMark = 6;
const maxTypedChars = 4096;

/** Answers of the terminal itself: positions, modes, colours, versions. Nobody typed them. They begin with ESC, a control character. */
// oxlint-disable-next-line no-control-regex
const reports = /\u001b\[[?>]?[\d;]*(?:[Rcn]|\$y)|\u001b\[[IO]|\u001b[\]P][^\u0007\u001b]{0,512}(?:\u0007|\u001b\\)/g;

/** A piece of input: what goes to the target as it is, then perhaps the byte that ends a line. */
export interface Piece {
  readonly bytes: Buffer;
  readonly submit: Buffer | null;
}

/** Cuts input where a line may end. What is pasted between marks goes in one piece, while the terminal marks pastes. */
export class Cutter {
  #inPaste = false;
  #tail = '';

  *cut(input: Buffer, screen: { readonly marksPastes: boolean; readonly isFullScreen: boolean }): Generator<Piece> {
    let from = 0;
    for (let index = 0; index < input.length; index++) {
      const byte = input[index] ?? 0;
      this.#tail = `${this.#tail}${String.fromCharCode(byte)}`.slice(-maxPasteMark);
      if (this.#tail === '\u001b[200~') this.#inPaste = true;
      else if (this.#tail === '\u001b[201~') this.#inPaste = false;
      if (!lineEnds.has(byte) && (!otherEnds.has(byte) || screen.isFullScreen)) continue;
      if (this.#inPaste && screen.marksPastes) continue;
      yield { bytes: input.subarray(from, index), submit: input.subarray(index, index + 1) };
      from = index + 1;
    }
    if (from < input.length) yield { bytes: input.subarray(from), submit: null };
  }
}

/** What was typed since the last line ended, as far as keys tell by themselves. */
export class TypedKeys {
  #decoder = new TextDecoder();
  #text = '';
  #isPlain = true;
  #isTouched = false;
  #hasText = false;

  /** The line, when nothing but characters and backspaces were typed; null when keys were that only the shell can tell of. */
  get text(): string | null {
    return this.#isPlain ? this.#text : null;
  }
  /** Nothing has been typed. */
  get isFresh(): boolean {
    return !this.#isTouched;
  }
  /** Characters were typed that nothing has taken back. */
  get hasText(): boolean {
    return this.#hasText;
  }

  push(bytes: Buffer): void {
    const text = this.#decoder.decode(bytes, { stream: true }).replace(reports, '');
    if (text === '') return;
    this.#isTouched = true;
    for (const character of text) {
      const code = character.codePointAt(0) ?? 0;
      if (code === 0x7f || code === 0x08) this.#text = [...this.#text].slice(0, -1).join('');
      else if (code >= 0x20 && (code < 0x7f || code > 0x9f)) {
        this.#text += character;
        this.#hasText = true;
      } else {
        this.#isPlain = false;
        if (code === interrupt || code === killLine) this.#hasText = false;
      }
    }
    if (this.#text.length > maxTypedChars) {
      this.#isPlain = false;
      this.#text = '';
    }
  }

  reset(): void {
    this.#text = '';
    this.#isPlain = true;
    this.#isTouched = false;
    this.#hasText = false;
  }
}

export function hasInterrupt(bytes: Buffer): boolean {
  return bytes.includes(interrupt);
}
