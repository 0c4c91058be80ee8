import type { TargetDetail } from '../client/api-types.js';
import type { SluiceClient } from '../client/api.js';
import { SluiceError } from '../lib/errors.js';
import { nearest } from './suggest.js';

/** `sluice.tables/v1`: names and types, never a value. */
export interface TablesDocument {
  readonly schema: 'sluice.tables/v1';
  readonly ok: true;
  readonly target: string;
  readonly tables: readonly Table[];
  /** There are more columns than were read. */
  readonly truncated: boolean;
}
export interface Table {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly Column[];
}
interface Column {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  /** The class of what it holds, and how that is shown; null where the column is not protected. */
  readonly class: string | null;
  readonly mask: string | null;
}

/** Asked as any other query: judged and recorded, and no more than the gateway's role may see there. */
const columnsText = `select table_schema, table_name, column_name, data_type, is_nullable
from information_schema.columns
where case when $1::text is null then table_schema not in ('pg_catalog', 'information_schema')
  else lower($1::text) in (lower(table_name), lower(table_schema || '.' || table_name)) end
order by table_schema, table_name, ordinal_position`;
const maxColumns = 20_000;
const maxBytes = 8 * 1024 * 1024;

interface TablesOrder {
  readonly target: string;
  /** `orders` or `public.orders`; undefined for all there are. */
  readonly table?: string | undefined;
  readonly signal: AbortSignal;
}

/** The tables and views of a database, or one of them. */
export async function readTables(
  client: SluiceClient,
  { target, table, signal }: TablesOrder,
): Promise<TablesDocument> {
  const detail = await client.target(target, { signal });
  if (detail.kind !== 'postgres')
    throw new SluiceError('usage', `${target} is of kind ${detail.kind}, which has no tables.`, { decider: 'local' });
  const read = async (name: string | null): Promise<Pick<TablesDocument, 'tables' | 'truncated'>> => {
    const bounds = { limit: maxColumns, max_bytes: maxBytes, cursor: false };
    const body = { target, text: columnsText, parameters: [name], read_only: true, reason: 'describe', ...bounds };
    const { rows, truncated } = await client.exec(body, { signal });
    return { tables: tablesOf(rows, detail.protected_columns), truncated };
  };
  const found = await read(table ?? null);
  if (table !== undefined && found.tables.length === 0) throw noTable(target, table, (await read(null)).tables);
  return { schema: 'sluice.tables/v1', ok: true, target: detail.name, ...found };
}

function tablesOf(
  rows: readonly (readonly (string | null)[])[],
  protectedColumns: TargetDetail['protected_columns'],
): readonly Table[] {
  const tables = new Map<string, Table & { readonly columns: Column[] }>();
  for (const [schema, name, column, type, nullable] of rows) {
    if (schema == null || name == null || column == null) continue;
    const key = JSON.stringify([schema, name]);
    const table = tables.get(key) ?? { schema, name, columns: [] };
    const found = protectedColumns.find((each) => matches(each.column, [schema, name, column]));
    table.columns.push({
      ...{ name: column, type: type ?? '', nullable: nullable === 'YES' },
      ...{
        class: found?.class ?? null,
        mask: found === undefined ? null : found.reveal === 'allow' ? 'clear' : found.mask,
      },
    });
    tables.set(key, table);
  }
  return [...tables.values()];
}

/** `*.*.*password*` and `public.users.email`, as the gateway writes them: a star for any characters. */
function matches(pattern: string, [schema, table, column]: readonly [string, string, string]): boolean {
  const parts = pattern.split('.');
  return [schema, table, column].every((name, index) => {
    const source = (parts[index] ?? '*').replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
    return new RegExp(`^${source}$`, 'is').test(name);
  });
}

function noTable(target: string, table: string, tables: readonly Table[]): SluiceError {
  const meant = nearest(
    table,
    tables.flatMap(({ schema, name }) => (table.includes('.') ? [`${schema}.${name}`] : [name])),
  );
  const hint = meant === null ? '' : `; did you mean ${JSON.stringify(meant)}?`;
  return new SluiceError('not_found', `no table ${JSON.stringify(table)} that may be seen on ${target}${hint}`, {
    decider: 'target',
    next: [{ command: `sluice describe ${target} --tables`, when: 'to see the tables there are' }],
  });
}

/** One row a table: where it is, and what it has. */
export function tableRows(tables: readonly Table[]): readonly (readonly string[])[] {
  return tables.map(({ schema, name, columns }) => [schema, name, columns.map((column) => column.name).join(', ')]);
}

/** One row a column; tables of the same name in several schemas stand one below the other. */
export function columnRows(tables: readonly Table[]): readonly (readonly string[])[] {
  return tables.flatMap(({ schema, name, columns }) =>
    columns.map((column) => [
      `${schema}.${name}`,
      column.name,
      column.type,
      column.nullable ? '' : 'not null',
      column.class === null
        ? ''
        : `${column.class}, ${column.mask === 'clear' ? 'in clear' : `masked (${column.mask})`}`,
    ]),
  );
}
