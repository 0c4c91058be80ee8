/** A plain constant in a text: where it stands, in UTF-16 units, quotes included. */
export interface PlainConstant {
  readonly start: number;
  readonly end: number;
  readonly kind: 'integer' | 'text';
}

/** A text with its plain constants taken out: what is left is the same for texts that differ in them alone. */
export interface Shape {
  readonly rest: string;
  readonly constants: readonly PlainConstant[];
}

const maxText = 8 * 1024;
const maxConstants = 64;
/** What stands in `rest` for a constant; no text with such a character has a shape. */
const place = { integer: '\u0001', text: '\u0002' } as const;

/**
 * Finds the decimal integers of up to nine digits and the strings in plain quotes, for texts that need no more than this to
 * be cut into tokens as PostgreSQL's own lexer does (scan.l): whatever has a comment, a backslash, a dollar sign or a
 * character that is not printed has no shape, and an integer touches nothing that could make it part of another token.
 * The rest decides how the lexer gets to a constant, and behind one it is where it would be behind any other of its kind;
 * so texts with the same rest are the same tokens, constants apart.
 */
export function shapeOf(sql: string): Shape | null {
  const { length } = sql;
  if (length > maxText) return null;
  const constants: PlainConstant[] = [];
  let rest = '';
  let copied = 0;
  for (let at = 0; at < length; at++) {
    const code = sql.charCodeAt(at);
    let end = at;
    if (code === quote) {
      end = behindQuoted(sql, at, quote);
      if (end === 0) return null;
      // E'…', B'…', U&'…' and the like are other tokens.
      if (isWordPart(sql.charCodeAt(at - 1)) || sql.charCodeAt(at - 1) === ampersand) return null;
    } else if (code === doubleQuote) {
      const behind = behindQuoted(sql, at, doubleQuote);
      if (behind === 0 || sql.charCodeAt(at - 1) === ampersand) return null;
      at = behind - 1;
      continue;
    } else if (code >= zero && code <= nine) {
      while (isDigit(sql.charCodeAt(end))) end++;
      const isPlain = !isNumberPart(sql.charCodeAt(at - 1)) && !isNumberPart(sql.charCodeAt(end)) && end - at < 10;
      if (!isPlain) {
        at = end - 1;
        continue;
      }
    } else if (!isOrdinary(code, sql.charCodeAt(at + 1))) return null;
    else continue;
    if (constants.length === maxConstants) return null;
    const kind = code === quote ? 'text' : 'integer';
    constants.push({ start: at, end, kind });
    rest += sql.slice(copied, at) + place[kind];
    copied = end;
    at = end - 1;
  }
  return constants.length === 0 ? null : { rest: rest + sql.slice(copied), constants };
}

const quote = 0x27;
const doubleQuote = 0x22;
const ampersand = 0x26;
const zero = 0x30;
const nine = 0x39;
const dollar = 0x24;
const dash = 0x2d;
const slash = 0x2f;
const asterisk = 0x2a;
const backslash = 0x5c;
const underscore = 0x5f;
const dot = 0x2e;

/** Behind the closing quote; 0 when there is none, or something between that is read in another way. */
function behindQuoted(sql: string, start: number, by: number): number {
  for (let at = start + 1; at < sql.length; at++) {
    const code = sql.charCodeAt(at);
    if (code === by) {
      if (sql.charCodeAt(at + 1) !== by) return at + 1;
      at++;
    } else if (code === backslash || !isPrinted(code)) return 0;
  }
  return 0;
}

function isOrdinary(code: number, next: number): boolean {
  if (code === dollar || code === backslash) return false;
  if (code === dash && next === dash) return false;
  if (code === slash && next === asterisk) return false;
  return isPrinted(code);
}

/** Neither a control character other than white space, nor half of a pair (which needs a check of its own). */
function isPrinted(code: number): boolean {
  if (code < 0x20) return code === 0x0a || code === 0x0d || code === 0x09;
  return code < 0x7f || (code >= 0xa0 && code < 0xd800) || (code >= 0xe000 && code < 0xfffe);
}

function isDigit(code: number): boolean {
  return code >= zero && code <= nine;
}

/** What may go on in a word: letters of any kind, digits, underscore, dollar. NaN, outside the text, is none. */
function isWordPart(code: number): boolean {
  return (
    isDigit(code) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a) ||
    code === underscore ||
    code === dollar ||
    code >= 0x80
  );
}

function isNumberPart(code: number): boolean {
  return isWordPart(code) || code === dot;
}
