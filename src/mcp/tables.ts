import type { SluiceClient } from '../client/api.js';

/** A table or view: names and types, never a value. */
export interface TableShape {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly ColumnShape[];
}
export interface ColumnShape {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
}

export interface TablesAsked {
  readonly target: string;
  /** `orders` or `public.orders`, however it is cased; null for all there are. */
  readonly table: string | null;
  /** Columns that are read at most, and the bytes of the answer. */
  readonly limit: number;
  readonly maxBytes: number;
  /** What the recording says it was for. */
  readonly reason: string;
  /** The program that asks. */
  readonly application: string;
  readonly signal: AbortSignal;
}

const columnsText = `select table_schema, table_name, column_name, data_type, is_nullable
from information_schema.columns
where case when $1::text is null then table_schema not in ('pg_catalog', 'information_schema')
  else lower($1::text) in (lower(table_name), lower(table_schema || '.' || table_name)) end
order by table_schema, table_name, ordinal_position`;

/**
 * The tables and views of a PostgreSQL target, or one of them. Asked as every query is: it is judged and recorded,
 * and shows no more than the gateway's role may see there.
 */
export async function readTables(
  client: Pick<SluiceClient, 'exec'>,
  { target, table, limit, maxBytes, reason, application, signal }: TablesAsked,
): Promise<{ readonly tables: readonly TableShape[]; readonly truncated: boolean }> {
  const bounds = { limit, max_bytes: maxBytes, cursor: false };
  const body = { target, text: columnsText, parameters: [table], read_only: true, reason, application, ...bounds };
  const { rows, truncated } = await client.exec(body, { signal });
  const tables = new Map<string, TableShape & { readonly columns: ColumnShape[] }>();
  for (const [schema, name, column, type, nullable] of rows) {
    if (schema == null || name == null || column == null) continue;
    const key = JSON.stringify([schema, name]);
    const known = tables.get(key) ?? { schema, name, columns: [] };
    known.columns.push({ name: column, type: type ?? '', nullable: nullable === 'YES' });
    tables.set(key, known);
  }
  return { tables: [...tables.values()], truncated };
}
