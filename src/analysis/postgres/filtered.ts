import { bodyOf, constantOf, list, namesOf, tagged, text, walk } from './ast.js';

/**
 * Says whether a WHERE clause chooses rows: it is present, refers to a column, and is not true for every row by its
 * form (`true`, `1=1`, `id = id`, `id IS NOT NULL`, `… OR true`).
 */
export function isFiltered(where: unknown): boolean {
  return where !== undefined && tagged(where) !== null && !isAlways(where);
}

function isAlways(node: unknown): boolean {
  const found = tagged(node);
  if (found === null) return true;
  const { tag, body } = found;
  if (tag === 'CurrentOfExpr') return false;
  if (!refersToColumn(node)) return true;
  if (tag === 'BoolExpr') {
    const parts = list(body, 'args');
    if (text(body, 'boolop') === 'OR_EXPR') return parts.some(isAlways);
    return text(body, 'boolop') === 'AND_EXPR' && parts.every(isAlways);
  }
  if (tag === 'NullTest')
    return text(body, 'nulltesttype') === 'IS_NOT_NULL' && bodyOf(body['arg'], 'ColumnRef') !== null;
  if (tag === 'A_Expr')
    return isSameOnBothSides(body['lexpr'], body['rexpr'], namesOf(list(body, 'name'))[0] ?? '') || isWildcard(body);
  if (tag === 'SubLink' && text(body, 'subLinkType') === 'EXISTS_SUBLINK') return !isCorrelated(body['subselect']);
  return false;
}

function refersToColumn(node: unknown): boolean {
  for (const found of walk(node)) if (found.tag === 'ColumnRef' || found.tag === 'CurrentOfExpr') return true;
  return false;
}

/** `id = id`, `lower(x) >= lower(x)`. */
function isSameOnBothSides(left: unknown, right: unknown, operator: string): boolean {
  if (!['=', '>=', '<=', '~~'].includes(operator) || left === undefined) return false;
  return withoutLocations(left) === withoutLocations(right);
}

function withoutLocations(node: unknown): string {
  return JSON.stringify(node, (key, value: unknown) => (key === 'location' ? undefined : value));
}

/** `name LIKE '%'`. */
function isWildcard(body: Readonly<Record<string, unknown>>): boolean {
  const pattern = constantOf(body['rexpr']);
  const kind = text(body, 'kind');
  return (kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE') && typeof pattern === 'string' && /^%+$/.test(pattern);
}

/** EXISTS chooses rows only through a condition inside it; its select list does not matter. */
function isCorrelated(subselect: unknown): boolean {
  const select = bodyOf(subselect, 'SelectStmt');
  return select !== null && (refersToColumn(select['whereClause']) || refersToColumn(select['fromClause']));
}
