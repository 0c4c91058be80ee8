import type { TargetDetail } from '../client/api-types.js';
import type { SluiceClient } from '../client/api.js';
import { readTables, type ColumnShape, type TableShape } from '../mcp/tables.js';
import { SluiceError } from '../lib/errors.js';
import { nameTest } from '../lib/glob.js';
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
interface Column extends ColumnShape {
  /** The class of what it holds, and how that is shown; null where the column is not protected. */
  readonly class: string | null;
  readonly mask: string | null;
}

const maxColumns = 20_000;
const maxBytes = 8 * 1024 * 1024;

interface TablesOrder {
  readonly target: string;
  /** `orders` or `public.orders`; undefined for all there are. */
  readonly table?: string | undefined;
  readonly signal: AbortSignal;
}

/** The tables and views of a database, or one of them, each column with what protects it. */
export async function describeTables(
  client: SluiceClient,
  { target, table, signal }: TablesOrder,
): Promise<TablesDocument> {
  const detail = await client.target(target, { signal });
  if (detail.kind !== 'postgres')
    throw new SluiceError('usage', `${target} is of kind ${detail.kind}, which has no tables.`, { decider: 'local' });
  const read = (name: string | null): ReturnType<typeof readTables> =>
    readTables(client, {
      target,
      table: name,
      limit: maxColumns,
      maxBytes,
      reason: 'describe',
      application: 'sluice describe',
      signal,
    });
  const { tables, truncated } = await read(table ?? null);
  if (table !== undefined && tables.length === 0) throw noTable(target, table, (await read(null)).tables);
  const found = protectedBy(detail.protected_columns);
  const shown = tables.map(({ schema, name, columns }) => ({
    ...{ schema, name },
    columns: columns.map((column) => ({ ...column, ...found(schema, name, column.name) })),
  }));
  return { schema: 'sluice.tables/v1', ok: true, target: detail.name, tables: shown, truncated };
}

/** What protects a column: of the patterns `*.*.*password*` and `public.users.email` the first that fits, as the gateway takes them. */
function protectedBy(
  protectedColumns: TargetDetail['protected_columns'],
): (schema: string, table: string, column: string) => Pick<Column, 'class' | 'mask'> {
  const patterns = protectedColumns.map((known) => {
    const [schema = '', table = '', ...column] = known.column.split('.');
    return { known, tests: [schema, table, column.join('.')].map(nameTest) };
  });
  return (...names) => {
    const known = patterns.find(({ tests }) => names.every((name, index) => tests[index]?.(name) === true))?.known;
    if (known === undefined) return { class: null, mask: null };
    return { class: known.class, mask: known.reveal === 'allow' ? 'clear' : known.mask };
  };
}

function noTable(target: string, table: string, tables: readonly TableShape[]): SluiceError {
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
