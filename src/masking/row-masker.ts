import { createSecretKey, type KeyObject } from 'node:crypto';
import { SluiceError } from '../lib/errors.js';
import { int32At } from './bytes.js';
import { cellMasker, unchanged, type CellMasker, type Masked } from './column-masker.js';
import { compileDetectors } from './detectors.js';
import type { Classification, RowMasker, WireColumn } from './types.js';

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

/** DataRow: Int16(columns), per column Int32(length or -1) Byten. PostgreSQL 55.7. */
class DataRowMasker implements RowMasker {
  readonly #maskers: readonly (CellMasker | null)[];
  /** The last column that can change. */
  readonly #lastMasked: number;
  /** Scratch space of the row at hand, so that an untouched row allocates nothing. */
  readonly #results: Masked[];
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;

  constructor(maskers: readonly (CellMasker | null)[]) {
    this.#maskers = maskers;
    this.#lastMasked = maskers.findLastIndex((masker) => masker !== null);
    this.#results = maskers.map(() => unchanged);
    this.#starts = new Int32Array(maskers.length);
    this.#ends = new Int32Array(maskers.length);
  }

  maskRow(payload: Buffer): Buffer {
    const maskers = this.#maskers;
    const size = payload.length;
    if (size < 2 || payload.readInt16BE(0) !== maskers.length)
      throw malformed('another number of columns than described');
    let index = 2;
    let growth = 0;
    let changed = false;
    for (let column = 0; column < maskers.length; column++) {
      if (index + 4 > size) throw malformed('truncated');
      const length = int32At(payload, index);
      const start = index + 4;
      if (length < -1 || start + length > size) throw malformed('a value runs over the end');
      index = length < 0 ? start : start + length;
      const masker = maskers[column];
      if (masker === null || masker === undefined) continue;
      const result = masker(payload, length < 0 ? -1 : start, index);
      this.#results[column] = result;
      if (result === unchanged) continue;
      changed = true;
      this.#starts[column] = start;
      this.#ends[column] = index;
      growth += (result?.length ?? 0) - (index - start);
    }
    if (index !== size) throw malformed('bytes after the last value');
    return changed ? this.#rewrite(payload, size + growth) : payload;
  }

  #rewrite(payload: Buffer, size: number): Buffer {
    const out = Buffer.allocUnsafe(size);
    let copied = 0;
    let at = 0;
    for (let column = 0; column <= this.#lastMasked; column++) {
      const result = this.#results[column];
      if (result === unchanged || result === undefined) continue;
      const lengthAt = (this.#starts[column] ?? 0) - 4;
      at = copyBytes(payload, copied, lengthAt, out, at);
      copied = this.#ends[column] ?? 0;
      at = putInt32(result === null ? -1 : result.length, out, at);
      if (result !== null) at = copyBytes(result, 0, result.length, out, at);
    }
    copyBytes(payload, copied, payload.length, out, at);
    return out;
  }
}

/** Copies [start, end) to `at` and returns where it ended. For a few bytes a loop is faster than a call out of JavaScript. */
function copyBytes(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  const length = end - start;
  if (length > 64) from.copy(to, at, start, end);
  else for (let index = 0; index < length; index++) to[at + index] = from[start + index] ?? 0;
  return at + length;
}

function putInt32(value: number, to: Buffer, at: number): number {
  to[at] = value >>> 24;
  to[at + 1] = value >>> 16;
  to[at + 2] = value >>> 8;
  to[at + 3] = value;
  return at + 4;
}

function malformed(what: string): SluiceError {
  return new SluiceError('protocol', `The target sent a malformed row: ${what}.`, { decider: 'target' });
}
