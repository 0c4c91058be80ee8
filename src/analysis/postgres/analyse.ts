import { distrustStatement, inferEffect } from '../distrust.js';
import { endsChanges } from '../ends-changes.js';
import type { CopyOfProtected, OutputColumn, QueryAnalysis, StatementAnalysis } from '../postgres-types.js';
import { bodyOf, list, tagged } from './ast.js';
import type { Catalog } from './catalog-model.js';
import { judgeCompared } from './compared.js';
import type { Context, ParseSql, ParsedStatement } from './context.js';
import { parseDefinition } from './definition.js';
import { analyseExpression } from './expressions.js';
import { Findings } from './findings.js';
import type { ExpressionReading, ViewReading } from './relation.js';
import { Scope } from './scope.js';
import { argumentPlaces, secretParameters, secretsOf } from './secrets.js';
import { statementHandlers, type StatementRows } from './statements.js';
import { followDefinition } from './stored.js';
import { judgeTypeNames } from './type-names.js';
import { noRows, unknownValue, type Field, type Rows } from './value.js';

/** Statements in one query beyond this are refused: nobody writes them by hand, and each costs time. */
const maxStatements = 1000;

/** Analyses every statement of a query that the parser has accepted. */
export function analyseQuery(parse: ParseSql, catalog: Catalog, sql: string): QueryAnalysis {
  const parsed = sql.trim() === '' ? [] : parse(sql);
  if (parsed.length > maxStatements) {
    return {
      ok: false,
      reason: 'refused',
      message: `The query has more than ${maxStatements} statements.`,
      position: 0,
    };
  }
  const bytes = parsed.length > 1 ? Buffer.from(sql, 'utf8') : null;
  const statements: StatementAnalysis[] = [];
  // A statement behind a change of the catalog: its names may mean something else by the time it runs.
  const inferred = parsed.length > 1 ? catalog.protectedColumns.map((column) => inferEffect(catalog.root, column)) : [];
  const copied: CopyOfProtected[] = [];
  const found: Findings[] = [];
  let isStale = false;
  for (const statement of parsed) {
    const findings = new Findings(catalog.root, catalog.protectedColumns);
    found.push(findings);
    const own = analyseStatement({ parse, catalog, text: textOf(sql, bytes, statement) }, statement.node, findings);
    const analysis = followRenames(own, findings.renames, copied);
    statements.push(followArguments(sql, isStale ? distrustStatement(analysis, inferred) : analysis, findings));
    if (isStale && inferred.length > 0) findings.hidesSecrets = true;
    copied.push(...(analysis.copies ?? []));
    isStale ||= analysis.changes.some((change) => change.type === 'catalogChange') || movesNames(analysis, catalog);
    isStale ||= copied.length > 0 || (catalog.isChanged && analysis.changes.some(endsChanges));
  }
  const secrets = secretsOf(sql, found);
  return { ok: true, statements, ...(secrets === null ? {} : { secrets }) };
}

/** EXECUTE: which constants stand for which parameter. */
function followArguments(sql: string, analysis: StatementAnalysis, { executed }: Findings): StatementAnalysis {
  if (!executed.some((literals) => literals !== null)) return analysis;
  const places = argumentPlaces(sql, executed);
  const changes = analysis.changes.map((change) =>
    change.type === 'execute' ? { ...change, arguments: places } : change,
  );
  return { ...analysis, changes };
}

/** The path by which names are found moves: what follows in the same query was resolved by the old one. */
function movesNames(analysis: StatementAnalysis, { movers }: Catalog): boolean {
  return analysis.effects.some(
    ({ action, resource }) =>
      action === 'setParameter' || (action === 'callFunction' && movers.has(resource.path.slice(-2).join('.'))),
  );
}

/** stmt_location and stmt_len are UTF-8 bytes; a length of 0 reaches to the end. */
function textOf(sql: string, bytes: Buffer | null, statement: ParsedStatement): string {
  if (bytes === null) return sql.trim().replace(/;\s*$/, '');
  const end = statement.length === 0 ? bytes.length : statement.location + statement.length;
  return bytes.subarray(statement.location, end).toString('utf8').trim();
}

/** What this query has made and renames holds its copies under both names: the catalog shows neither yet. */
function followRenames(
  analysis: StatementAnalysis,
  renames: Findings['renames'],
  copied: readonly CopyOfProtected[],
): StatementAnalysis {
  const moved = renames.flatMap(({ schema, table, column, to }) =>
    copied
      .filter((copy) => copy.schema === schema && (table === null || copy.table === table))
      .filter((copy) => column === null || copy.column === column)
      .map((copy): CopyOfProtected => ({ ...copy, ...to })),
  );
  return moved.length === 0 ? analysis : { ...analysis, copies: [...(analysis.copies ?? []), ...moved] };
}

