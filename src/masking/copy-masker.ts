import { createSecretKey, type KeyObject } from 'node:crypto';
import type { CopyCsvOptions } from '../analysis/postgres-types.js';
import { SluiceError } from '../lib/errors.js';
import type { ByteOutput } from './byte-output.js';
import { binaryRows, malformed, type RowFormat } from './copy-rows.js';
import { csvSyntax, textSyntax } from './copy-fields.js';
import { cellMasker } from './column-masker.js';
import { DelimitedRows } from './delimited-rows.js';
import { compileDetectors } from './detectors.js';
import { createRowMasker } from './row-masker.js';
import type { Classification, ColumnTreatment, CopyMasker } from './types.js';
import { oid } from './wire-types.js';

/** One column of a COPY: its response names no types, so they come from the catalog or a described query. */
export interface CopyColumn {
  /** 0 when not known: its masked value is NULL; left in clear, detectors take it for text in text and csv form. */
  readonly typeOid: number;
  readonly treatment: ColumnTreatment;
}

export interface CopyMaskerOptions {
  readonly format: 'text' | 'csv' | 'binary';
  /** Delimiters and header of the text and csv forms; not read for binary. */
  readonly csv: CopyCsvOptions;
  readonly columns: readonly CopyColumn[];
  readonly detectors: Classification['detectors'];
  readonly hashKey: Buffer | KeyObject;
  /** A longer row ends the copy with `too_large`. Default 64 MiB. */
  readonly maxRowBytes?: number;
}

/** Builds the masker of one COPY TO STDOUT; null when nothing in it can change. */
export function createCopyMasker(options: CopyMaskerOptions): CopyMasker | null {
  const hashKey = Buffer.isBuffer(options.hashKey) ? createSecretKey(options.hashKey) : options.hashKey;
  const maxRowBytes = options.maxRowBytes ?? 64 * 1024 * 1024;
  if (options.format === 'binary') {
    const columns = options.columns.map((column) => ({ name: '', format: 1 as const, ...column }));
    const masker = createRowMasker(columns, options.detectors, hashKey);
    return masker === null ? null : new StreamMasker(binaryRows(masker), maxRowBytes);
  }
  const detectors = compileDetectors(options.detectors);
  const maskers = options.columns.map(({ typeOid, treatment }) => {
    const taken = typeOid === 0 && treatment.kind === 'clear' ? oid.text : typeOid;
    return cellMasker({ typeOid: taken, format: 0, treatment }, detectors, hashKey);
  });
  if (maskers.every((masker) => masker === null)) return null;
  const { csv } = options;
  const syntax = options.format === 'csv' ? csvSyntax(csv) : textSyntax(csv.delimiter, csv.nullText);
  return new StreamMasker(new DelimitedRows(syntax, maskers, csv.header), maxRowBytes);
}

/** A larger buffer, needed once for one long row, is given back. */
const keptBytes = 256 * 1024;

/** Holds back the incomplete row at the end of each chunk. */
class StreamMasker implements CopyMasker {
  readonly #format: RowFormat;
  readonly #maxRowBytes: number;
  /** The incomplete row, in a buffer that doubles so that many small chunks cost no more than a few big ones. */
  #held: Buffer = Buffer.alloc(0);
  #heldBytes = 0;
  #failed = false;

  constructor(format: RowFormat, maxRowBytes: number) {
    this.#format = format;
    this.#maxRowBytes = maxRowBytes;
  }

  push(bytes: Buffer, start: number, end: number, out: ByteOutput): void {
    this.#requireSound();
    try {
      if (this.#heldBytes === 0) return this.#maskUnits(bytes, start, end, out);
      this.#hold(bytes, start, end);
      this.#maskUnits(this.#held, 0, this.#heldBytes, out);
    } catch (error) {
      throw this.#fault(error);
    }
  }

  end(out: ByteOutput): void {
    this.#requireSound();
    try {
      const rest = this.#heldBytes;
      this.#heldBytes = 0;
      if (!this.#format.mayEnd(rest)) throw malformed('ends in the middle of a row');
      if (rest > 0) this.#format.maskUnit(this.#held, 0, rest, out);
    } catch (error) {
      throw this.#fault(error);
    }
  }

  #maskUnits(bytes: Buffer, from: number, limit: number, out: ByteOutput): void {
    let start = from;
    while (start < limit) {
      const masked = this.#format.maskAtOnce(bytes, start, limit, out);
      const end = masked < 0 ? this.#format.unitEnd(bytes, start, limit) : masked;
      if ((end < 0 ? limit : end) - start > this.#maxRowBytes) {
        throw new SluiceError('too_large', `A row of this COPY is longer than ${this.#maxRowBytes} bytes.`, {
          decider: 'gateway',
        });
      }
      if (end < 0) break;
      if (masked < 0) this.#format.maskUnit(bytes, start, end, out);
      start = end;
    }
    this.#heldBytes = 0;
    if (start < limit) this.#hold(bytes, start, limit);
    else if (this.#held.length > keptBytes) this.#held = Buffer.alloc(0);
  }

  /** It may be of what is held itself. */
  #hold(bytes: Buffer, start: number, end: number): void {
    const size = this.#heldBytes + end - start;
    if (size > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(size, this.#held.length * 2, 4096));
      this.#held.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.#heldBytes, start, end);
    this.#heldBytes = size;
  }

  /** After a fault nothing more comes out: where the next row starts is not known. */
  #requireSound(): void {
    if (this.#failed) throw malformed('an earlier row could not be read');
  }

  #fault(error: unknown): SluiceError {
    this.#failed = true;
    return error instanceof SluiceError ? error : malformed('unexpected form');
  }
}
