import type { QueryAnalysis } from '../postgres-types.js';
import { bodyOf, child, constantOf, list, namesOf, number, tagged, text, type Body } from './ast.js';
import type { Shape } from './constants.js';
import type { ParseSql } from './context.js';

const comparisons = new Set(['=', '<', '>', '<=', '>=', '<>', '!=']);
const statements = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt']);

/**
 * Which of a text's constants may be others without anything of its analysis changing: the parser has them where a value
 * is compared with a column, put into one, or counts rows; and the analysis comes out the same with all of them alike and
 * with each another. Null for none.
 */
export function freeConstants(
  sql: string,
  shape: Shape,
  own: QueryAnalysis,
  again: { readonly parse: ParseSql; readonly analyse: (sql: string) => QueryAnalysis },
): readonly number[] | null {
  if (!isSimple(own)) return null;
  const [statement, second] = again.parse(sql);
  const found = tagged(statement?.node);
  if (found === null || second !== undefined || !statements.has(found.tag)) return null;
  const places = new Map<number, unknown>();
  collect(statement?.node, places);
  const free = shape.constants.flatMap(({ start, end, kind }, index) => {
    const node = places.get(Buffer.byteLength(sql.slice(0, start)));
    const value = sql.slice(start, end);
    const expected = kind === 'integer' ? Number(value) : value.slice(1, -1).replaceAll("''", "'");
    return node !== undefined && constantOf(node) === expected ? [index] : [];
  });
  if (free.length === 0) return null;
  const wanted = comparable(own);
  const isSame = [() => 7, (index: number) => 1000 + index].every(
    (value) => comparable(again.analyse(withConstants(sql, shape, free, value))) === wanted,
  );
  return isSame ? free : null;
}

/** One statement that changes nothing in the session, and nothing in its text is to be hidden. */
function isSimple(analysis: QueryAnalysis): boolean {
  if (!analysis.ok || analysis.secrets !== undefined) return false;
  const [only, second] = analysis.statements;
  return only !== undefined && second === undefined && only.changes.length === 0 && (only.copies ?? []).length === 0;
}

/** The analysis without its text. */
function comparable(analysis: QueryAnalysis): string {
  if (!analysis.ok) return '';
  return JSON.stringify({ ...analysis, statements: analysis.statements.map((each) => ({ ...each, text: '' })) });
}

function withConstants(
  sql: string,
  { constants }: Shape,
  free: readonly number[],
  value: (index: number) => number,
): string {
  let out = '';
  let copied = 0;
  for (const index of free) {
    const constant = constants[index];
    if (constant === undefined) continue;
    out += sql.slice(copied, constant.start);
    out += constant.kind === 'integer' ? value(index) : `'${value(index)}'`;
    copied = constant.end;
  }
  return out + sql.slice(copied);
}

/** Constants where only their being there matters, by their place in UTF-8 bytes. */
function collect(node: unknown, places: Map<number, unknown>): void {
  if (Array.isArray(node)) {
    for (const item of node) collect(item, places);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  for (const [key, inner] of Object.entries(node)) {
    if (typeof inner !== 'object' || inner === null) continue;
    if (key === 'A_Expr') noteCompared(inner as Body, places);
    else if (key === 'SelectStmt') noteSelect(inner as Body, places);
    else if (key === 'UpdateStmt') {
      for (const target of list(inner as Body, 'targetList')) note(bodyOf(target, 'ResTarget')?.['val'], places);
    }
    collect(inner, places);
  }
}

function noteCompared(body: Body, places: Map<number, unknown>): void {
  const [operator = '', qualified] = namesOf(list(body, 'name'));
  if (qualified !== undefined) return;
  const [left, right] = [body['lexpr'], body['rexpr']];
  const kind = text(body, 'kind');
  if (kind === 'AEXPR_OP' && comparisons.has(operator)) {
    if (bodyOf(left, 'ColumnRef') !== null) note(right, places);
    if (bodyOf(right, 'ColumnRef') !== null) note(left, places);
  }
  const hasList = kind === 'AEXPR_IN' || kind === 'AEXPR_BETWEEN';
  if (hasList && bodyOf(left, 'ColumnRef') !== null) {
    for (const item of list(bodyOf(right, 'List') ?? {}, 'items')) note(item, places);
  }
}

function noteSelect(body: Body, places: Map<number, unknown>): void {
  note(body['limitCount'], places);
  note(body['limitOffset'], places);
  for (const row of list(body, 'valuesLists')) {
    for (const item of list(bodyOf(row, 'List') ?? {}, 'items')) note(item, places);
  }
}

function note(node: unknown, places: Map<number, unknown>): void {
  const body = bodyOf(node, 'A_Const');
  if (body === null || child(body, 'boolval') !== null) return;
  places.set(number(body, 'location'), node);
}