/** One statement; what is found goes to `findings`, and from there into the analysis. */
function analyseStatement(
  given: Pick<Context, 'parse' | 'catalog' | 'text'>,
  node: unknown,
  findings: Findings,
): StatementAnalysis {
  const { text } = given;
  const ctx = makeContext(given, findings, []);
  const rows = ctx.statement(node, null);
  judgeTypeNames(ctx, node);
  judgeCompared(ctx);
  followDefinition(ctx);
  const output = outputOf(rows);
  return {
    node: tagged(node)?.tag ?? '',
    text,
    effects: findings.effects,
    output,
    touchesProtected: findings.touchesProtected,
    ...(findings.missing.size > 0 ? { missing: [...findings.missing] } : {}),
    ...(findings.objects.size > 0 ? { objects: [...findings.objects].sort() } : {}),
    changes: findings.changes,
    ...(findings.copies.length > 0 ? { copies: findings.copies } : {}),
  };
}

function makeContext(
  given: Pick<Context, 'parse' | 'catalog' | 'text'>,
  findings: Findings,
  calls: readonly string[],
  firstNames: Context['firstNames'] = new WeakMap(),
): Context {
  const ctx: Context = {
    ...given,
    findings,
    calls,
    firstNames,
    expr: (node, scope) => analyseExpression(ctx, node, scope),
    query: (node, scope) => rowsOf(ctx.statement(node, scope)),
    statement: (node, scope) => dispatch(ctx, node, scope),
    separately: (node) => {
      const separate = new Findings(given.catalog.root, given.catalog.protectedColumns);
      const analysis = analyseStatement(given, node, separate);
      // Its text is part of this one.
      findings.adoptSecrets(separate);
      const { carried } = separate;
      return { ...analysis, ...secretParameters(separate), ...(carried.length > 0 ? { carries: carried } : {}) };
    },
    nested: (inner, name) => makeContext(given, inner, name === null ? calls : [...calls, name], firstNames),
  };
  return ctx;
}

function dispatch(ctx: Context, node: unknown, scope: Scope | null): StatementRows {
  const found = tagged(node);
  const tag = found?.tag ?? '';
  const handler = Object.hasOwn(statementHandlers, tag) ? statementHandlers[tag] : undefined;
  if (found !== null && handler !== undefined) return handler(ctx, found.body, scope);
  ctx.findings.addGlobal('unknown', tag);
  ctx.findings.hidesSecrets ||= ctx.catalog.isClassified;
  ctx.findings.touchesProtected = true;
  ctx.findings.changeCatalog();
  return 'unknown';
}

function rowsOf(rows: StatementRows): Rows {
  if (rows === null) return noRows;
  return rows === 'unknown' ? { fields: [], open: true } : rows;
}

function outputOf(rows: StatementRows): StatementAnalysis['output'] {
  if (rows === null || rows === 'unknown') return rows;
  if (rows.open) return 'unknown';
  return rows.fields.map(({ name, value }): OutputColumn => ({
    name,
    sources: value.sources,
    derived: value.derived,
    unknown: value.unknown,
  }));
}

/**
 * Reads a view's definition: its columns' lineage, and the calls it makes for whoever reads it. Null is one that the server
 * could not print: reading it may do anything.
 */
export function readView(parse: ParseSql, catalog: Catalog, definition: string | null, columns: number): ViewReading {
  const findings = new Findings(catalog.root, catalog.protectedColumns);
  const ctx = makeContext({ parse, catalog, text: '' }, findings, []);
  const node = definition === null ? null : parseDefinition(parse, definition);
  const rows = rowsOf(ctx.statement(node, null));
  judgeTypeNames(ctx, node);
  judgeCompared(ctx);
  const calls = findings.effects.filter(
    (effect) => effect.action === 'callFunction' || effect.action === 'unknown' || effect.action === 'setParameter',
  );
  const fields = rows.open || rows.fields.length !== columns ? null : rows.fields;
  const { touchesProtected, objects, inferredByCalls, inferredByGuesses } = findings;
  const inferred = [...inferredByCalls, ...inferredByGuesses];
  return { fields, touchesProtected, calls: [...calls, ...inferred], objects: [...objects] };
}

/** Reads a default or a generated column's expression over its row; null is one that the server could not print. */
export function readExpression(
  parse: ParseSql,
  catalog: Catalog,
  expression: string | null,
  fields: readonly Field[],
): ExpressionReading {
  const findings = new Findings(catalog.root, catalog.protectedColumns);
  const ctx = makeContext({ parse, catalog, text: '' }, findings, []);
  const select = expression === null ? null : bodyOf(parseDefinition(parse, `SELECT ${expression}`), 'SelectStmt');
  const node = select === null ? null : (bodyOf(list(select, 'targetList')[0], 'ResTarget') ?? {})['val'];
  if (node === null) ctx.statement(null, null);
  const read = new Scope(null, [{ columns: fields, open: false, sources: [] }]);
  const value = node === null ? unknownValue : ctx.expr(node, read);
  judgeCompared(ctx);
  const calls = findings.effects.filter(({ action }) => action === 'callFunction' || action === 'unknown');
  return { value, calls, objects: [...findings.objects] };
}
