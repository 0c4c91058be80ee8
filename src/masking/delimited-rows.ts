import type { ByteOutput } from './byte-output.js';
import { unchanged, type CellMasker } from './column-masker.js';
import type { CopySyntax, ScanState } from './copy-fields.js';
import { malformed, type RowFormat } from './copy-rows.js';

const newline = 0x0a;
const nothing = Buffer.alloc(0);

/** Rows of the text and csv forms. */
export class DelimitedRows implements RowFormat {
  readonly #syntax: CopySyntax;
  readonly #maskers: readonly (CellMasker | null)[];
  readonly #state: ScanState = { quoted: false, scanned: 0 };
  #isHeader: boolean;
  /** What stands before it in the row at hand has been copied. */
  #copied = 0;

  constructor(syntax: CopySyntax, maskers: readonly (CellMasker | null)[], header: boolean) {
    this.#syntax = syntax;
    this.#maskers = maskers;
    this.#isHeader = header;
  }

  unitEnd(bytes: Buffer, start: number, limit: number): number {
    const end = this.#syntax.rowEnd(bytes, start, limit, this.#state);
    if (end >= 0) this.#state.scanned = 0;
    return end;
  }

  maskUnit(bytes: Buffer, start: number, end: number, out: ByteOutput): void {
    if (this.#isHeader) {
      this.#isHeader = false;
      return out.copy(bytes, start, end);
    }
    const syntax = this.#syntax;
    const maskers = this.#maskers;
    let column = 0;
    this.#copied = start;
    syntax.fields(bytes, start, bytes[end - 1] === newline ? end - 1 : end, (from, to) => {
      if (column >= maskers.length) throw malformed('more columns than described');
      const masker = maskers[column++] ?? null;
      if (masker !== null) this.#maskField(masker, syntax.isPlain(bytes, from, to), bytes, from, to, out);
    });
    if (column !== maskers.length) throw malformed('fewer columns than described');
    out.copy(bytes, this.#copied, end);
  }

  maskAtOnce(bytes: Buffer, start: number, limit: number, out: ByteOutput): number {
    if (this.#isHeader || this.#state.scanned > 0) return -1;
    const syntax = this.#syntax;
    const maskers = this.#maskers;
    const last = maskers.length - 1;
    const place = out.length;
    let from = start;
    this.#copied = start;
    for (let column = 0; column <= last; column++) {
      const found = syntax.fieldEnd(bytes, from, limit);
      const to = found < 0 ? ~found : found;
      if (to >= limit || (bytes[to] === newline) !== (column === last)) break;
      const masker = maskers[column] ?? null;
      if (masker !== null) this.#maskField(masker, found >= 0 && !syntax.isNull(bytes, from, to), bytes, from, to, out);
      from = to + 1;
      if (column < last) continue;
      out.copy(bytes, this.#copied, from);
      return from;
    }
    out.cut(place);
    return -1;
  }

  mayEnd(): boolean {
    return !this.#state.quoted;
  }

  #maskField(masker: CellMasker, isPlain: boolean, bytes: Buffer, from: number, to: number, out: ByteOutput): void {
    const syntax = this.#syntax;
    const value = isPlain ? bytes : syntax.decode(bytes, from, to);
    const start = isPlain ? from : 0;
    const end = isPlain ? to : (value?.length ?? 0);
    if (masker.kind === 'look') {
      const found = value === null ? unchanged : masker.look(value, start, end);
      if (found === unchanged) return;
      out.copy(bytes, this.#copied, from);
      out.append(syntax.encode(found));
    } else {
      if (value === null && !masker.hidesNull) return;
      out.copy(bytes, this.#copied, from);
      const place = out.length;
      const isValue = masker.write(value ?? nothing, start, end, out);
      if (!isValue || syntax.mustEncode(out, place)) {
        const written = isValue ? Buffer.from(out.bytes.subarray(place)) : null;
        out.cut(place);
        out.append(syntax.encode(written));
      }
    }
    this.#copied = to;
  }
}
