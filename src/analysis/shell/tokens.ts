/** A word as the shell would read it. */
export interface Word {
  readonly kind: 'word';
  /** Quotes removed; expansions stand as they were written. */
  readonly text: string;
  /** The value is not in the text: an expansion, a pattern, a brace list. */
  readonly dynamic: boolean;
  /** Any part was quoted, so it is no reserved word. */
  readonly quoted: boolean;
  /** Begins with an unquoted `NAME=`. */
  readonly assignment: boolean;
  /** Texts of command substitutions in it, each a program of its own. */
  readonly nested: readonly string[];
}
export interface Operator {
  readonly kind: 'operator';
  readonly text: string;
}
export type Token = Word | Operator;

/** The text is no program that this reader understands; whatever a shell would make of it is unknown. */
export class ShellSyntaxError extends Error {}

const operators = [
  ...['<<<', '<<-', '&>>', ';;&', '&&', '||', ';;', ';&', '|&', '<<', '>>', '<&', '>&', '<>', '>|', '&>'],
  ...[';', '|', '&', '<', '>', '(', ')', '\n'],
];
const patternMarks = new Set(['*', '?', '[']);
/** Parameters whose value is a number that the shell itself keeps. */
const harmless = /^\$[?#$!]/;
const maxTokens = 4_000;

/** Cuts a shell text into words and operators (POSIX.1-2017 Shell 2.3, with Bash's operators). */
export function tokenise(text: string): readonly Token[] {
  return new Lexer(text).all();
}

class Lexer {
  readonly #text: string;
  readonly #tokens: Token[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  all(): readonly Token[] {
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at] ?? '';
      if (character === ' ' || character === '\t') this.#at++;
      else if (this.#text.startsWith('\\\n', this.#at)) this.#at += 2;
      else if (character === '#') this.#skipComment();
      else this.#operator();
      if (this.#tokens.length > maxTokens) throw new ShellSyntaxError('too many words');
    }
    return this.#tokens;
  }

  #skipComment(): void {
    const end = this.#text.indexOf('\n', this.#at);
    this.#at = end < 0 ? this.#text.length : end;
  }

  #operator(): void {
    const rest = this.#text.slice(this.#at, this.#at + 3);
    // `<(…)` and `>(…)` are words: process substitution.
    const substitution = rest.startsWith('<(') || rest.startsWith('>(');
    const found = substitution ? undefined : operators.find((operator) => rest.startsWith(operator));
    if (found === undefined) {
      const word = this.#word();
      // `2>file`: the number belongs to the redirection.
      const next = this.#text[this.#at];
      const isNumber = /^\d+$/.test(word.text) && !word.quoted && (next === '<' || next === '>');
      if (!isNumber) this.#tokens.push(word);
    } else {
      // A here-document's text follows on later lines; nobody here reads those as what they are.
      if (found === '<<' || found === '<<-') throw new ShellSyntaxError('a here-document');
      this.#tokens.push({ kind: 'operator', text: found });
      this.#at += found.length;
    }
  }

  #word(): Word {
    let value = '';
    let dynamic = false;
    let quoted = false;
    const nested: string[] = [];
    const start = this.#at;
    for (let character = this.#text[this.#at]; character !== undefined; character = this.#text[this.#at]) {
      if (character === '\\') {
        const next = this.#text[this.#at + 1];
        if (next === undefined) throw new ShellSyntaxError('ends with a backslash');
        if (next !== '\n') value += next;
        quoted = true;
        this.#at += 2;
      } else if (character === "'") {
        value += this.#until("'");
        quoted = true;
      } else if (character === '"') {
        const part = this.#doubleQuoted(nested);
        value += part.text;
        dynamic ||= part.dynamic;
        quoted = true;
      } else if (character === '$' || character === '`') {
        const part = this.#expansion(nested);
        value += part.text;
        dynamic ||= part.dynamic;
      } else if ((character === '<' || character === '>') && this.#text[this.#at + 1] === '(') {
        if (this.#at > start) break;
        const inner = this.#parenthesised(this.#at + 1);
        nested.push(inner);
        value += `${character}(${inner})`;
        dynamic = true;
      } else if (/[\s;|&<>()]/.test(character)) break;
      else {
        dynamic ||= patternMarks.has(character) || (character === '{' && this.#bracesAt());
        value += character;
        this.#at++;
      }
    }
    // `[` alone is a program, `?` and `*` alone are patterns.
    if (value === '[' || value === '[[') dynamic = false;
    const assignment = /^[A-Za-z_][A-Za-z0-9_]*\+?=/.test(this.#text.slice(start, start + 300));
    return { kind: 'word', text: value, dynamic, quoted, assignment, nested };
  }

  /** `{a,b}` or `{1..9}`: one word becomes several. */
  #bracesAt(): boolean {
    return /^\{[^\s{}]*(?:,|\.\.)[^\s{}]*\}/.test(this.#text.slice(this.#at, this.#at + 200));
  }

  /** Reads from an opening quote to its end, without escapes. */
  #until(quote: string): string {
    const end = this.#text.indexOf(quote, this.#at + 1);
    if (end < 0) throw new ShellSyntaxError(`a ${quote} without its end`);
    const inner = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return inner;
  }

  #doubleQuoted(nested: string[]): { readonly text: string; readonly dynamic: boolean } {
    let value = '';
    let dynamic = false;
    this.#at++;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) throw new ShellSyntaxError('a " without its end');
      if (character === '"') {
        this.#at++;
        return { text: value, dynamic };
      }
      if (character === '\\' && /["\\$`\n]/.test(this.#text[this.#at + 1] ?? '')) {
        if (this.#text[this.#at + 1] !== '\n') value += this.#text[this.#at + 1] ?? '';
        this.#at += 2;
      } else if (character === '`' || (character === '$' && !/["\s]/.test(this.#text[this.#at + 1] ?? ' '))) {
        const part = this.#expansion(nested);
        value += part.text;
        dynamic ||= part.dynamic;
      } else {
        value += character;
        this.#at++;
      }
    }
  }

  /** At `$` or a backquote. */
  #expansion(nested: string[]): { readonly text: string; readonly dynamic: boolean } {
    const start = this.#at;
    if (this.#text[start] === '`') {
      const inner = this.#backquoted();
      nested.push(inner);
      return { text: this.#text.slice(start, this.#at), dynamic: true };
    }
    const next = this.#text[start + 1] ?? '';
    if (next === '(') {
      const arithmetic = this.#text.startsWith('((', start + 1);
      const inner = this.#parenthesised(start + 1);
      // Arithmetic may hold substitutions too; as a program it parses or it does not, and is dynamic either way.
      if (!arithmetic) nested.push(inner);
      return { text: this.#text.slice(start, this.#at), dynamic: true };
    }
    if (next === '{') {
      // With quotes or substitutions inside, where it ends depends on the shell.
      const whole = /^\$\{[#!]?[A-Za-z0-9_@*?$-]+(?:[:=+?#%/^,-][^'"\\$`{}]*)?\}/.exec(this.#text.slice(start))?.[0];
      if (whole === undefined) throw new ShellSyntaxError('${…}');
      this.#at += whole.length;
      return { text: whole, dynamic: true };
    }
    // $'…' and $"…" mean different things to different shells.
    if (next === "'" || next === '"') throw new ShellSyntaxError('a $ before a quote');
    const name = /^\$(?:[A-Za-z_][A-Za-z0-9_]*|[0-9?#$!@*-])/.exec(this.#text.slice(start, start + 300))?.[0];
    this.#at += name?.length ?? 1;
    return { text: name ?? '$', dynamic: name !== undefined && !harmless.test(name) };
  }

  #backquoted(): string {
    let inner = '';
    this.#at++;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) throw new ShellSyntaxError('a ` without its end');
      if (character === '`') {
        this.#at++;
        return inner;
      }
      const escaped = character === '\\' && /[$`\\]/.test(this.#text[this.#at + 1] ?? '');
      inner += escaped ? (this.#text[this.#at + 1] ?? '') : character;
      this.#at += escaped ? 2 : 1;
    }
  }

  /** At an opening parenthesis: what is inside, quotes respected. */
  #parenthesised(open: number): string {
    let depth = 0;
    for (let index = open; index < this.#text.length; index++) {
      const character = this.#text[index];
      if (character === '\\') index++;
      else if (character === "'" || character === '"') {
        index = this.#skipQuoted(index);
      } else if (character === '(') depth++;
      else if (character === ')' && --depth === 0) {
        this.#at = index + 1;
        return this.#text.slice(open + 1, index);
      }
    }
    throw new ShellSyntaxError('a ( without its end');
  }

  /** The index of the closing quote. */
  #skipQuoted(open: number): number {
    const quote = this.#text[open];
    for (let index = open + 1; index < this.#text.length; index++) {
      if (quote === '"' && this.#text[index] === '\\') index++;
      else if (this.#text[index] === quote) return index;
    }
    throw new ShellSyntaxError(`a ${quote} without its end`);
  }
}
