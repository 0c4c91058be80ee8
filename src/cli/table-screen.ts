import Table from 'cli-table3';
import type { styleText } from 'node:util';
import { plain } from './plain.js';
import { cellText, type Cell } from './table.js';

type Style = Parameters<typeof styleText>[0];
export interface TableOptions {
  readonly width: number;
  readonly paint: (style: Style, text: string) => string;
}

const borders = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** A table for a terminal: values cut with "…" where the row would not fit; colour only for the header. */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions,
): string {
  const cells = rows.map((row) => header.map((_, index) => plain(cellText(row[index]))));
  const widths = fit(
    header.map((name, index) => Math.max(name.length, ...cells.map((row) => row[index]?.length ?? 0))),
    header.map((name) => Math.max(name.length, 8)),
    options.width - 2 * (header.length - 1),
  );
  const table = new Table({
    head: header.map((name) => options.paint(['bold'], name)),
    colWidths: widths.map((width, index) => (index === widths.length - 1 ? width : width)),
    chars: borders,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...cells);
  return `${table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`;
}

/** Takes columns from the widest first until the sum fits, none below its least width. */
function fit(widths: readonly number[], least: readonly number[], total: number): number[] {
  const fitted = [...widths];
  for (let over = fitted.reduce((sum, width) => sum + width, 0) - total; over > 0; over--) {
    let widest = -1;
    for (const [index, width] of fitted.entries())
      if (width > (least[index] ?? 0) && (widest < 0 || width > (fitted[widest] ?? 0))) widest = index;
    if (widest < 0) break;
    fitted[widest] = (fitted[widest] ?? 1) - 1;
  }
  return fitted.map((width) => Math.max(1, width));
}
