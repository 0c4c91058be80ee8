import { bodyOf, child, flag, list, namesOf, stringOf, text, walk, type Body } from './ast.js';
import type { Context } from './context.js';
import { Scope } from './scope.js';
import { clear, derive, mergeRows, renameFields, type Field, type Rows } from './value.js';

/** Enough for any chain of columns through a recursive term; more than this is unknown. */
const maxRounds = 20;

/** WITH: each common table expression in order; a recursive one until nothing changes. */
export function defineCtes(ctx: Context, statement: Body, scope: Scope): void {
  const clause = child(statement, 'withClause');
  if (clause === null) return;
  const ctes = list(clause, 'ctes').map((node) => bodyOf(node, 'CommonTableExpr') ?? {});
  const recursive = flag(clause, 'recursive');
  for (const cte of recursive ? byDependency(ctes, scope) : ctes) {
    const rows = recursive ? readRecursive(ctx, cte, scope) : ctx.query(cte['ctequery'], scope);
    scope.ctes.set(text(cte, 'ctename'), finish(ctx, cte, rows));
  }
}

/**
 * WITH RECURSIVE may refer forward: PostgreSQL sorts by dependency (checkWellFormedRecursion), and so must this, or a
 * later expression's name would be taken for a table. What is left in a circle PostgreSQL rejects; it is unknown here.
 */
function byDependency(ctes: readonly Body[], scope: Scope): readonly Body[] {
  const names = new Set(ctes.map((cte) => text(cte, 'ctename')));
  for (const name of names) scope.ctes.set(name, { fields: [], open: true });
  const waiting = new Map(ctes.map((cte) => [cte, referencesOf(cte, names)]));
  const sorted: Body[] = [];
  while (waiting.size > 0) {
    const ready = [...waiting].find(([, references]) => references.size === 0) ?? [...waiting][0];
    if (ready === undefined) break;
    const [cte] = ready;
    waiting.delete(cte);
    for (const references of waiting.values()) references.delete(text(cte, 'ctename'));
    sorted.push(cte);
  }
  return sorted;
}

function referencesOf(cte: Body, names: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  for (const { tag, body } of walk(cte['ctequery'])) {
    const name = tag === 'RangeVar' && text(body, 'schemaname') === '' ? text(body, 'relname') : '';
    if (names.has(name) && name !== text(cte, 'ctename')) found.add(name);
  }
  return found;
}

function readRecursive(ctx: Context, cte: Body, scope: Scope): Rows {
  const name = text(cte, 'ctename');
  const select = bodyOf(cte['ctequery'], 'SelectStmt');
  if (select === null || text(select, 'op') === 'SETOP_NONE' || text(select, 'op') === '')
    return ctx.query(cte['ctequery'], scope);
  const inner = new Scope(scope);
  defineCtes(ctx, select, inner);
  let rows = named(cte, ctx.query({ SelectStmt: select['larg'] }, inner));
  for (let round = 0; round < maxRounds; round++) {
    inner.ctes.set(name, extend(cte, rows));
    const next = mergeRows(rows, ctx.query({ SelectStmt: select['rarg'] }, inner));
    if (sameSources(rows, next)) {
      // Once more as the whole, for its own ORDER BY, LIMIT and the duplicates that UNION removes.
      inner.ctes.set(name, extend(cte, next));
      const whole = ctx.query(cte['ctequery'], inner);
      return { fields: named(cte, next).fields, open: next.open || whole.open };
    }
    rows = next;
  }
  return {
    fields: rows.fields.map((field) => ({ name: field.name, value: { ...field.value, unknown: true, derived: true } })),
    open: true,
  };
}

function sameSources(left: Rows, right: Rows): boolean {
  return (
    left.open === right.open &&
    left.fields.every(({ value }, index) => {
      const other = right.fields[index]?.value;
      if (other === undefined) return false;
      const sameSet =
        value.sources.length === other.sources.length &&
        value.derived === other.derived &&
        value.unknown === other.unknown;
      return sameSet && value.fallible === other.fallible;
    })
  );
}

function named(cte: Body, rows: Rows): Rows {
  return { fields: renameFields(rows, namesOf(list(cte, 'aliascolnames'))), open: rows.open };
}

/** SEARCH and CYCLE add columns made of others; CYCLE compares them. PostgreSQL 7.8.2. */
function extend(cte: Body, rows: Rows): Rows {
  const fields: Field[] = [...rows.fields];
  const search = child(cte, 'search_clause');
  if (search !== null)
    fields.push({ name: text(search, 'search_seq_column'), value: columnsOf(rows, list(search, 'search_col_list')) });
  const cycle = child(cte, 'cycle_clause');
  if (cycle !== null) {
    fields.push({ name: text(cycle, 'cycle_mark_column'), value: columnsOf(rows, list(cycle, 'cycle_col_list')) });
    fields.push({ name: text(cycle, 'cycle_path_column'), value: columnsOf(rows, list(cycle, 'cycle_col_list')) });
  }
  return { fields, open: rows.open };
}

function columnsOf(rows: Rows, names: readonly unknown[]) {
  const wanted = new Set(names.map(stringOf));
  return derive(rows.fields.map((field) => (wanted.has(field.name) ? field.value : clear)));
}

function finish(ctx: Context, cte: Body, rows: Rows): Rows {
  const result = extend(cte, named(cte, rows));
  const cycle = child(cte, 'cycle_clause');
  if (cycle !== null) ctx.findings.infer(columnsOf(named(cte, rows), list(cycle, 'cycle_col_list')));
  return result;
}
