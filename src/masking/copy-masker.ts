import { createSecretKey, type KeyObject } from 'node:crypto';
import type { CopyCsvOptions } from '../analysis/postgres-types.js';
import { SluiceError } from '../lib/errors.js';
import { ByteOutput } from './byte-output.js';
import { csvSyntax, textSyntax, type CopySyntax, type ScanState } from './copy-fields.js';
import { cellMasker, unchanged, type CellMasker, type Masked } from './column-masker.js';
import { compileDetectors } from './detectors.js';
import { createRowMasker } from './row-masker.js';
import type { Classification, ColumnTreatment, CopyMasker, RowMasker } from './types.js';
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

/** Cuts a stream into rows and masks each. */
interface RowFormat {
  /** End of the unit (row, header, trailer) in [start, limit), or -1 when it is not complete. */
  unitEnd(bytes: Buffer, start: number, limit: number): number;
  /** Writes the unit, masked. */
  maskUnit(bytes: Buffer, start: number, end: number, out: ByteOutput): void;
  /** Says whether the stream may end here, with this much left over. */
  mayEnd(rest: number): boolean;
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
  return new StreamMasker(delimitedRows(syntax, maskers, csv.header), maxRowBytes);
}

/** A row that is masked: what of it has been copied, and how many columns were seen. */
interface RowAtHand {
  bytes: Buffer;
  out: ByteOutput;
  copied: number;
  column: number;
}

function delimitedRows(syntax: CopySyntax, maskers: readonly (CellMasker | null)[], header: boolean): RowFormat {
  const state: ScanState = { quoted: false, scanned: 0 };
  let isHeader = header;
  const maskDecoded = (masker: CellMasker, bytes: Buffer, from: number, to: number): Masked => {
    const value = syntax.decode(bytes, from, to);
    return value === null ? masker(bytes, -1, 0) : masker(value, 0, value.length);
  };
  // Of the row at hand; kept here, so that a row allocates nothing.
  const row: RowAtHand = { bytes: Buffer.alloc(0), out: new ByteOutput(0), copied: 0, column: 0 };
  const maskField = (from: number, to: number): void => {
    if (row.column >= maskers.length) throw malformed('more columns than described');
    const masker = maskers[row.column++];
    if (masker === null || masker === undefined) return;
    const { bytes, out } = row;
    const result = syntax.isPlain(bytes, from, to) ? masker(bytes, from, to) : maskDecoded(masker, bytes, from, to);
    if (result === unchanged) return;
    out.copy(bytes, row.copied, from);
    out.append(syntax.encode(result));
    row.copied = to;
  };
  return {
    unitEnd(bytes, start, limit) {
      const end = syntax.rowEnd(bytes, start, limit, state);
      if (end >= 0) state.scanned = 0;
      return end;
    },
    maskUnit(bytes, start, end, out) {
      if (isHeader) {
        isHeader = false;
        return out.copy(bytes, start, end);
      }
      const stop = bytes[end - 1] === 0x0a ? end - 1 : end;
      row.bytes = bytes;
      row.out = out;
      row.copied = start;
      row.column = 0;
      syntax.fields(bytes, start, stop, maskField);
      if (row.column !== maskers.length) throw malformed('fewer columns than described');
      out.copy(bytes, row.copied, end);
    },
    mayEnd: () => !state.quoted,
  };
}

type BinaryStage = 'header' | 'tuples' | 'done';
const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

/**
 * Binary COPY: Byte11(signature) Int32(flags) Int32(length of extension) Byten, then tuples, then Int16(-1). A tuple is
 * a DataRow's payload. PostgreSQL, COPY, "Binary Format".
 */
function binaryRows(masker: RowMasker): RowFormat {
  let stage: BinaryStage = 'header';
  let unit: BinaryStage = 'header'; // what the unit at hand is
  return {
    unitEnd(bytes, start, limit) {
      if (stage === 'done') throw malformed('bytes after the trailer');
      unit = stage;
      const end = stage === 'header' ? binaryHeaderEnd(bytes, start, limit) : tupleEnd(bytes, start, limit);
      if (end < 0) return end;
      if (stage === 'header') stage = 'tuples';
      else if (bytes.readInt16BE(start) === -1) unit = stage = 'done';
      return end;
    },
    maskUnit(bytes, start, end, out) {
      if (unit !== 'tuples') out.copy(bytes, start, end);
      else out.append(masker.maskRow(bytes.subarray(start, end)));
    },
    mayEnd: (rest) => stage === 'done' && rest === 0,
  };
}

function binaryHeaderEnd(bytes: Buffer, start: number, limit: number): number {
  const known = bytes.subarray(start, Math.min(start + signature.length, limit));
  if (!signature.subarray(0, known.length).equals(known)) throw malformed('not a binary COPY');
  if (limit - start < signature.length + 8) return -1;
  // Bits 16 and up are critical: a reader that does not know one must stop (bit 16: OIDs, gone since PostgreSQL 12).
  if (bytes.readUInt32BE(start + signature.length) >>> 16 !== 0) throw malformed('unknown flags');
  const extension = bytes.readInt32BE(start + signature.length + 4);
  if (extension < 0) throw malformed('negative length');
  const end = start + signature.length + 8 + extension;
  return end <= limit ? end : -1;
}

function tupleEnd(bytes: Buffer, start: number, limit: number): number {
  if (start + 2 > limit) return -1;
  const count = bytes.readInt16BE(start);
  let index = start + 2;
  for (let column = 0; column < count; column++) {
    if (index + 4 > limit) return -1;
    const length = bytes.readInt32BE(index);
    if (length < -1) throw malformed('negative length');
    index += 4 + Math.max(length, 0);
  }
  return index <= limit ? index : -1;
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
      const end = this.#format.unitEnd(bytes, start, limit);
      if ((end < 0 ? limit : end) - start > this.#maxRowBytes) {
        throw new SluiceError('too_large', `A row of this COPY is longer than ${this.#maxRowBytes} bytes.`, {
          decider: 'gateway',
        });
      }
      if (end < 0) break;
      this.#format.maskUnit(bytes, start, end, out);
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

function malformed(what: string): SluiceError {
  return new SluiceError('protocol', `The target sent a malformed COPY: ${what}.`, { decider: 'target' });
}
