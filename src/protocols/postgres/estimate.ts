import type { Effect } from '../../analysis/effects.js';
import type { Classification } from '../../masking/types.js';
import type { Estimate } from '../../sessions/engine.js';
import type { TargetConfig } from '../../sessions/types.js';
import { dialPostgres } from './dial.js';
import { analyseQuery, type JudgedQuery } from './judged-query.js';
import type { Engine } from './service.js';
import { TextClient } from './text-client.js';

interface Question {
  readonly target: TargetConfig;
  readonly classification: Classification;
  readonly text: string;
  readonly parameters: readonly (string | null)[];
}

const timeoutMs = 3_000;
/** Planning these reads statistics, and runs nothing of anybody's. */
const plain = new Set<Effect['action']>(['select', 'insert', 'update', 'delete', 'merge', 'lockRow', 'infer']);
const explained = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);
const maxTables = 20;

/**
 * How many rows a statement is about, without running it: what the target knows of its tables, and what its planner
 * expects. Over a connection of the gateway's own that can write nothing, waits for no lock and is gone in seconds.
 */
export async function estimate(
  parts: Engine,
  { target, classification, text, parameters }: Question,
): Promise<Estimate> {
  const { handle, searchPath } = await parts.catalogs.load(target, classification);
  const query = await analyseQuery(parts.analyser, text, handle);
  const names = tablesOf(query.effects).slice(0, maxTables);
  if (query.fault !== null || names.length === 0) return { tables: [], rows: null };
  const signal = AbortSignal.timeout(timeoutMs);
  const client = new TextClient(
    await dialPostgres(target, {
      parameters: new Map([
        ...[['client_encoding', 'UTF8'] as const, ['application_name', 'sluice estimate'] as const],
        ...[['search_path', searchPath] as const, ['standard_conforming_strings', 'on'] as const],
        ...[['default_transaction_read_only', 'on'] as const, ['lock_timeout', '200'] as const],
        ['statement_timeout', String(timeoutMs - 500)],
      ]),
      signal,
    }),
  );
  try {
    const counts = await client.query(countQuery(names), signal);
    const known = new Map(counts.map(({ schema, name, rows }) => [`${schema ?? ''}.${name ?? ''}`, rows ?? null]));
    const tables = names.map(([schema, name]) => ({
      name: `${schema}.${name}`,
      rows: known.get(`${schema}.${name}`) ?? null,
    }));
    return { tables, rows: canExplain(query, parameters) ? await plannedRows(client, query, signal) : null };
  } finally {
    client.end();
  }
}

/**
 * The planner computes functions of constants, so nothing with a function of somebody's is planned; and what it expects of
 * a condition on a protected column tells of the values there.
 */
function canExplain(query: JudgedQuery, parameters: readonly (string | null)[]): boolean {
  const [statement] = query.statements;
  return (
    query.statements.length === 1 &&
    statement !== undefined &&
    explained.has(statement.node) &&
    parameters.length === 0 &&
    query.secrets === null &&
    !query.effects.some(({ action }) => action === 'infer' || !plain.has(action)) &&
    !(statement.objects ?? []).some((object) => !object.startsWith('relation ') || object.endsWith('(absent)'))
  );
}

async function plannedRows(
  client: TextClient,
  { statements }: JudgedQuery,
  signal: AbortSignal,
): Promise<string | null> {
  const rows = await client.query(`EXPLAIN (FORMAT JSON) ${statements[0]?.text ?? ''}`, signal);
  const plan: unknown = JSON.parse(rows.map((row) => row['QUERY PLAN'] ?? '').join('\n'));
  const top = field(Array.isArray(plan) ? plan[0] : null, 'Plan');
  // A write gives no rows: what it changes is what it reads.
  const below = field(top, 'Plans');
  const node = field(top, 'Node Type') === 'ModifyTable' && Array.isArray(below) ? (below[0] as unknown) : top;
  const found = field(node, 'Plan Rows');
  return typeof found === 'number' ? String(Math.round(found)) : null;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

/** Tables that are read or written, as [schema, name]; temporary ones are another session's. */
function tablesOf(effects: readonly Effect[]): readonly (readonly [string, string])[] {
  const found = new Map<string, readonly [string, string]>();
  for (const { resource } of effects) {
    const [, , schema, name] = resource.path;
    if (resource.type !== 'Table' || schema === undefined || name === undefined || schema === 'pg_temp') continue;
    found.set(`${schema}.${name}`, [schema, name]);
  }
  return [...found.values()];
}

/**
 * What ANALYZE or VACUUM last counted, with all that lies below a table: partitions of partitions, and tables that inherit,
 * which a statement on their parent reaches as well. Null where one of them was never counted (below zero).
 */
function countQuery(names: readonly (readonly [string, string])[]): string {
  const pairs = names.map(([schema, name]) => `(${quoted(schema)}, ${quoted(name)})`).join(', ');
  return `with recursive tree(top, oid) as (
      select c.oid, c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'm', 'f') and (n.nspname, c.relname) in (${pairs})
      union select t.top, i.inhrelid from tree t join pg_catalog.pg_inherits i on i.inhparent = t.oid)
    select n.nspname as schema, c.relname as name, (select case when min(l.reltuples) < 0 then null
      else sum(l.reltuples)::int8::text end from tree t join pg_catalog.pg_class l on l.oid = t.oid
      where t.top = c.oid and l.relkind <> 'p') as rows
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid in (select top from tree)`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
