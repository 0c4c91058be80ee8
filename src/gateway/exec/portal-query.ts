import type { Connection, Submittable } from 'pg';
import { copyRefusal } from './copy-refusal.js';
import type { QueryBounds, ResultColumn, Row } from './result.js';
import { typeName } from '../../protocols/postgres/type-names.js';

/** Rows read ahead of whoever takes them; beyond it the connection is paused, and so the target. */
const highWaterBytes = 256 * 1024;

/** A row of a number or two: more of larger ones than a bound of bytes takes are not asked for at once. */
const smallRowBytes = 64;

/** A part of a result. `more`: there are further rows, here or at the target. */
export interface Page {
  readonly rows: readonly Row[];
  readonly more: boolean;
}

/** running: the target works; suspended: its portal has given what was asked for; ended: ReadyForQuery. */
type State = 'running' | 'suspended' | 'completed' | 'ended';

/**
 * One statement by the extended protocol, its rows taken page by page, each value the text it came in.
 *
 * The portal stops at the rows asked for; Flush instead of Sync keeps it open, so that a later page goes on in the same
 * snapshot and nothing runs twice. Sync ends it and commits: a statement that writes has by then run to its end
 * whatever it RETURNs (PostgreSQL materialises it), so a cut never undoes an effect.
 */
export class PortalQuery implements Submittable {
  readonly #text: string;
  readonly #parameters: readonly (string | null)[];
  readonly #ahead: QueryBounds;
  #connection: Connection | null = null;
  #columns: readonly ResultColumn[] = [];
  #queue: Row[] = [];
  #head = 0;
  #queuedBytes = 0;
  /** Of all rows that have come: what further ones may be like. */
  #seenRows = 0;
  #seenBytes = 0;
  #state: State = 'running';
  /** What the server said went wrong, while its ReadyForQuery is awaited. */
  #said: { readonly error: unknown } | null = null;
  #failure: { readonly error: unknown } | null = null;
  #dropping = false;
  #affected = 0;
  #wake: () => void = () => undefined;

  /** `ahead`: what may be wanted of it in all; the portal stops for good not far behind. */
  constructor(text: string, parameters: readonly (string | null)[], ahead: QueryBounds) {
    this.#text = text;
    this.#parameters = parameters;
    this.#ahead = ahead;
  }

