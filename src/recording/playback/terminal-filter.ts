/** CSI final bytes that only draw: cursor moves, erasing, inserting, deleting, scrolling, colours (ECMA-48 8.3). */
const drawing = new Set('@ABCDEFGHIJKLMPSTXZ`abdefmrsu');
/** Private modes (CSI ? n h/l) that only draw: origin, wrap, cursor blink and show, alternate screen. */
const drawingModes = new Set(['6', '7', '12', '25', '47', '1047', '1048', '1049']);
/** The others (CSI n h/l) that draw, where nothing but a screen is drawn: insertion, and that LF returns too. */
const screenModes = new Set(['4', '20']);
/** Of what is let through for a screen, what a terminal would keep. */
const altering = new Set(['\u000e', '\u001b(0', '\u001b)0', '\u001b(A', '\u001b)A']);
/** Of the private modes, the one that does. */
const originMode = '6';
/** Line drawing, British and ASCII. */
const charsets = new Set('0AB');
const maxSequence = 64;

/** What the filter lets through beside text: CSI (its final byte as $1) and two-character sequences (the second as $2). */
// oxlint-disable-next-line no-control-regex -- ESC is what such a sequence begins with
export const drawingSequence = /\u001b(?:\[[\d;:?]*([@-~])|(.))/gu;

/** Finals of sequences that go to another row, or empty the screen: what follows is another line. */
export const rowMoves: ReadonlySet<string> = new Set('ABEFHJLMSTdf8DEMhl');
export const columnMoves: ReadonlySet<string> = new Set('CGa`');

type State = 'text' | 'escape' | 'csi' | 'string' | 'string escape' | 'charset';

/**
 * Lets terminal output through that draws, and nothing else: no titles, clipboard (OSC 52), links, device control,
 * questions to the terminal, mouse or paste modes. Keeps its place between chunks, so that no sequence slips through
 * by being cut in two.
 */
export class TerminalFilter {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  readonly #isForScreen: boolean;
  #state: State = 'text';
  #sequence = '';
  #intermediate = '';
  /** A character came last: REP repeats it. Behind a sequence that is dropped it must not repeat what came before that. */
  #isRepeatable = false;
  #isAltering = false;

  /** `isForScreen`: what is drawn and nothing else counts, so that character sets, insertion and resets stay too. */
  constructor({ isForScreen = false } = {}) {
    this.#isForScreen = isForScreen;
  }

  /** What was let through may stay on behind the end: a character set, insertion, origin. */
  get isAltering(): boolean {
    return this.#isAltering;
  }

  push(data: Uint8Array): string {
    let shown = '';
    for (const character of this.#decoder.decode(data, { stream: true })) {
      const was = this.#state;
      const passed = this.#next(character);
      this.#isAltering ||= altering.has(passed);
      shown += passed;
      if (this.#state === 'text') this.#isRepeatable = was === 'text' && character >= ' ';
    }
    return shown;
  }

  #next(character: string): string {
    const code = character.codePointAt(0) ?? 0;
    switch (this.#state) {
      case 'text':
        return this.#text(character, code);
      case 'escape':
        return this.#escape(character);
      case 'charset':
        this.#state = 'text';
        return this.#isForScreen && '()'.includes(this.#intermediate) && charsets.has(character)
          ? `\u001b${this.#intermediate}${character}`
          : '';
      case 'csi':
        return this.#csi(character, code);
      case 'string':
        // OSC ends with BEL or ST; DCS, APC, PM and SOS with ST. CAN and SUB end anything.
        if (code === 0x07 || code === 0x9c || code === 0x18 || code === 0x1a) this.#state = 'text';
        else if (code === 0x1b) this.#state = 'string escape';
        return '';
      case 'string escape':
        this.#state = character === '\\' ? 'text' : 'string';
        return '';
    }
  }

  #text(character: string, code: number): string {
    if (code === 0x1b) this.#state = 'escape';
    else if (code === 0x9b) this.#startCsi();
    else if (code === 0x90 || code === 0x98 || code === 0x9d || code === 0x9e || code === 0x9f) this.#state = 'string';
    else if (code >= 0x20 && (code < 0x7f || code > 0x9f)) return character;
    else if (code === 0x08 || code === 0x09 || code === 0x0a || code === 0x0d) return character;
    else if (this.#isForScreen && (code === 0x0e || code === 0x0f)) return character; // SO and SI choose a set
    return '';
  }

  #escape(character: string): string {
    this.#state = 'text';
    if (character === '[') this.#startCsi();
    else if (']PX^_'.includes(character)) this.#state = 'string';
    else if ('()*+-./#% '.includes(character)) {
      this.#state = 'charset';
      this.#intermediate = character;
    } else if (this.#isForScreen && 'Hc'.includes(character))
      return `\u001b${character}`; // tab stop, full reset
    else if ('78DEM'.includes(character)) return `\u001b${character}`; // save, restore, index, next line, reverse index
    return '';
  }

  #startCsi(): void {
    this.#state = 'csi';
    this.#sequence = '';
  }

  #csi(character: string, code: number): string {
    if (code >= 0x40 && code <= 0x7e) {
      this.#state = 'text';
      if (character === 'h' || character === 'l') return this.#modes(character);
      return this.#mayDraw(character) ? `\u001b[${this.#sequence}${character}` : '';
    }
    if (this.#isForScreen && this.#sequence === '' && character === '!') {
      this.#sequence = character; // soft reset: CSI ! p
      return '';
    }
    // Anything but parameters ends it; so does a sequence longer than any that draws.
    if (code < 0x20 || code > 0x3f || this.#sequence.length >= maxSequence) {
      this.#state = 'text';
      return code === 0x1b ? this.#text(character, code) : '';
    }
    this.#sequence += character;
    return '';
  }

  /** Of the modes that one sequence sets or resets together, those that draw: each counts alone (ECMA-48 8.3.106). */
  #modes(final: 'h' | 'l'): string {
    const [, mark = '', list = ''] = /^(\??)([\d;:]*)$/.exec(this.#sequence) ?? [];
    const drawn = mark === '?' ? drawingModes : this.#isForScreen ? screenModes : null;
    // Behind a colon are parts of a parameter, which no mode has.
    const modes = list.split(';').map((mode) => String(Number(mode.split(':')[0])));
    const passed = modes.filter((mode) => drawn?.has(mode) === true);
    this.#isAltering ||= final === 'h' && (mark === '?' ? passed.includes(originMode) : passed.length > 0);
    return passed.length === 0 ? '' : `\u001b[${mark}${passed.join(';')}${final}`;
  }

  #mayDraw(final: string): boolean {
    if (final === 'b' && this.#isForScreen && !this.#isRepeatable) return false;
    if (this.#sequence === '!') return final === 'p';
    return drawing.has(final) && /^[\d;:]*$/.test(this.#sequence);
  }
}
