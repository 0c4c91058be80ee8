import type { IBufferCell } from '@xterm/headless';
import type { ReplayedTerminal } from '../../lib/terminal/replayed.js';
import { drawable } from '../../recording/playback/escape.js';

/** The part of a terminal that fits into a smaller one. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly columns: number;
  readonly rows: number;
}

const reset = '\u001b[0m';

/** What of a terminal's screen a window shows, row by row: letters, colours and our own cursor moves, nothing else. */
export function paintRows(terminal: ReplayedTerminal, window: Window, colored: boolean): readonly string[] {
  return Array.from({ length: Math.min(window.rows, terminal.rows - window.top) }, (_, y) =>
    paintRow(terminal, window.top + y, window, colored),
  );
}

function paintRow(terminal: ReplayedTerminal, y: number, { left, columns }: Window, colored: boolean): string {
  const row = terminal.row(y);
  let painted = '';
  let style = reset;
  const right = Math.min(left + columns, terminal.columns);
  for (let x = left; x < right; x++) {
    const cell = row?.getCell(x);
    if (cell === undefined) break;
    const width = cell.getWidth();
    // The second half of a wide character is painted with the first; at the window's edges there may be one half alone.
    if (width === 0 && x > left && row?.getCell(x - 1)?.getWidth() === 2) continue;
    const isWhole = width === 1 || (width === 2 && x + 1 < right);
    const text = isWhole ? lettersOf(cell) : ' ';
    const wanted = styleOf(cell, colored);
    if (wanted !== style) painted += wanted;
    style = wanted;
    painted += text;
    // How wide the reviewer's terminal takes it to be must not matter for what follows.
    // oxlint-disable-next-line no-control-regex -- what is asked is whether it is anything but printable ASCII
    if (!/^[ -~]$/.test(text)) painted += `\u001b[${x - left + width + 1}G`;
  }
  return `${painted}${style === reset ? '' : reset}`;
}

function lettersOf(cell: IBufferCell): string {
  const letters = cell.getChars();
  if (letters === '') return ' ';
  return drawable(letters) || '\ufffd';
}

/** SGR, from nothing (ECMA-48 8.3.117, and xterm's colours). */
function styleOf(cell: IBufferCell, colored: boolean): string {
  const codes = [0];
  if (cell.isBold()) codes.push(1);
  if (cell.isDim()) codes.push(2);
  if (cell.isItalic()) codes.push(3);
  if (cell.isUnderline()) codes.push(4);
  if (cell.isBlink()) codes.push(5);
  if (cell.isInverse()) codes.push(7);
  if (cell.isInvisible()) codes.push(8);
  if (cell.isStrikethrough()) codes.push(9);
  if (cell.isOverline()) codes.push(53);
  if (colored) {
    const [fgMode, bgMode] = [cell.getFgColorMode(), cell.getBgColorMode()];
    codes.push(...colorCodes(cell.getFgColor(), fgMode, 30), ...colorCodes(cell.getBgColor(), bgMode, 40));
  }
  return `\u001b[${codes.join(';')}m`;
}

/** As the emulator tells them apart: a terminal's own colours are not the first of its 256. */
const colorModes = { ownSixteen: 1 << 24, palette: 2 << 24, rgb: 3 << 24 };

function colorCodes(color: number, mode: number, base: 30 | 40): readonly number[] {
  switch (mode) {
    case colorModes.ownSixteen:
      return [color < 8 ? base + color : base + 60 + color - 8];
    case colorModes.palette:
      return [base + 8, 5, color];
    case colorModes.rgb:
      return [base + 8, 2, (color >> 16) & 255, (color >> 8) & 255, color & 255];
    default:
      return [];
  }
}
