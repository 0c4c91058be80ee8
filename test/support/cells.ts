import xterm from '@xterm/headless';

/** Every cell of a terminal's screen with its colours, and the cursor, as a terminal of this size draws the text. */
export async function cellsOf(
  text: string,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): Promise<readonly string[]> {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  await new Promise<void>((resolve) => terminal.write(text, resolve));
  const { active } = terminal.buffer;
  const lines = Array.from({ length: rows }, (_, y) => {
    let line = '';
    let last = '';
    for (let x = 0; x < columns; x++) {
      const cell = active.getLine(active.baseY + y)?.getCell(x);
      if (cell === undefined) continue;
      const text = cell.getChars() || (cell.getWidth() === 0 ? '' : ' ');
      // Of a blank only the ground is seen.
      const isSeen = text.trim() !== '' || cell.isInverse() !== 0 || cell.isUnderline() !== 0;
      const letters = isSeen ? [cell.getFgColor(), cell.isBold(), cell.isInverse(), cell.isUnderline()] : [-1, 0, 0, 0];
      const style = [cell.getBgColor(), ...letters].join();
      line += `${style === last ? '' : `<${style}>`}${text}`;
      last = style;
    }
    return line;
  });
  const cursor = `${active.type} ${active.cursorX} ${active.cursorY}`;
  terminal.dispose();
  return [...lines, cursor];
}
