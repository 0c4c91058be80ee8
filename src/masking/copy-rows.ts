import { SluiceError } from '../lib/errors.js';
import type { ByteOutput } from './byte-output.js';
import type { RowMasker } from './types.js';

/** Cuts a COPY into rows and masks each. */
export interface RowFormat {
  /** End of the unit (row, header, trailer) in [start, limit), or -1 when it is not complete. */
  unitEnd(bytes: Buffer, start: number, limit: number): number;
  /** Writes the unit, masked. */
  maskUnit(bytes: Buffer, start: number, end: number, out: ByteOutput): void;
  /** Both in one pass: the unit's end, or -1 where it takes the two, and then nothing was written. */
  maskAtOnce(bytes: Buffer, start: number, limit: number, out: ByteOutput): number;
  /** Says whether the stream may end here, with this much left over. */
  mayEnd(rest: number): boolean;
}

export function malformed(what: string): SluiceError {
  return new SluiceError('protocol', `The target sent a malformed COPY: ${what}.`, { decider: 'target' });
}

type BinaryStage = 'header' | 'tuples' | 'done';
const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

/**
 * Binary COPY: Byte11(signature) Int32(flags) Int32(length of extension) Byten, then tuples, then Int16(-1). A tuple is
 * a DataRow's payload. PostgreSQL, COPY, "Binary Format".
 */
export function binaryRows(masker: RowMasker): RowFormat {
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
    maskAtOnce: () => -1,
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
