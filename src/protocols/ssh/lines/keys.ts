/** Carriage return and line feed. */
const lineEnds = new Set([0x0d, 0x0a]);
/** ^D: what a line reader gets at once. ^O: runs a line and brings the next. Full-screen programs use them otherwise. */
const otherEnds = new Set([0x04, 0x0f]);
const interrupt = 0x03;
const escape = 0x1b;
/** zsh expands a line with Tab, in its vi mode with ^G too. */
const expanding = new Set([0x09, 0x07]);
const controlX = 0x18;
/**
 * Behind ESC, by default: Bash expands the line and what it substitutes (^E), runs it as a comment or without its mark (#);
 * zsh runs it (a, A) or asks about it (h, H, ?); fish, zsh and vi modes edit it elsewhere and run what comes back (e, v).
 */
const metaRuns = new Set([0x05, ...Buffer.from('#aAhH?ev')]);
/** Behind ^X, where editors for the line and keyboard macros are: undo, exchange, and a macro's beginning and end run nothing. */
const controlXEdits = new Set([0x15, 0x18, ...Buffer.from('()')]);
const killLine = 0x15;
const maxPasteMark = 6;
const maxTypedChars = 4096;

/** Answers of the terminal itself: positions, modes, colours, versions. Nobody typed them. They begin with ESC, a control character. */
// oxlint-disable-next-line no-control-regex
const reports = /\u001b\[[?>]?[\d;]*(?:[Rcn]|\$y)|\u001b\[[IO]|\u001b[\]P][^\u0007\u001b]{0,512}(?:\u0007|\u001b\\)/g;

/** A piece of input: what goes to the target as it is, then perhaps the key that ends a line, or may run something else. */
export interface Piece {
  readonly bytes: Buffer;
  readonly submit: Buffer | null;
  /**
   * Of the key: runs the line, runs perhaps something else, may expand what the line substitutes, or is pasted and runs the
   * line where pastes are not taken as such.
   */
  readonly does: 'run' | 'more' | 'expand' | 'paste';
}

/** Cuts input where a line may end. What is pasted between marks goes in one piece, while the terminal marks pastes. */
export class Cutter {
  #inPaste = false;
  #pastes = 0;
  /** ESC or ^X, which makes another key of the next. */
  #prefix: number | null = null;
  #tail = '';

  /** Grows with each paste that begins. */
  get pastes(): number {
    return this.#pastes;
  }

  *cut(input: Buffer, screen: { readonly marksPastes: boolean; readonly isFullScreen: boolean }): Generator<Piece> {
    let from = 0;
    for (let index = 0; index < input.length; index++) {
      const byte = input[index] ?? 0;
      this.#tail = `${this.#tail}${String.fromCharCode(byte)}`.slice(-maxPasteMark);
      if (this.#tail === '\u001b[200~') {
        this.#inPaste = true;
        this.#pastes++;
      } else if (this.#tail === '\u001b[201~') this.#inPaste = false;
      const isPasted = this.#inPaste && screen.marksPastes;
      const typed = doesWhat(byte, this.#prefix, screen.isFullScreen);
      this.#prefix = byte === escape || byte === controlX ? byte : null;
      const does = isPasted ? (lineEnds.has(byte) && !screen.isFullScreen ? 'paste' : null) : typed;
      if (does === null) continue;
      // Keys of two bytes stay together where they came together: some shells wait only so long for the second.
      const start = does === 'more' ? Math.max(from, index - 1) : index;
      yield { bytes: input.subarray(from, start), submit: input.subarray(start, index + 1), does };
      from = index + 1;
    }
    if (from < input.length) yield { bytes: input.subarray(from), submit: null, does: 'run' };
  }
}

function doesWhat(byte: number, before: number | null, isFullScreen: boolean): Piece['does'] | null {
  if (lineEnds.has(byte)) return 'run';
  if (isFullScreen) return null;
  if (before === escape && metaRuns.has(byte)) return 'more';
  if (before === controlX && !controlXEdits.has(byte)) return 'more';
  if (expanding.has(byte)) return 'expand';
  return otherEnds.has(byte) ? 'run' : null;
}

/** What was typed since the last line ended, as far as keys tell by themselves. */
export class TypedKeys {
  #decoder = new TextDecoder();
  #text = '';
  #isPlain = true;
  #isTouched = false;
  #hasText = false;
  #hasSubstituted = false;

  /** What substitutions are written with was typed, in this line or one before, from where it may be brought back. */
  get hasSubstituted(): boolean {
    return this.#hasSubstituted;
  }
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
    this.#hasSubstituted ||= /[(`]/.test(text);
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
