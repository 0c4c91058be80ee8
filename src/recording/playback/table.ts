import type { ColumnsEvent } from '../events.js';
import { escapeLine } from './escape.js';
import { isNumberType } from './values.js';

const maxCellWidth = 200;

/** A result as psql would draw it; masked columns say so in their heading. */
export function renderTable(columns: ColumnsEvent['columns'], rows: readonly (readonly (string | null)[])[]): string {
  const headings = columns.map(({ name, masked }) => clip(escapeLine(name)) + (masked ? ' [masked]' : ''));
  const cells = rows.map((row) => columns.map((_, index) => cellOf(row[index] ?? null)));
  const widths = headings.map((heading, index) =>
    cells.reduce((widest, row) => Math.max(widest, displayWidth(row[index] ?? '')), displayWidth(heading)),
  );
  const lines = [
    headings.map((heading, index) => ` ${centre(heading, widths[index] ?? 0)} `).join('|'),
    widths.map((width) => '-'.repeat(width + 2)).join('+'),
    ...cells.map((row) => row.map((cell, index) => ` ${align(cell, widths[index] ?? 0, columns[index])} `).join('|')),
  ];
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

function cellOf(value: string | null): string {
  return value === null ? 'NULL' : clip(escapeLine(value));
}

function clip(text: string): string {
  return text.length > maxCellWidth ? `${text.slice(0, maxCellWidth - 1)}…` : text;
}

function align(cell: string, width: number, column: ColumnsEvent['columns'][number] | undefined): string {
  const pad = ' '.repeat(Math.max(0, width - displayWidth(cell)));
  return column !== undefined && isNumberType(column.typeOid) ? pad + cell : cell + pad;
}

function centre(text: string, width: number): string {
  const spare = Math.max(0, width - displayWidth(text));
  const left = Math.floor(spare / 2);
  return ' '.repeat(left) + text + ' '.repeat(spare - left);
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Columns a text takes on a terminal: wide characters two, combining marks none (Unicode UAX 11, near enough for tables). */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{Mark}/u.test(character)) continue;
    width += wide.test(character) ? 2 : 1;
  }
  return width;
}
