import type { z } from 'zod';
import type { TargetDetail } from '../client/api-types.js';
import { messageOf } from '../lib/errors.js';
import { application } from './results.js';
import type { targetOutput } from './schemas.js';
import { readTables } from './tables.js';
import type { ToolCall } from './tool.js';

type Tables = z.output<typeof targetOutput>['tables'];

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
    const bounds = { limit: maxColumns, maxBytes: 1_048_576 };
    const asked = { target: target.name, table: null, reason: 'describe_target', application, ...bounds, signal };
    const { tables, truncated } = await readTables(api, asked);
    return {
      tables: tables.map((table) => ({ ...table, columns: table.columns.map((column) => ({ ...column })) })),
      note: truncated ? `only the first ${maxColumns} columns` : null,
    };
  } catch (error) {
    if (signal.aborted) throw error;
    return { tables: [], note: `the schema could not be read: ${messageOf(error)}` };
  }
}
