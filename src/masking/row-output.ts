import { ByteOutput, viewOf } from './byte-output.js';
import type { EmitRows } from './types.js';

/** Fewer untouched bytes between two masked rows are copied: a view and a piece to write cost more. */
const worthAView = 2048;

/**
 * What becomes of the rows in one buffer: masked values and what stands between them, one behind the other in one buffer,
 * so that a row allocates nothing. What stands between two masked values is copied in one go, over the ends of rows.
 */
export class RowOutput {
  readonly out: ByteOutput;
  readonly source: Buffer;
  readonly view: DataView;
  readonly #emit: EmitRows | null;
  /** What stands before it in the source has been copied or emitted. */
  #copied: number;
  /** Where what has not been emitted begins. */
  #from = 0;
  /** Rows that have been masked, or are to be copied before one that is. */
  #rows = 0;
  /** Where the last masked row ends in the source, and how many others have come since. */
  #untouchedFrom: number;
  #untouchedRows = 0;

  /** `emit` null: all is taken as one row. */
  constructor(source: Buffer, start: number, expectedBytes: number, emit: EmitRows | null) {
    this.out = new ByteOutput(expectedBytes);
    this.source = source;
    this.view = viewOf(source);
    this.#emit = emit;
    this.#copied = start;
    this.#untouchedFrom = start;
  }

  /** In the row that begins at `row`, something else stands for [start, end): what comes before is copied. */
  replace(start: number, end: number, row: number): void {
    if (start - this.#copied >= worthAView && row - this.#untouchedFrom >= worthAView) this.#emitUntouched(row);
    this.out.copy(this.source, this.#copied, start);
    this.#copied = end;
  }

  untouchedRow(): void {
    this.#untouchedRows++;
  }

  /** A row in which something was masked ends at `end`. */
  maskedRow(end: number): void {
    this.#rows += this.#untouchedRows + 1;
    this.#untouchedRows = 0;
    this.#untouchedFrom = end;
  }

  /** The source ends there: hands on all that is left of it. */
  finish(end: number): void {
    this.#emitUntouched(end);
  }

  /** The only row, which ends there. */
  finishRow(end: number): Buffer {
    this.out.copy(this.source, this.#copied, end);
    return this.out.bytes;
  }

  /** Hands on what is masked, then the rows behind it as they stand, up to `end`. */
  #emitUntouched(end: number): void {
    if (this.#emit === null) return;
    const { out } = this;
    out.copy(this.source, this.#copied, this.#untouchedFrom);
    if (this.#rows > 0) this.#emit(out.bytes, this.#from, out.length, this.#rows);
    this.#from = out.length;
    this.#rows = 0;
    if (this.#untouchedRows > 0) this.#emit(this.source, this.#untouchedFrom, end, this.#untouchedRows);
    this.#untouchedRows = 0;
    this.#untouchedFrom = end;
    this.#copied = end;
  }
}
