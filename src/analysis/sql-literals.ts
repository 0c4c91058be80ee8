/** A stretch of a text, in UTF-16 units: [start, end). */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

const number =
  /(?:0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?)/y;
const word = /[\p{L}_\u0080-\uffff][\p{L}\p{N}_$\u0080-\uffff]*/uy;
const prefixed = /(?:[eE]|[bB]|[xX]|[nN]|[uU]&)(?=')/y;
const boolean = /^(true|false)$/i;
const dollar = /\$(?:[\p{L}_\u0080-\uffff][\p{L}\p{N}_\u0080-\uffff]*)?\$/uy;
const newline = /[\n\r]/;

/** Where the constant that begins at `start` ends; null when none begins there. PostgreSQL 4.1.2. */
export function literalEnd(text: string, start: number): number | null {
  const prefix = match(prefixed, text, start);
  const quote = start + prefix.length;
  if (text[quote] === "'") return stringEnd(text, quote, /^e$/i.test(prefix));
  const tag = match(dollar, text, start);
  if (tag !== '') {
    const end = text.indexOf(tag, start + tag.length);
    return end === -1 ? text.length : end + tag.length;
  }
  const digits = match(number, text, start);
  if (digits !== '') return start + digits.length;
  const name = match(word, text, start);
  return boolean.test(name) ? start + name.length : null;
}

/** Every constant in a text, read by PostgreSQL's rules for tokens with `standard_conforming_strings` on. */
export function allLiterals(text: string): readonly Stretch[] {
  const found: Stretch[] = [];
  for (let at = 0; at < text.length;) {
    const rest = text.slice(at, at + 2);
    if (rest === '--') at = lineCommentEnd(text, at);
    else if (rest === '/*') at = commentEnd(text, at);
    else if (text[at] === '"') at = quotedEnd(text, at);
    else {
      const name = match(prefixed, text, at) === '' ? match(word, text, at) : '';
      const parameter = match(/\$\d+/y, text, at);
      const isWord = name !== '' && !boolean.test(name);
      const end = isWord || parameter !== '' ? null : literalEnd(text, at);
      if (end !== null) found.push({ start: at, end });
      at = end ?? at + Math.max(1, name.length, parameter.length);
    }
  }
  return found;
}

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

function stringEnd(text: string, quote: number, escapes: boolean): number {
  for (let at = quote + 1; at < text.length; at++) {
    if (escapes && text[at] === '\\') at++;
    else if (text[at] === "'") {
      if (text[at + 1] === "'") at++;
      else {
        const more = continuation(text, at + 1);
        if (more === null) return at + 1;
        at = more;
      }
    }
  }
  return text.length;
}

/** The quote with which a string goes on in another line, comments in between or not. PostgreSQL 4.1.2.1, scan.l. */
function continuation(text: string, from: number): number | null {
  let isOtherLine = false;
  for (let at = from; at < text.length;) {
    const char = text[at] ?? '';
    if (char === "'") return isOtherLine ? at : null;
    if (text.startsWith('--', at)) at = lineCommentEnd(text, at);
    else if (/[ \t\f\v\n\r]/.test(char)) {
      isOtherLine ||= newline.test(char);
      at++;
    } else return null;
  }
  return null;
}

/** Behind a comment in dashes, at the end of its line; the server ends lines at a carriage return as well. */
export function lineCommentEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && !newline.test(text[at] ?? '')) at++;
  return at;
}

/** Behind a quoted identifier. */
export function quotedEnd(text: string, quote: number): number {
  const end = text.indexOf('"', quote + 1);
  return end === -1 ? text.length : end + 1;
}

/** Behind a comment in slashes; they nest. */
export function commentEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text.startsWith('/*', at)) {
      depth++;
      at++;
    } else if (text.startsWith('*/', at)) {
      at++;
      if (--depth === 0) return at + 1;
    }
  }
  return text.length;
}
