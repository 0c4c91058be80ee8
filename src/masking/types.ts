import type { ByteOutput } from './byte-output.js';

/** How a class's value is rendered when it may not be seen. All are type-safe: the client can still parse the result. */
export type MaskerName = 'redact' | 'last4' | 'email' | 'hash' | 'null';

/** classification.yaml, parsed and validated. */
export interface Classification {
  readonly classes: Readonly<Record<string, { readonly mask: MaskerName }>>;
  /** Patterns with `*` globs: target name (default `*`) and `schema.table.column`. */
  readonly columns: readonly { readonly target: string; readonly column: string; readonly class: string }[];
  /** Detectors to run on text content. */
  readonly detectors: Readonly<Partial<Record<DetectorName, 'mask' | 'off'>>>;
}

export type DetectorName = 'email' | 'card' | 'iban' | 'phone' | 'national-id' | 'private-key' | 'token';

/** What must happen to one result column. */
export type ColumnTreatment =
  | { readonly kind: 'clear' }
  /** A plain output of a protected column: the class's own masker (partial masks allowed). */
  | { readonly kind: 'class'; readonly class: string; readonly masker: MaskerName }
  /** Derived from protected values or not provable: nothing of it may be seen. */
  | { readonly kind: 'whole' };

/** One result column as the wire describes it (RowDescription field). */
export interface WireColumn {
  readonly name: string;
  readonly typeOid: number;
  /** 0 text, 1 binary. */
  readonly format: 0 | 1;
  readonly treatment: ColumnTreatment;
}

/** Takes whole DataRow frames, `rows` of them, in bytes [start, end): as they came, or masked. */
export type EmitRows = (bytes: Buffer, start: number, end: number, rows: number) => void;

/** Masks the rows of one result. Built once a result. */
export interface RowMasker {
  /**
   * Masks one DataRow payload: Int16(column count) then per column Int32(length or -1) Byten (PostgreSQL 55.7),
   * without the 'D' and length. Returns the very same buffer when nothing changed. Throws only on malformed input.
   */
  maskRow(payload: Buffer): Buffer;
  /**
   * Masks the whole DataRow frames that fill bytes [start, end) and hands them on in order, in as few stretches as
   * possible; what is not touched is handed on where it stands. Throws on malformed input, after what stood before it.
   */
  maskRows(frames: Buffer, start: number, end: number, emit: EmitRows): void;
}

/** Masks a COPY OUT stream, chunk by chunk; holds back incomplete rows, never grows over the row limit. */
export interface CopyMasker {
  /** Takes [start, end) of the stream and writes what of it is whole and masked. */
  push(bytes: Buffer, start: number, end: number, out: ByteOutput): void;
  end(out: ByteOutput): void;
}
