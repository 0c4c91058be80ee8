import { isDigit } from './bytes.js';
import { findSpans, type Detectors } from './detectors.js';
import { visibleBytes } from './escape-sequences.js';

const star = 0x2a;
const maxContext = 4096;
const maxHeld = 64 * 1024;
const maxRun = 256;
const keyBegin = Buffer.from('-----BEGIN ');

/**
 * Masks secrets in a stream of output, whatever pieces it comes in. A masked byte becomes one star, so that a screen keeps
 * its shape; escape sequences pass as they are, also inside of a secret. The end of a piece that may be the beginning of a
 * secret is held back until more comes or `flush` is called; what was let go stays known, so the rest of it is masked.
 */
export class StreamMasker {
  readonly #detectors: Detectors;
  #minHeld: number;
  /** Visible bytes already let go that what follows may continue. */
  #context: Buffer = Buffer.alloc(0);
  #pending: Buffer = Buffer.alloc(0);

  constructor(detectors: Detectors, options: { readonly minHeld?: number } = {}) {
    this.#detectors = detectors;
    this.#minHeld = options.minHeld ?? 1;
  }

  /** A run shorter than this is not held back from now on: keys echo at once. */
  set minHeld(bytes: number) {
    this.#minHeld = bytes;
  }

  get held(): number {
    return this.#pending.length;
  }

  /** Takes a piece; gives what can be shown now. */
  push(chunk: Buffer): Buffer {
    return this.#release(this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]), false);
  }

  /** Gives everything that was held back: nothing more came. */
  flush(): Buffer {
    return this.#release(this.#pending, true);
  }

  #release(raw: Buffer, all: boolean): Buffer {
    if (raw.length === 0) return raw;
    const { bytes, places, whole } = visibleBytes(raw);
    const before = this.#context.length;
    const text = before === 0 ? bytes : Buffer.concat([this.#context, bytes]);
    const spans = findSpans(text, 0, text.length, this.#detectors) ?? [];
    const last = spans.at(-1);
    const touching = last?.end === text.length ? last : undefined;
    const openFrom = touching?.start ?? runStart(text);
    const keep =
      all || raw.length > maxHeld ? text.length : this.#heldFrom(text, openFrom, before, touching !== undefined);
    const rawEnd = all || raw.length > maxHeld ? raw.length : keep === text.length ? whole : places.of(keep - before);
    let out = raw.subarray(0, rawEnd);
    let copied = false;
    for (const { start, end } of spans) {
      for (let index = Math.max(start, before); index < Math.min(end, keep); index++) {
        const byte = text[index] ?? 0;
        if (byte === 0x0a || byte === 0x0d) continue;
        if (!copied) out = Buffer.from(out);
        copied = true;
        out[places.of(index - before)] = star;
      }
    }
    // A copy: the piece's memory belongs to whoever gave it.
    this.#pending = Buffer.from(raw.subarray(rawEnd));
    this.#context =
      keep <= openFrom ? Buffer.alloc(0) : Buffer.from(text.subarray(openFrom, Math.min(keep, openFrom + maxContext)));
    return out;
  }

  /** From which visible byte on the piece is held back. */
  #heldFrom(text: Buffer, openFrom: number, before: number, certain: boolean): number {
    const from = Math.max(openFrom, before);
    return certain || text.length - from >= this.#minHeld ? from : text.length;
  }
}

/** Where the run of bytes at the end begins that could still become a secret; the length when there is none. */
function runStart(text: Buffer): number {
  const end = text.length;
  const begin = text.lastIndexOf(keyBegin.subarray(0, 5));
  if (begin >= 0 && end - begin < 80 && couldBeKey(text.subarray(begin))) return begin;
  let index = end;
  while (index > 0 && end - index < maxRun && isRun(text, index - 1)) index--;
  return index;
}

function couldBeKey(tail: Buffer): boolean {
  return /^-{1,5}$|^-----B?E?G?I?N?$|^-----BEGIN [A-Z0-9 ]*-{0,5}$/.test(tail.toString('latin1'));
}

/** What is no space or control: an address takes nearly all of it. A space only between two digits, as cards are written. */
function isRun(text: Buffer, index: number): boolean {
  const byte = text[index] ?? 0;
  if (byte === 0x20)
    return isDigit(text[index - 1] ?? 0) && (index + 1 >= text.length || isDigit(text[index + 1] ?? 0));
  return byte > 0x20 && byte !== 0x7f;
}
