import type { z } from 'zod';
import type { TargetDetail } from '../client/api-types.js';
import type { ExecResult } from '../client/api-exec-types.js';
import { messageOf } from '../lib/errors.js';
import type { targetOutput } from './schemas.js';
import type { ToolCall } from './tool.js';

type Tables = z.output<typeof targetOutput>['tables'];

/** Names and types only. Asked as any other query: judged and recorded, and no more than the caller may see. */
const columnsQuery = `select table_schema, table_name, column_name, data_type, is_nullable
from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema')
order by table_schema, table_name, ordinal_position`;
const maxColumns = 2_000;

/** What a target is, what the caller may do there, and its tables without any value. */
export async function describeTarget(call: ToolCall, name: string): Promise<z.output<typeof targetOutput>> {
  const target = await call.api.target(name, { signal: call.signal });
  const { tables, note } = await schemaOf(call, target);
  return {
    name: target.name,
    kind: target.kind,
    labels: { ...target.labels },
    database: target.database,
    permissions: target.permissions.map(({ action, verdict, policies, approvals }) => ({
      action,
      verdict,
      policies: [...policies],
      approvals: approvals.map((approval) => ({ ...approval })),
    })),
    protected_columns: target.protected_columns.map((column) => ({ ...column })),
    schema_note: note,
    tables,
  };
}

async function schemaOf(
  { api, signal }: ToolCall,
  target: TargetDetail,
): Promise<{ tables: Tables; note: string | null }> {
  if (target.kind !== 'postgres') return { tables: [], note: `a ${target.kind} target has no tables` };
  try {
    const body = { target: target.name, text: columnsQuery, read_only: true, limit: maxColumns, max_bytes: 1_048_576 };
    const result = await api.exec({ ...body, reason: 'describe_target' }, { signal });
    return { tables: tablesOf(result), note: result.truncated ? `only the first ${maxColumns} columns` : null };
  } catch (error) {
    if (signal.aborted) throw error;
    return { tables: [], note: `the schema could not be read: ${messageOf(error)}` };
  }
}

function tablesOf({ rows }: ExecResult): Tables {
  const tables = new Map<string, Tables[number]>();
  for (const [schema, table, name, type, nullable] of rows) {
    if (schema == null || table == null || name == null) continue;
    const key = JSON.stringify([schema, table]);
    const known = tables.get(key) ?? { schema, name: table, columns: [] };
    known.columns.push({ name, type: type ?? '', nullable: nullable === 'YES' });
    tables.set(key, known);
  }
  return [...tables.values()];
}
