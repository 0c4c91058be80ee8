import xterm from '@xterm/headless';
import { insideOf } from './inside.js';
import { CharacterWidths } from './widths.js';

/** Sequences that are done as often as their number says: insert, delete and scroll lines, tabulate, repeat. */
const repeating = 'LMSTIZb';

/**
 * A terminal in memory. Whoever writes to it can neither keep it at work with one sequence ("scroll two thousand million
 * lines") nor fill the memory with one cell.
 */
export function openTerminal(size: {
  readonly cols: number;
  readonly rows: number;
  readonly scrollback: number;
}): xterm.Terminal {
  const terminal = new xterm.Terminal({
    ...size,
    allowProposedApi: true,
    logLevel: 'off',
    windowOptions: { pushTitle: true, popTitle: true },
  });
  terminal.unicode.register(new CharacterWidths());
  terminal.unicode.activeVersion = 'sluice';
  const { _parser: parser } = insideOf(terminal)._inputHandler;
  for (const final of repeating) {
    parser.registerCsiHandler({ final }, ({ params }) => {
      // More than there are rows, or cells in a row, does nothing more. What is left is the emulator's own work.
      const most = 'LMST'.includes(final) ? terminal.rows : terminal.cols;
      params[0] = Math.min(params[0] ?? 0, most);
      return false;
    });
  }
  return terminal;
}
