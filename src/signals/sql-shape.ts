/** What begins here, longest first. Anything that none of these matches makes the whole text unsure. */
const tokens =
  /(?<space>\s+|--[^\n\r]*)|(?<open>\/\*)|(?<escape>[eE]'(?:[^'\\]|\\[^]|'')*'(?!'))|(?<string>(?:[bBxXnN]|[uU]&)?'(?:[^'\\]|'')*'(?!'))|(?<dollar>\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)|(?<parameter>\$\d+)|(?<number>(?:\d|\.\d)[\w.]*(?:(?<=[eE])[+-]\d[\w.]*)?)|(?<quoted>(?:[uU]&)?"(?:[^"]|"")*"(?!"))|(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?<mark>[-+*/<>=~!@#%^&|`?.,;:()[\]{}])/y;

const maxShown = 500;
/** More digits than a name has: a number in disguise. */
const digitsInName = /\d{5}/;

/**
 * A SQL statement without its literals and comments, on one line: what is being done, with none of the values it is done
 * with. Null when any of it cannot be told for sure, a backslash or an open quote among them: then nothing is shown.
 */
export function sqlShape(text: string): string | null {
  const shown: string[] = [];
  for (let at = 0; at < text.length;) {
    tokens.lastIndex = at;
    const groups = tokens.exec(text)?.groups;
    if (groups === undefined) return null;
    at = tokens.lastIndex;
    if (groups['open'] !== undefined) {
      at = endOfComment(text, at);
      if (at === -1) return null;
      shown.push(' ');
    } else if (groups['dollar'] !== undefined) {
      const end = text.indexOf(groups['dollar'], at);
      if (end === -1) return null;
      at = end + groups['dollar'].length;
      shown.push('?');
    } else shown.push(shownAs(groups));
  }
  const line = shown.join('').replace(/\s+/g, ' ').trim();
  return line.length > maxShown ? `${line.slice(0, maxShown)}…` : line;
}

function shownAs({ space, parameter, quoted, word, mark }: Readonly<Record<string, string>>): string {
  if (space !== undefined) return ' ';
  if (word !== undefined) return digitsInName.test(word) ? '…' : word;
  if (quoted !== undefined) return /^"\w{1,63}"$/.test(quoted) && !digitsInName.test(quoted) ? quoted : '"…"';
  return parameter ?? mark ?? '?';
}

/** Comments nest (PostgreSQL 4.1.5). */
function endOfComment(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    const two = text.slice(at, at + 2);
    if (two === '/*') depth++;
    else if (two === '*/') depth--;
    else continue;
    at++;
    if (depth === 0) return at + 1;
  }
  return -1;
}
