import { commentEnd, lineCommentEnd, literalEnd, quotedEnd } from './sql-literals.js';

/** Words that begin a line of their own, at the level of a query. */
const clauses = new Set(
  'select from where group order having limit offset values set returning union intersect except window fetch'.split(
    ' ',
  ),
);
const joins = new Set(['join', 'left', 'right', 'inner', 'full', 'cross', 'natural']);
const word = /[\p{L}_\u0080-\uffff][\p{L}\p{N}_$\u0080-\uffff]*/uy;
const space = /\s+/y;

interface Token {
  readonly text: string;
  readonly kind: 'word' | 'comment' | 'open' | 'close' | 'other';
  /** Something stood between it and the one before. */
  readonly spaced: boolean;
}

/** A statement with a line for each clause and condition. Tokens and comments stay as they were sent, in their order. */
export function layOut(text: string): string {
  const tokens = tokensOf(text.trim());
  const levels: { readonly isQuery: boolean; between: boolean }[] = [{ isQuery: true, between: false }];
  let out = '';
  let isBehindComment = false;
  const line = (more = 0): void => {
    const indent = '  '.repeat(levels.filter(({ isQuery }) => isQuery).length - 1);
    out = `${out.trimEnd()}\n${indent}${' '.repeat(more)}`;
  };
  tokens.forEach((token, index) => {
    const level = levels.at(-1) ?? { isQuery: true, between: false };
    const lower = token.kind === 'word' ? token.text.toLowerCase() : '';
    const before = tokens[index - 1]?.text.toLowerCase() ?? '';
    if (isBehindComment) line();
    else if (index > 0 && level.isQuery && breaksAt(lower, before, level))
      line(lower === 'and' || lower === 'or' ? 2 : 0);
    else if (token.spaced && !out.endsWith('\n')) out += ' ';
    if (lower === 'between') level.between = true;
    else if (lower === 'and') level.between = false;
    if (token.kind === 'close' && levels.length > 1) levels.pop();
    out += token.text;
    if (token.kind === 'open') {
      const next = tokens[index + 1]?.text.toLowerCase() ?? '';
      levels.push({ isQuery: ['select', 'with', 'insert', 'update', 'delete'].includes(next), between: false });
    }
    if (token.text === ';' && levels.length === 1 && index + 1 < tokens.length) line();
    isBehindComment = token.kind === 'comment' && token.text.startsWith('--');
  });
  return out
    .split('\n')
    .map((part) => part.trimEnd())
    .join('\n');
}

function breaksAt(lower: string, before: string, level: { readonly between: boolean }): boolean {
  if (lower === 'and') return !level.between;
  if (lower === 'or') return true;
  if (lower === 'conflict' || (lower === 'from' && (before === 'delete' || before === 'distinct'))) return false;
  if (joins.has(lower)) return !joins.has(before) && before !== 'outer';
  return clauses.has(lower) && before !== 'for' && before !== '(';
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let spaced = false;
  for (let at = 0; at < text.length;) {
    space.lastIndex = at;
    const blank = space.exec(text)?.[0] ?? '';
    if (blank !== '') {
      spaced = true;
      at += blank.length;
      continue;
    }
    const { end, kind } = tokenAt(text, at);
    tokens.push({ text: text.slice(at, end), kind, spaced });
    spaced = false;
    at = end;
  }
  return tokens;
}

function tokenAt(text: string, at: number): { readonly end: number; readonly kind: Token['kind'] } {
  if (text.startsWith('--', at)) return { end: lineCommentEnd(text, at), kind: 'comment' };
  if (text.startsWith('/*', at)) return { end: commentEnd(text, at), kind: 'comment' };
  if (text[at] === '"') return { end: quotedEnd(text, at), kind: 'other' };
  if (text[at] === '(') return { end: at + 1, kind: 'open' };
  if (text[at] === ')') return { end: at + 1, kind: 'close' };
  word.lastIndex = at;
  const name = word.exec(text)?.[0] ?? '';
  const literal = literalEnd(text, at);
  // A prefix such as E'…' looks like a word.
  if (literal !== null && (name === '' || literal > at + name.length)) return { end: literal, kind: 'other' };
  if (name !== '') return { end: at + name.length, kind: 'word' };
  const parameter = /\$\d+/y;
  parameter.lastIndex = at;
  const position = parameter.exec(text)?.[0] ?? '';
  return { end: at + Math.max(1, position.length, (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1), kind: 'other' };
}
