import { plain } from './plain.js';

/** One cell; null and undefined are shown as nothing. */
export type Cell = string | number | boolean | null | undefined;

export const cellText = (cell: Cell): string => (cell === null || cell === undefined ? '' : String(cell));

/**
 * Tab-separated lines with a header: no colour, nothing cut. A tab, line break or backslash inside a value becomes
 * \t, \n or \\ as in PostgreSQL's text format, so that one line is always one row.
 */
export function renderTsv(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [header, ...rows].map(tsvLine).join('');
}

export function tsvLine(cells: readonly Cell[]): string {
  return `${cells.map((cell) => escapeTsv(cellText(cell))).join('\t')}\n`;
}

function escapeTsv(text: string): string {
  return plain(text.replaceAll('\\', '\\\\'));
}
