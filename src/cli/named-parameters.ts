import { SluiceError } from '../lib/errors.js';

export interface BoundText {
  readonly text: string;
  readonly parameters: readonly string[];
}

/**
 * `--param 1=foo` gives $1; `--param id=7` gives every `:id` outside of quotes and comments. Names become places here,
 * so the gateway judges, and reviewers see, exactly what the target gets.
 */
export function bindParameters(text: string, pairs: readonly string[]): BoundText {
  const given = pairs.map(parsePair);
  const seen = new Set<string>();
  for (const [name] of given) {
    if (seen.has(name)) throw usage(`--param ${name} is given twice.`);
    seen.add(name);
  }
  const places = given.filter(([name]) => isPlace(name));
  if (places.length > 0 && places.length < given.length)
    throw usage('--param takes places (1=…) or names (id=…), not both in one call.');
  return places.length > 0 || given.length === 0
    ? { text, parameters: byPlace(new Map(given)) }
    : byName(text, new Map(given));
}

const isPlace = (name: string): boolean => /^\d+$/.test(name);

function parsePair(pair: string): readonly [string, string] {
  const [, name = '', value = ''] = /^([A-Za-z_]\w{0,62}|[1-9]\d{0,4})=(.*)$/s.exec(pair) ?? [];
  if (name === '') throw usage(`--param expects NAME=VALUE for :NAME or PLACE=VALUE for $PLACE, not "${pair}".`);
  return [name, value];
}

function byPlace(values: ReadonlyMap<string, string>): readonly string[] {
  const parameters: string[] = [];
  for (let place = 1; place <= values.size; place++) {
    const value = values.get(String(place));
    if (value === undefined) throw usage(`--param ${place}=VALUE is missing.`);
    parameters.push(value);
  }
  return parameters;
}

/**
 * What SQL is made of, as far as it matters for finding `:name` (PostgreSQL 4.1): comments (nested ones are taken care
 * of by hand), strings, quoted names, dollar quotes, casts; and words, which may hold a dollar sign.
 */
const token =
  /--[^\n]*|\/\*|[eE]'(?:[^'\\]|\\[\s\S]|'')*'?|'(?:[^']|'')*'?|"(?:[^"]|"")*"?|\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|::|:=|:([A-Za-z_]\w*)|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|[\s\S]/g;

function byName(text: string, values: ReadonlyMap<string, string>): BoundText {
  const order: string[] = [];
  let bound = '';
  token.lastIndex = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [whole, , name] = match;
    const start = match.index;
    if (whole === '$' && /\d/.test(text[start + 1] ?? ''))
      throw usage('The text has places ($1) and names (:name); use one of them.');
    if (whole === '/*') token.lastIndex = endOfComment(text, start);
    else if (whole.startsWith('$') && whole.endsWith('$') && whole.length > 1) {
      const end = text.indexOf(whole, start + whole.length);
      token.lastIndex = end === -1 ? text.length : end + whole.length;
    } else if (name !== undefined && values.has(name)) {
      if (!order.includes(name)) order.push(name);
      bound += `$${order.indexOf(name) + 1}`;
      continue;
    }
    bound += text.slice(start, token.lastIndex);
  }
  const unused = [...values.keys()].find((name) => !order.includes(name));
  if (unused !== undefined) throw usage(`--param ${unused} is given, but the text has no :${unused}.`);
  return { text: bound, parameters: order.map((name) => values.get(name) ?? '') };
}

/** Behind the end of a comment; they nest. */
function endOfComment(text: string, start: number): number {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = start;
  let depth = 0;
  for (let match = edge.exec(text); match !== null; match = edge.exec(text)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  return text.length;
}

function usage(message: string): SluiceError {
  return new SluiceError('usage', message, { decider: 'local' });
}
