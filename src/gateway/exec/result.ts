/** One row, every value as text; null for SQL NULL. */
export type Row = readonly (string | null)[];

export interface ResultColumn {
  readonly name: string;
  readonly type: string;
}

export interface QueryBounds {
  readonly maxRows: number;
  readonly maxBytes: number;
}

/** A result, or the bounded first part of it. */
export interface BoundedResult {
  readonly columns: readonly ResultColumn[];
  readonly rows: readonly Row[];
  readonly rowCount: number;
  readonly truncated: boolean;
}
