/** Reading libpg_query's JSON: every node is `{ Tag: body }`, absent fields mean false, 0 or empty (protobuf). */

/** The fields of one parse node. */
export type Body = Readonly<Record<string, unknown>>;

/** A node with its tag taken off: `{ SelectStmt: {...} }` becomes `{ tag: 'SelectStmt', body: {...} }`. */
export interface Tagged {
  readonly tag: string;
  readonly body: Body;
}

const empty: Body = {};

function isBody(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Takes the tag off a node; null for an absent or empty node. */
export function tagged(node: unknown): Tagged | null {
  if (!isBody(node)) return null;
  for (const tag in node) {
    const body = node[tag];
    return { tag, body: isBody(body) ? body : empty };
  }
  return null;
}

/** The body of `node` if it has this tag, else null. */
export function bodyOf(node: unknown, tag: string): Body | null {
  const found = tagged(node);
  return found !== null && found.tag === tag ? found.body : null;
}

/** A field that holds a body without a tag (`relation`, `alias`, `withClause`…). */
export function child(body: Body, key: string): Body | null {
  const value = body[key];
  return isBody(value) ? value : null;
}

/** A field that holds a list of nodes. */
export function list(body: Body, key: string): readonly unknown[] {
  const value = body[key];
  return Array.isArray(value) ? value : [];
}

/** A field that holds text. */
export function text(body: Body, key: string): string {
  const value = body[key];
  return typeof value === 'string' ? value : '';
}

/** A field that holds a boolean. */
export function flag(body: Body, key: string): boolean {
  return body[key] === true;
}

/** A field that holds a number. */
export function number(body: Body, key: string): number {
  const value = body[key];
  return typeof value === 'number' ? value : 0;
}

/** The text of a String node: `sval` since PostgreSQL 15, `str` before. */
export function stringOf(node: unknown): string {
  const body = bodyOf(node, 'String');
  if (body === null) return '';
  return text(body, 'sval') || text(body, 'str');
}

/** The texts of a list of String nodes: a qualified name. */
export function namesOf(nodes: readonly unknown[]): readonly string[] {
  return nodes.map(stringOf);
}

/** The items of a List node, or the node itself as a list of one. */
export function itemsOf(node: unknown): readonly unknown[] {
  const body = bodyOf(node, 'List');
  return body === null ? [node] : list(body, 'items');
}

/** A constant's value; `undefined` when the node is no constant. Casts of constants count as constants. */
export function constantOf(node: unknown): string | number | boolean | null | undefined {
  const found = tagged(node);
  if (found === null) return undefined;
  switch (found.tag) {
    case 'A_Const':
      return constantBody(found.body);
    case 'TypeCast':
      return constantOf(found.body['arg']);
    case 'String':
      return stringOf(node);
    case 'Integer':
      return number(found.body, 'ival');
    case 'Float':
      return Number(text(found.body, 'fval') || text(found.body, 'str'));
    case 'Boolean':
      return flag(found.body, 'boolval');
    default:
      return undefined;
  }
}

/** A_Const holds one of ival, fval, boolval, sval, bsval, isnull since 15; `val` with a node before. */
function constantBody(body: Body): string | number | boolean | null {
  const old = tagged(body['val']);
  if (old !== null) return old.tag === 'Null' ? null : (constantOf(body['val']) ?? text(old.body, 'str'));
  const integer = child(body, 'ival');
  if (integer !== null) return number(integer, 'ival');
  const float = child(body, 'fval');
  if (float !== null) return Number(text(float, 'fval'));
  const boolean = child(body, 'boolval');
  if (boolean !== null) return flag(boolean, 'boolval');
  const string = child(body, 'sval');
  if (string !== null) return text(string, 'sval');
  const bits = child(body, 'bsval');
  return bits === null ? null : text(bits, 'bsval');
}

/** Every node under `value`, itself included, in no promised order. Bodies without a tag are walked through. */
export function* walk(value: unknown): Generator<Tagged> {
  if (Array.isArray(value)) {
    for (const item of value) yield* walk(item);
    return;
  }
  if (!isBody(value)) return;
  for (const key in value) {
    const inner = value[key];
    if (isBody(inner) && /^[A-Z]/.test(key)) yield { tag: key, body: inner };
    if (typeof inner === 'object') yield* walk(inner);
  }
}
