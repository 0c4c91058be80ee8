import { createSecretKey, type KeyObject } from 'node:crypto';
import { SluiceError } from '../lib/errors.js';
import { cellMasker, unchanged, type CellMasker, type Found } from './column-masker.js';
import { compileDetectors } from './detectors.js';
import { RowOutput } from './row-output.js';
import type { Classification, EmitRows, RowMasker, WireColumn } from './types.js';

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

const headBytes = 5;

/** DataRow: Byte1('D') Int32(length), then the payload: Int16(columns), per column Int32(length or -1) Byten. PostgreSQL 55.7. */
class DataRowMasker implements RowMasker {
  readonly #maskers: readonly (CellMasker | null)[];
  /** How much longer the row at hand becomes. */
  #growth = 0;
  /** Where the length of its first masked value stands, as it came and as it is written. */
  #firstMasked = 0;
  #firstWritten = 0;

  constructor(maskers: readonly (CellMasker | null)[]) {
    this.#maskers = maskers;
  }

  maskRow(payload: Buffer): Buffer {
    const rows = new RowOutput(payload, 0, payload.length + 64, null);
    return this.#mask(rows, 0, payload.length) ? rows.finishRow(payload.length) : payload;
  }

  maskRows(frames: Buffer, start: number, end: number, emit: EmitRows): void {
    const rows = new RowOutput(frames, start, end - start, emit);
    const { view } = rows;
    let at = start;
    while (at < end) {
      if (at + headBytes > end) throw malformed('truncated');
      const length = view.getInt32(at + 1);
      const next = at + 1 + length;
      if (length < 4 || next > end) throw malformed('its length is not its own');
      if (this.#mask(rows, at + headBytes, next)) {
        rows.out.setInt32(this.#firstWritten - this.#firstMasked + at + 1, length + this.#growth);
        rows.maskedRow(next);
      } else rows.untouchedRow();
      at = next;
    }
    rows.finish(end);
  }

  /** Masks the cells of the payload [from, to) and says whether any changes: then what stands before them was copied. */
  #mask(rows: RowOutput, from: number, to: number): boolean {
    const maskers = this.#maskers;
    const { source, view, out } = rows;
    if (to - from < 2 || view.getUint16(from) !== maskers.length)
      throw malformed('another number of columns than described');
    let index = from + 2;
    let growth = 0;
    let changed = false;
    for (let column = 0; column < maskers.length; column++) {
      const at = index;
      if (at + 4 > to) throw malformed('truncated');
      const length = view.getInt32(at);
      const start = at + 4;
      if (length < -1 || start + length > to) throw malformed('a value runs over the end');
      index = length < 0 ? start : start + length;
      const masker = maskers[column];
      if (masker === null || masker === undefined) continue;
      let found: Found = unchanged;
      if (masker.kind === 'look') {
        if (length >= 0) found = masker.look(source, start, index);
        if (found === unchanged) continue;
      } else if (length < 0 && !masker.hidesNull) continue;
      rows.replace(at, index, from - headBytes);
      const place = out.leave(4);
      if (!changed) {
        changed = true;
        this.#firstMasked = at;
        this.#firstWritten = place;
      }
      let isValue = found !== null;
      if (masker.kind === 'write') isValue = masker.write(source, start, index, out);
      else if (Buffer.isBuffer(found)) out.append(found);
      const written = out.length - place - 4;
      out.setInt32(place, isValue ? written : -1);
      growth += written - (index - start);
    }
    if (index !== to) throw malformed('bytes after the last value');
    this.#growth = growth;
    return changed;
  }
}

function malformed(what: string): SluiceError {
  return new SluiceError('protocol', `The target sent a malformed row: ${what}.`, { decider: 'target' });
}
