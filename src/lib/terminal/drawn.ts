const cancel = 0x18;
const substitute = 0x1a;
const bell = 0x07;
const escape = 0x1b;
/** `]`, `P`, `X`, `^`, `_` behind ESC: OSC, DCS, SOS, PM, APC (ECMA-48 5.6). */
const openers = new Set([0x5d, 0x50, 0x58, 0x5e, 0x5f]);
/** The same as C1 controls, in UTF-8 behind 0xC2. */
const c1Openers = new Set([0x9d, 0x90, 0x98, 0x9e, 0x9f]);

/**
 * Drops control strings (titles, links, device control) from terminal output: they draw nothing, and a terminal in memory
 * would keep megabytes of them.
 */
export class DrawnBytes {
  #state: 'text' | 'escape' | 'c2' | 'string' = 'text';

  push(bytes: Uint8Array): Uint8Array {
    const out = Buffer.allocUnsafe(bytes.length + 1);
    let length = 0;
    const put = (byte: number): void => void (out[length++] = byte);
    for (const byte of bytes) {
      switch (this.#state) {
        case 'string':
          if (byte === bell || byte === cancel || byte === substitute) this.#state = 'text';
          else if (byte === escape) this.#state = 'escape';
          continue;
        case 'escape':
          this.#state = 'text';
          if (openers.has(byte)) {
            this.#state = 'string';
            continue;
          }
          put(escape);
          break;
        case 'c2':
          this.#state = 'text';
          if (c1Openers.has(byte)) {
            this.#state = 'string';
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
}
