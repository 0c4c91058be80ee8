/**
 * Text from elsewhere, made safe to show: control characters become visible escapes, so that a value from a database
 * cannot move the cursor, set the title or write the clipboard (ECMA-48 C0 and C1, and bidirectional overrides).
 */
export function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\t') return '\\t';
    if (character === '\r') return '\\r';
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** As `plain`, but keeps line breaks and tabs: for text shown as a block. */
export function plainBlock(text: string): string {
  return text
    .replace(/\r\n/g, '\n')
    .split('\n')
    .map((line) => line.split('\t').map(plain).join('  '))
    .join('\n');
}

/** Everything on one line, white space folded, at most `width` columns. */
export function oneLine(text: string, width: number): string {
  const folded = plain(text.replace(/\s+/g, ' ').trim());
  return folded.length <= width ? folded : `${folded.slice(0, Math.max(0, width - 1))}…`;
}
