const cancel = 0x18;
const substitute = 0x1a;
const bell = 0x07;
const escape = 0x1b;
const operatingSystemCommand = 0x5d;
/** `]`, `P`, `X`, `^`, `_` behind ESC: OSC, DCS, SOS, PM, APC (ECMA-48 5.6). */
const openers = new Set([operatingSystemCommand, 0x50, 0x58, 0x5e, 0x5f]);
/** The same as C1 controls, in UTF-8 behind 0xC2: what they are behind ESC. */
const c1Offset = 0x40;
const stringTerminator = 0x9c;
/** ST: stands for a string that was dropped. A sequence was there, so what repeats a character has none to repeat. */
const terminator = [escape, 0x5c];
const maxTitleBytes = 512;

/**
 * Drops control strings (links, clipboard, device control) from terminal output: they draw nothing, and a terminal in
 * memory would keep megabytes of them. Titles may be kept.
 */
export class DrawnBytes {
  #state: 'text' | 'escape' | 'c2' | 'string' = 'text';
  #wasC2 = false;
  readonly #keepsTitles: boolean;
  /** The string so far, of an OSC that may be a title. */
  #string: number[] | null = null;

  constructor({ keepsTitles = false } = {}) {
    this.#keepsTitles = keepsTitles;
  }

  /** Goes on as this one does. */
  copy(): DrawnBytes {
    const copy = new DrawnBytes({ keepsTitles: this.#keepsTitles });
    copy.#state = this.#state;
    copy.#wasC2 = this.#wasC2;
    copy.#string = this.#string === null ? null : [...this.#string];
    return copy;
  }

  push(bytes: Uint8Array): Uint8Array {
    const kept = this.#string?.length ?? 0;
    const out = Buffer.allocUnsafe(bytes.length + kept + 4);
    let length = 0;
    const put = (byte: number): void => void (out[length++] = byte);
    for (const byte of bytes) {
      switch (this.#state) {
        case 'string': {
          // ST as a C1 control ends it too, in UTF-8 behind 0xC2.
          const isEnd = this.#wasC2 && byte === stringTerminator;
          this.#wasC2 = byte === 0xc2;
          if (isEnd) this.#string?.pop();
          if (isEnd || byte === bell || byte === cancel || byte === substitute || byte === escape) {
            const title = isEnd || byte === bell || byte === escape ? this.#title() : [];
            for (const each of title) put(each);
            if (title.length === 0 && byte !== escape) for (const each of terminator) put(each);
            this.#string = null;
            this.#state = byte === escape ? 'escape' : 'text';
          } else if (this.#string !== null) {
            if (this.#string.length < maxTitleBytes) this.#string.push(byte);
            else this.#string = null;
          }
          continue;
        }
        case 'escape':
          this.#state = 'text';
          if (openers.has(byte)) {
            this.#begin(byte);
            continue;
          }
          put(escape);
          break;
        case 'c2':
          this.#state = 'text';
          if (openers.has(byte - c1Offset)) {
            this.#begin(byte - c1Offset);
            continue;
          }
          put(0xc2);
          break;
        case 'text':
      }
      if (byte === escape) this.#state = 'escape';
      else if (byte === 0xc2) this.#state = 'c2';
      else put(byte);
    }
    return out.subarray(0, length);
  }

  #begin(opener: number): void {
    this.#state = 'string';
    this.#wasC2 = false;
    this.#string = this.#keepsTitles && opener === operatingSystemCommand ? [] : null;
  }

  /** OSC 0 and 2 are titles, OSC 1 is that of the icon. */
  #title(): readonly number[] {
    const string = this.#string ?? [];
    const isTitle = (string[0] === 0x30 || string[0] === 0x32) && string[1] === 0x3b;
    return isTitle ? [escape, operatingSystemCommand, ...string, bell] : [];
  }
}
