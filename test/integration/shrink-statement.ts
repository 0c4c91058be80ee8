/** Words, texts and signs; what stands between them means nothing. */
const token = /'(?:[^']|'')*'|"[^"]*"|\w+|::|=>|\S/g;
const maxTrials = 1500;

/** The statement without what can be left out of it, so that `holds` still says yes: long pieces first. */
export async function shrunk(sql: string, holds: (sql: string) => Promise<boolean>): Promise<string> {
  let tokens: readonly string[] = sql.match(token) ?? [];
  let trials = 0;
  for (let length = tokens.length >> 1; length > 0 && trials < maxTrials;) {
    let isShorter = false;
    for (let at = 0; at + length <= tokens.length && trials < maxTrials; at++) {
      const rest = [...tokens.slice(0, at), ...tokens.slice(at + length)];
      if (!isBalanced(tokens.slice(at, at + length))) continue;
      trials++;
      if (!(await holds(rest.join(' ')))) continue;
      tokens = rest;
      isShorter = true;
    }
    if (!isShorter) length--;
    length = Math.min(length, tokens.length - 1);
  }
  return tokens.join(' ');
}

function isBalanced(tokens: readonly string[]): boolean {
  let depth = 0;
  for (const word of tokens) {
    if (word === '(') depth++;
    if (word === ')') depth--;
    if (depth < 0) return false;
  }
  return depth === 0;
}
