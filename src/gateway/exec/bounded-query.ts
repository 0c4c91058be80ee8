import type { Connection, Submittable } from 'pg';
import { copyRefusal } from './copy-refusal.js';
import type { BoundedResult, QueryBounds } from './result.js';
import { typeName } from '../../protocols/postgres/type-names.js';

interface FieldMessage {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}
interface RowMessage {
  readonly fields: readonly (string | null)[];
}

/**
 * Text with several statements, as a simple query: the last result counts, never more of it than the bounds. Its rows
 * cannot be limited at the server; what is over the bounds is read and dropped, since hanging up would abort it.
 */
export class BoundedQuery implements Submittable {
  readonly #text: string;
  readonly #bounds: QueryBounds;
  readonly #settle: (error: unknown, result: BoundedResult) => void;
  #columns: BoundedResult['columns'] = [];
  #rows: (readonly (string | null)[])[] = [];
  #bytes = 0;
  #affected = 0;
  #read = 0;
  #truncated = false;
  #resultOpen = false;
  #settled = false;

  constructor(text: string, bounds: QueryBounds, settle: (error: unknown, result: BoundedResult) => void) {
    this.#text = text;
    this.#bounds = bounds;
    this.#settle = settle;
  }

  /** Rows of all its results, kept or not. */
  get read(): number {
    return this.#read;
  }

  submit(connection: Connection): void {
    connection.query(this.#text);
  }

  handleRowDescription(message: FieldMessage): void {
    this.#columns = message.fields.map((field) => ({ name: field.name, type: typeName(field.dataTypeID) }));
    this.#rows = [];
    this.#bytes = 0;
    this.#truncated = false;
    this.#resultOpen = true;
  }

  handleDataRow(message: RowMessage): void {
    this.#read += 1;
    if (this.#truncated) return;
    let bytes = 0;
    for (const value of message.fields) bytes += value === null ? 0 : Buffer.byteLength(value);
    if (this.#rows.length >= this.#bounds.maxRows || this.#bytes + bytes > this.#bounds.maxBytes) {
      this.#truncated = true;
      return;
    }
    this.#bytes += bytes;
    this.#rows.push(message.fields);
  }

  handleEmptyQuery(): void {
    this.#startOver();
  }

  /** CommandComplete's tag: "SELECT 3", "INSERT 0 1", "CREATE TABLE". PostgreSQL 55.7. */
  handleCommandComplete(message: { readonly text: string }): void {
    if (!this.#resultOpen) this.#startOver();
    this.#resultOpen = false;
    const count = /(\d+)$/.exec(message.text);
    this.#affected = count === null ? 0 : Number(count[1]);
  }

  handleCopyInResponse(connection: Connection): void {
    this.#refuseCopy(connection);
  }

  handleCopyData(_message: unknown, connection: Connection): void {
    this.#refuseCopy(connection);
  }

  handleReadyForQuery(): void {
    this.#finish(null);
  }

  handleError(error: unknown): void {
    this.#finish(error);
  }

  #startOver(): void {
    this.#columns = [];
    this.#rows = [];
    this.#truncated = false;
    this.#affected = 0;
  }

  #refuseCopy(connection: Connection): void {
    this.#finish(copyRefusal());
    connection.stream.destroy();
  }

  #finish(error: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#settle(error, {
      columns: this.#columns,
      rows: this.#rows,
      rowCount: this.#columns.length > 0 ? this.#rows.length : this.#affected,
      truncated: this.#truncated,
    });
  }
}

/** A semicolon with anything after it: perhaps several statements, perhaps a quoted one; a simple query suits both. */
export function mayHoldSeveral(text: string): boolean {
  return /;\s*\S/.test(text);
}