  submit(connection: Connection): void {
    this.#connection = connection;
    connection.parse({ name: '', text: this.#text, types: [] }, true);
    connection.bind({ portal: '', statement: '', values: [...this.#parameters] }, true);
    connection.describe({ type: 'P', name: '' }, true);
    this.#execute(this.#rowsWithin(this.#ahead));
  }

  get columns(): readonly ResultColumn[] {
    return this.#columns;
  }
  /** Rows that a statement without a result changed. */
  get affected(): number {
    return this.#affected;
  }

  /**
   * Takes rows until one is over the bounds or there are no more. Throws what the server said. `ahead`: what further pages
   * may want, where it is known, so that the target is asked for it in few parts.
   */
  async page({ maxRows, maxBytes }: QueryBounds, ahead?: QueryBounds): Promise<Page> {
    const rows: Row[] = [];
    let bytes = 0;
    for (;;) {
      const row = this.#queue[this.#head];
      if (row !== undefined) {
        const size = sizeOf(row);
        if (rows.length >= maxRows || bytes + size > maxBytes) return { rows, more: true };
        rows.push(row);
        bytes += size;
        this.#shift(size);
      } else if (this.#failure !== null) throw this.#failure.error;
      else if (this.#state === 'ended') return { rows, more: false };
      else {
        // One more than wanted tells whether there is more.
        const left = ahead ?? { maxRows, maxBytes };
        const wanted = { maxRows: left.maxRows - rows.length, maxBytes: left.maxBytes - bytes };
        if (this.#state === 'suspended') this.#execute(this.#rowsWithin(wanted));
        await this.#change();
      }
    }
  }

  /** The size of the row that the next page begins with, once a page has said that there is one. */
  get nextRowBytes(): number {
    const row = this.#queue[this.#head];
    return row === undefined ? 0 : sizeOf(row);
  }

  /** Commits, leaving the rest of the rows. */
  async finish(): Promise<void> {
    this.#dropping = true;
    this.#queue = [];
    this.#head = 0;
    this.#queuedBytes = 0;
    this.#connection?.stream.resume();
    if (this.#state === 'suspended') this.#complete();
    while (this.#state !== 'ended' && this.#failure === null) await this.#change();
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** The connection ended before the result did. */
  abandon(error: unknown): void {
    this.#fail(error);
  }

  handleRowDescription(message: {
    readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
  }): void {
    this.#columns = message.fields.map((field) => ({ name: field.name, type: typeName(field.dataTypeID) }));
    this.#wake();
  }

  handleDataRow(message: { readonly fields: Row }): void {
    if (this.#dropping) return;
    const size = sizeOf(message.fields);
    this.#queue.push(message.fields);
    this.#queuedBytes += size;
    this.#seenRows += 1;
    this.#seenBytes += size;
    if (this.#queuedBytes > highWaterBytes) this.#connection?.stream.pause();
    this.#wake();
  }

  handlePortalSuspended(): void {
    this.#state = 'suspended';
    if (this.#dropping) this.#complete();
    this.#wake();
  }

  handleEmptyQuery(): void {
    this.#complete();
  }

  /** CommandComplete's tag: "SELECT 3", "INSERT 0 1", "CREATE TABLE". PostgreSQL 55.7. */
  handleCommandComplete(message: { readonly text: string }): void {
    const count = /(\d+)$/.exec(message.text);
    this.#affected = count === null ? 0 : Number(count[1]);
    this.#complete();
  }

  handleCopyInResponse(connection: Connection): void {
    this.#refuseCopy(connection);
  }
  handleCopyData(_message: unknown, connection: Connection): void {
    this.#refuseCopy(connection);
  }

  handleReadyForQuery(): void {
    this.#state = 'ended';
    this.#wake();
  }

  /** After an error the server skips to Sync (PostgreSQL 55.2.3). pg forgets a failed query, so its end is heard here. */
  handleError(error: unknown, connection?: Connection): void {
    this.#said ??= { error };
    if (connection === undefined || connection.stream.destroyed) return this.#fail(error);
    connection.once('readyForQuery', () => this.#fail(error));
    if (this.#state !== 'completed') connection.sync();
    connection.stream.resume();
  }

  /** One more than fits by rows; by bytes as many as fit when they are like those so far, or small ones at the start. */
  #rowsWithin({ maxRows, maxBytes }: QueryBounds): number {
    const average = this.#seenRows === 0 ? smallRowBytes : Math.max(1, this.#seenBytes / this.#seenRows);
    return Math.max(1, Math.min(maxRows, Math.ceil((maxBytes / average) * 1.25)) + 1);
  }

  #execute(rows: number): void {
    this.#state = 'running';
    this.#connection?.execute({ portal: '', rows: String(rows) }, true);
    this.#connection?.flush();
  }

  #complete(): void {
    this.#state = 'completed';
    this.#connection?.sync();
    this.#wake();
  }

  #shift(size: number): void {
    this.#queuedBytes -= size;
    this.#head += 1;
    if (this.#head < this.#queue.length) return;
    this.#queue = [];
    this.#head = 0;
    this.#connection?.stream.resume();
  }

  #fail(error: unknown): void {
    this.#failure ??= this.#said ?? { error };
    this.#wake();
  }

  #refuseCopy(connection: Connection): void {
    this.#fail(copyRefusal());
    connection.stream.destroy();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = () => undefined;
        resolve();
      };
    });
  }
}

function sizeOf(row: Row): number {
  let bytes = 0;
  for (const value of row) bytes += value === null ? 0 : Buffer.byteLength(value);
  return bytes;
}
