import type { ExecResult } from '../client/api-types.js';
import type { Output } from './output.js';
import { plainJson } from './plain.js';
import { renderTsv } from './table.js';

export const rowFormats = ['table', 'csv', 'tsv', 'json', 'jsonl'] as const;
export type RowFormat = (typeof rowFormats)[number];

type Result = Pick<ExecResult, 'columns' | 'rows'>;

/** Prints rows in the format asked for; the choice follows flags alone, but a piped table is TSV. */
export async function printRows(result: Result, format: RowFormat, out: Output): Promise<void> {
  const header = result.columns.map((column) => column.name);
  switch (format) {
    case 'table': {
      if (!out.interactive) return out.payload(renderTsv(header, result.rows));
      const { renderTable } = await import('./table-screen.js');
      const rows = result.rows.map((row) => row.map((value) => value ?? 'NULL'));
      return out.payload(
        renderTable(header, rows, { width: out.width, paint: (style, text) => out.paint(style, text) }),
      );
    }
    case 'tsv':
      return out.payload(renderTsv(header, result.rows));
    case 'csv':
      return out.payload([header, ...result.rows].map(csvLine).join(''));
    case 'json':
      return out.payload(`${plainJson(records(result))}\n`);
    case 'jsonl':
      return out.payload(
        records(result)
          .map((record) => `${plainJson(record)}\n`)
          .join(''),
      );
  }
}

/** RFC 4180 with LF; NULL is an unquoted nothing, an empty string is "". */
function csvLine(cells: readonly (string | null)[]): string {
  const line = cells.map((cell) => {
    if (cell === null) return '';
    return cell === '' || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  });
  return `${line.join(',')}\n`;
}

/** Rows as objects; a repeated column name gets a number, so that no value is lost. */
function records({ columns, rows }: Result): readonly Readonly<Record<string, string | null>>[] {
  const taken = new Set<string>();
  const names = columns.map(({ name }) => {
    let unique = name;
    for (let count = 2; taken.has(unique); count++) unique = `${name}_${count}`;
    taken.add(unique);
    return unique;
  });
  return rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index] ?? null])));
}
