/** A word as a POSIX shell reads it back: quoted only where it must be. */
export function quoteForShell(text: string): string {
  return /^[A-Za-z0-9_./:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
