import { ShellSyntaxError, tokenise, type Token, type Word } from './tokens.js';

/** One simple command of a text: what runs, with what, on which files. */
export interface SimpleCommand {
  readonly words: readonly Word[];
  /** `NAME=value` before the program. */
  readonly assignments: readonly Word[];
  /** Files of redirections. */
  readonly files: readonly Word[];
  /** Those of them that are written, or made. */
  readonly written: readonly Word[];
  /** It reads what the command before it wrote. */
  readonly piped: boolean;
  /** It reads a text that stands here (`<<<`). */
  readonly fed: boolean;
}

const reserved = new Set([
  ...['if', 'then', 'elif', 'else', 'fi', 'while', 'until', 'do', 'done', '{', '}', '!', 'time', 'coproc'],
]);
const maxCommands = 200;
const maxDepth = 16;

/** Every simple command of a shell text, also inside of substitutions. Throws ShellSyntaxError for what it cannot read. */
export function readCommands(text: string, depth = 0): readonly SimpleCommand[] {
  if (depth > maxDepth) throw new ShellSyntaxError('nested too deeply');
  const found: SimpleCommand[] = [];
  const tokens = tokenise(text);
  balance(tokens);
  let draft = emptyDraft(false);
  const finish = (piped: boolean): void => {
    if (!isEmpty(draft)) found.push(draft);
    draft = emptyDraft(piped);
  };
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index];
    if (token === undefined) break;
    if (token.kind === 'operator') {
      const { text: operator } = token;
      if (isRedirection(operator)) {
        const target = tokens[++index];
        if (target?.kind !== 'word') throw new ShellSyntaxError('a redirection to nothing');
        if (operator === '<<<') draft.fed = true;
        else if (!/^(\d+|-)$/.test(target.text) || !operator.includes('&')) {
          draft.files.push(target);
          if (operator.includes('>')) draft.written.push(target);
        }
        collect(target, found, depth);
      } else finish(operator === '|' || operator === '|&');
      continue;
    }
    collect(token, found, depth);
    if (draft.words.length > 0) draft.words.push(token);
    else if (!token.quoted && reserved.has(token.text)) continue;
    else if (!token.quoted && ['for', 'case', 'select', 'function', '[['].includes(token.text)) {
      // What these bind or compare decides what runs later.
      throw new ShellSyntaxError(`"${token.text}"`);
    } else if (token.assignment) draft.assignments.push(token);
    else draft.words.push(token);
    if (found.length > maxCommands) throw new ShellSyntaxError('too many commands');
  }
  finish(false);
  return found;
}

interface Draft {
  words: Word[];
  assignments: Word[];
  files: Word[];
  written: Word[];
  piped: boolean;
  fed: boolean;
}

function emptyDraft(piped: boolean): Draft {
  return { words: [], assignments: [], files: [], written: [], piped, fed: false };
}

function isEmpty(draft: Draft): boolean {
  return draft.words.length === 0 && draft.assignments.length === 0 && draft.files.length === 0;
}

function isRedirection(operator: string): boolean {
  return operator.startsWith('<') || operator.startsWith('>') || operator.startsWith('&>');
}

function collect(word: Word, found: SimpleCommand[], depth: number): void {
  for (const inner of word.nested) found.push(...readCommands(inner, depth + 1));
}

/** A `()` after a word defines a function; parentheses must close. */
function balance(tokens: readonly Token[]): void {
  let depth = 0;
  tokens.forEach((token, index) => {
    if (token.kind !== 'operator') return;
    if (token.text === '(') {
      depth++;
      const before = tokens[index - 1];
      if (before?.kind === 'word' && !(reserved.has(before.text) && !before.quoted))
        throw new ShellSyntaxError('a function');
    } else if (token.text === ')' && --depth < 0) throw new ShellSyntaxError('a ) without its beginning');
  });
  if (depth !== 0) throw new ShellSyntaxError('a ( without its end');
}
