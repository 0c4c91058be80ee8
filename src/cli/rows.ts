import type { ExecResult } from '../client/api-exec-types.js';
import type { Output } from './output.js';
import { plainJson } from './plain.js';
import { renderTsv, tsvLine } from './table.js';

export const rowFormats = ['table', 'csv', 'tsv', 'json', 'jsonl'] as const;
export type RowFormat = (typeof rowFormats)[number];
/** Formats in which a row can be printed before the next one is known. */
export type LineFormat = 'csv' | 'tsv' | 'jsonl';
export const isLineFormat = (format: RowFormat): format is LineFormat => format !== 'table' && format !== 'json';

type Result = Pick<ExecResult, 'columns' | 'rows'>;
type Row = ExecResult['rows'][number];

/** Prints rows in the format asked for; the choice follows flags alone, but a piped table is TSV. */
export async function printRows(result: Result, format: RowFormat, out: Output): Promise<void> {
  const header = result.columns.map((column) => column.name);
  if (isLineFormat(format)) {
    const lines = rowLines(result.columns, format);
    return out.flow(lines.head + lines.rows(result.rows));
  }
  if (format === 'json') {
    const record = recordOf(result.columns);
    return out.payload(`${plainJson(result.rows.map(record))}\n`);
  }
  if (!out.interactive) return out.payload(renderTsv(header, result.rows));
  const { renderTable } = await import('./table-screen.js');
  const rows = result.rows.map((row) => row.map((value) => value ?? 'NULL'));
  out.payload(renderTable(header, rows, { width: out.width, paint: (style, text) => out.paint(style, text) }));
}

/** A result as text, line by line: what comes first, and what each row becomes. */
export interface RowLines {
  readonly head: string;
  readonly rows: (rows: readonly Row[]) => string;
}

export function rowLines(columns: ExecResult['columns'], format: LineFormat): RowLines {
  const header = columns.map((column) => column.name);
  const all = (line: (row: Row) => string) => (rows: readonly Row[]) => rows.map(line).join('');
  switch (format) {
    case 'csv':
      return { head: csvLine(header), rows: all(csvLine) };
    case 'tsv':
      return { head: tsvLine(header), rows: all(tsvLine) };
    case 'jsonl': {
      const record = recordOf(columns);
      return { head: '', rows: all((row) => `${plainJson(record(row))}\n`) };
    }
  }
}

/** RFC 4180 with LF; NULL is an unquoted nothing, an empty string is "". */
function csvLine(cells: Row): string {
  const line = cells.map((cell) => {
    if (cell === null) return '';
    return cell === '' || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  });
  return `${line.join(',')}\n`;
}

/** Rows as objects; a repeated column name gets a number, so that no value is lost. */
function recordOf(columns: ExecResult['columns']): (row: Row) => Readonly<Record<string, string | null>> {
  const taken = new Set<string>();
  const names = columns.map(({ name }) => {
    let unique = name;
    for (let count = 2; taken.has(unique); count++) unique = `${name}_${count}`;
    taken.add(unique);
    return unique;
  });
  return (row) => Object.fromEntries(names.map((name, index) => [name, row[index] ?? null]));
}
