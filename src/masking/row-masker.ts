import { createSecretKey, type KeyObject } from 'node:crypto';
import { int32At } from '../lib/bytes.js';
import { SluiceError } from '../lib/errors.js';
import { cellMasker, unchanged, type CellMasker, type Masked } from './column-masker.js';
import { compileDetectors } from './detectors.js';
import { RowOutput, viewOf } from './row-output.js';
import type { Classification, EmitRows, RowMasker, WireColumn } from './types.js';

/** Fewer untouched bytes between two masked rows are copied: a view and a piece to write cost more. */
const worthAView = 2048;

/**
 * Builds the masker of one result; null when no row of it can change: every column is clear and none of them holds
 * text that a detector would look into. `hashKey` keys the `hash` masker and stays the same as long as hashes shall join.
 */
export function createRowMasker(
  columns: readonly WireColumn[],
  detectors: Classification['detectors'],
  hashKey: Buffer | KeyObject,
): RowMasker | null {
  const key = Buffer.isBuffer(hashKey) ? createSecretKey(hashKey) : hashKey;
  const compiled = compileDetectors(detectors);
  const maskers = columns.map((column) => cellMasker(column, compiled, key));
  return maskers.every((masker) => masker === null) ? null : new DataRowMasker(maskers);
}

/** DataRow: Byte1('D') Int32(length), then the payload: Int16(columns), per column Int32(length or -1) Byten. PostgreSQL 55.7. */
class DataRowMasker implements RowMasker {
  readonly #maskers: readonly (CellMasker | null)[];
  /** The last column that can change. */
  readonly #lastMasked: number;
  /** Scratch space of the row at hand, so that an untouched row allocates nothing. */
  readonly #results: Masked[];
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  /** How much longer the row at hand becomes. */
  #growth = 0;

  constructor(maskers: readonly (CellMasker | null)[]) {
    this.#maskers = maskers;
    this.#lastMasked = maskers.findLastIndex((masker) => masker !== null);
    this.#results = maskers.map(() => unchanged);
    this.#starts = new Int32Array(maskers.length);
    this.#ends = new Int32Array(maskers.length);
  }

  maskRow(payload: Buffer): Buffer {
    if (!this.#examine(payload, 0, payload.length)) return payload;
    const out = new RowOutput(payload.length + this.#growth);
    this.#rewrite(viewOf(payload), 0, payload.length, out);
    return out.bytes;
  }

  maskRows(frames: Buffer, start: number, end: number, emit: EmitRows): void {
    const out = new RowOutput(end - start);
    const view = viewOf(frames);
    let at = start;
    let untouchedFrom = start;
    let untouchedRows = 0;
    while (at < end) {
      const length = int32At(frames, at + 1);
      const next = at + 1 + length;
      if (length < 4 || next > end) throw malformed('its length is not its own');
      if (this.#examine(frames, at + 5, next)) {
        if (at - untouchedFrom >= worthAView) {
          out.emit(emit);
          emit(frames, untouchedFrom, at, untouchedRows);
        } else if (untouchedRows > 0) out.copyRows(view, untouchedFrom, at, untouchedRows);
        out.beginRow(length + this.#growth);
        this.#rewrite(view, at + 5, next, out);
        untouchedFrom = next;
        untouchedRows = 0;
      } else untouchedRows++;
      at = next;
    }
    out.emit(emit);
    if (untouchedRows > 0) emit(frames, untouchedFrom, end, untouchedRows);
  }

  /** Masks the cells of the payload [from, to) into scratch space and says whether any changes. */
  #examine(bytes: Buffer, from: number, to: number): boolean {
    const maskers = this.#maskers;
    if (to - from < 2 || ((bytes[from] ?? 0) << 8) + (bytes[from + 1] ?? 0) !== maskers.length)
      throw malformed('another number of columns than described');
    let index = from + 2;
    let growth = 0;
    let changed = false;
    for (let column = 0; column < maskers.length; column++) {
      if (index + 4 > to) throw malformed('truncated');
      const length = int32At(bytes, index);
      const start = index + 4;
      if (length < -1 || start + length > to) throw malformed('a value runs over the end');
      index = length < 0 ? start : start + length;
      const masker = maskers[column];
      if (masker === null || masker === undefined) continue;
      const result = masker(bytes, length < 0 ? -1 : start, index);
      this.#results[column] = result;
      if (result === unchanged) continue;
      changed = true;
      this.#starts[column] = start;
      this.#ends[column] = index;
      growth += (result?.length ?? 0) - (index - start);
    }
    if (index !== to) throw malformed('bytes after the last value');
    this.#growth = growth;
    return changed;
  }

  /** Writes the payload [from, to) with what `#examine` has found. */
  #rewrite(bytes: DataView, from: number, to: number, out: RowOutput): void {
    let copied = from;
    for (let column = 0; column <= this.#lastMasked; column++) {
      const result = this.#results[column];
      if (result === unchanged || result === undefined) continue;
      out.copy(bytes, copied, (this.#starts[column] ?? 0) - 4);
      out.value(result);
      copied = this.#ends[column] ?? 0;
    }
    out.copy(bytes, copied, to);
  }
}

function malformed(what: string): SluiceError {
  return new SluiceError('protocol', `The target sent a malformed row: ${what}.`, { decider: 'target' });
}
