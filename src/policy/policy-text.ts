/** One policy of a file, as it stands there. */
export interface PolicySource {
  readonly file: string;
  /** Counts from 1 within the file. */
  readonly index: number;
  readonly text: string;
  /** Where `text` begins in the file, in UTF-16 units. */
  readonly offset: number;
  readonly tokens: readonly Token[];
}

/** `at` is an offset in the file, in UTF-16 units. A string's text keeps its quotes and escapes. */
export interface Token {
  readonly kind: 'word' | 'string' | 'mark';
  readonly text: string;
  readonly at: number;
}

/** `Group::"dba"` somewhere in a policy. */
export interface EntityMention {
  readonly type: string;
  readonly id: string;
  readonly at: number;
}

/**
 * Cedar's tokens (Cedar grammar: IDENT, STR, `//` comments, everything else a mark). Whatever the real parser then
 * makes of them, a `;` outside of strings and comments ends a policy. A string without an end runs to the file's.
 */
const tokenPattern =
  /\/\/[^\n\r]*|(?<string>"(?:[^"\\]|\\[^])*(?:"|\\?$))|(?<word>[A-Za-z_][A-Za-z0-9_]*)|(?<mark>::|==|!=|<=|>=|&&|\|\||[^\sA-Za-z_])/gu;

/** Splits a file into its policies. Text after the last `;` is a policy too: the parser will say what it lacks. */
export function splitPolicies(file: string, text: string): readonly PolicySource[] {
  const policies: PolicySource[] = [];
  let tokens: Token[] = [];
  const finish = (end: number): void => {
    const first = tokens[0];
    if (first !== undefined) {
      policies.push({ file, index: policies.length + 1, text: text.slice(first.at, end), offset: first.at, tokens });
    }
    tokens = [];
  };
  for (const match of text.matchAll(tokenPattern)) {
    const { string, word, mark } = match.groups ?? {};
    const found = string ?? word ?? mark;
    if (found === undefined) continue;
    tokens.push({
      kind: string !== undefined ? 'string' : word !== undefined ? 'word' : 'mark',
      text: found,
      at: match.index,
    });
    if (found === ';') finish(match.index + 1);
  }
  finish(text.length);
  return policies;
}

/** Bounds of one policy's syntax. Far above what a person writes, far below what overflows Cedar's stack. */
export const policyLimits = { nesting: 24, operators: 150, tokens: 4000 };

const operators = new Set([
  '&&',
  '||',
  '==',
  '!=',
  '<=',
  '>=',
  '<',
  '>',
  '+',
  '-',
  '*',
  '!',
  '.',
  'in',
  'has',
  'like',
  'is',
  'if',
  'then',
  'else',
]);

/**
 * Says why a policy is too deep to be parsed safely, or null. A syntax tree some 200 brackets or 400 operators deep
 * overflows the WebAssembly stack of Cedar's parser, and such an overflow corrupts the engine for every later decision:
 * the bound must hold before Cedar sees the text.
 */
export function tooComplex(policy: PolicySource): { readonly message: string; readonly at: number } | null {
  let nesting = 0;
  let used = 0;
  for (const [index, token] of policy.tokens.entries()) {
    if (token.kind === 'string') continue;
    if (token.text === '(' || token.text === '[' || token.text === '{') nesting += 1;
    else if (token.text === ')' || token.text === ']' || token.text === '}') nesting -= 1;
    if (operators.has(token.text) || token.text === '[') used += 1;
    if (nesting > policyLimits.nesting)
      return { message: `nested deeper than ${policyLimits.nesting} brackets`, at: token.at };
    if (used > policyLimits.operators)
      return { message: `more than ${policyLimits.operators} operators in one policy`, at: token.at };
    if (index > policyLimits.tokens)
      return { message: `more than ${policyLimits.tokens} words and signs in one policy`, at: token.at };
  }
  return null;
}

/** Where a second policy begins in what should be one: the author forgot the `;` before it. Null when there is none. */
export function forgottenEnd(policy: PolicySource): Token | null {
  let nesting = 0;
  let begun = false;
  for (const [index, token] of policy.tokens.entries()) {
    if (/^[([{]$/.test(token.text)) nesting += 1;
    else if (/^[)\]}]$/.test(token.text)) nesting -= 1;
    else if (
      nesting === 0 &&
      (token.text === 'permit' || token.text === 'forbid') &&
      policy.tokens[index + 1]?.text === '('
    ) {
      if (begun) return token;
      begun = true;
    }
  }
  return null;
}

/** Every entity named in the policy; ids with escapes other than `\"` and `\\` are left out. */
export function entityMentions(policy: PolicySource): readonly EntityMention[] {
  const mentions: EntityMention[] = [];
  for (const [index, token] of policy.tokens.entries()) {
    const colons = policy.tokens[index - 1];
    const type = policy.tokens[index - 2];
    if (token.kind !== 'string' || colons?.text !== '::' || type?.kind !== 'word') continue;
    const id = unquote(token.text);
    if (id !== null) mentions.push({ type: type.text, id, at: type.at });
  }
  return mentions;
}

/** Where the annotation's `@` stands, or where the policy begins. */
export function annotationAt(policy: PolicySource, name: string): number {
  const index = policy.tokens.findIndex((token, at) => token.text === '@' && policy.tokens[at + 1]?.text === name);
  return policy.tokens[index]?.at ?? policy.offset;
}

/** Turns an offset in the policy's UTF-8 bytes, as Cedar counts, into one in the file's UTF-16 units. */
export function fileOffset(policy: PolicySource, byteOffset: number): number {
  const bytes = Buffer.from(policy.text, 'utf8');
  return policy.offset + bytes.subarray(0, Math.min(byteOffset, bytes.length)).toString('utf8').length;
}

function unquote(literal: string): string | null {
  const body = literal.slice(1, -1);
  if (!body.includes('\\')) return body;
  return /^(?:[^\\]|\\["\\])*$/u.test(body) ? body.replace(/\\(["\\])/g, '$1') : null;
}
