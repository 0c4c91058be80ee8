import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ReplayedTerminal } from '../../../src/lib/terminal/replayed.js';
import { TerminalFilter } from '../../../src/recording/playback/terminal-filter.js';
import { terminalStream } from '../../support/terminal-stream.js';

/** Both screens and the cursor, as they stand. */
function drawn(pieces: readonly Uint8Array[]): unknown {
  const terminal = ReplayedTerminal.open(30, 12);
  for (const piece of pieces) terminal?.write(piece);
  const { x, y, isHidden } = terminal?.cursor ?? {};
  const rows = Array.from({ length: 12 }, (_, row) => {
    const line = terminal?.row(row);
    return Array.from({ length: 30 }, (__, column) => {
      const cell = line?.getCell(column);
      return [
        cell?.getChars(),
        cell?.getWidth(),
        cell?.getFgColor(),
        cell?.getBgColor(),
        cell?.isBold(),
        cell?.isInverse(),
      ];
    });
  });
  return { x, y, isHidden, rows };
}

it('lets everything through that draws: a screen is the same, wherever its bytes are cut', () => {
  fc.assert(
    fc.property(terminalStream, fc.nat(), (stream, at) => {
      const cut = at % (stream.length + 1);
      const filter = new TerminalFilter({ isForScreen: true });
      const pieces = [stream.subarray(0, cut), stream.subarray(cut)];
      const filtered = pieces.map((piece) => Buffer.from(filter.push(piece)));
      expect(drawn(filtered)).toEqual(drawn([stream]));
      // oxlint-disable-next-line no-control-regex -- strings, and questions to a terminal
      expect(Buffer.concat(filtered).toString()).not.toMatch(/\u001b[\]PX^_]|\u001b\[[\d;?>]*[cnqt]/);
    }),
    { numRuns: 300, examples: [[Buffer.from('a\u001b]52;c;b3duZWQ=\u0007\u001b[b'), 0]] },
  );
});
