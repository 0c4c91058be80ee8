import { constants } from 'node:os';
import type { CommandResult } from '../../protocols/ssh/text-client.js';
import type { ExecDocument } from '../schemas/exec.js';
import type { ExecObserver } from './observer.js';
import type { ExecOrder } from './order.js';
import type { BoundedResult } from './result.js';

interface Told {
  readonly order: ExecOrder;
  readonly heard: ExecObserver;
  readonly result: BoundedResult;
  /** What a command on a machine said; null for SQL. */
  readonly command?: CommandResult | null;
  readonly cursor: string | null;
  readonly durationMs: number;
}

/** `sluice.exec/v1` for a result or a page of one. */
export function documentOf({ order, heard, result, command = null, cursor, durationMs }: Told): ExecDocument {
  return {
    schema: 'sluice.exec/v1',
    ok: true,
    session_id: heard.sessionId ?? '',
    target: order.target.name,
    columns: result.columns.map((column) => ({ ...column })),
    rows: result.rows.map((row) => [...row]),
    row_count: result.rowCount,
    truncated: result.truncated,
    exit_code: command === null ? null : exitCodeOf(command),
    stdout: command?.stdout ?? null,
    stderr: command?.stderr ?? null,
    next_cursor: cursor,
    masked_columns: maskedAmong(result.columns, heard.maskedColumns),
    duration_ms: Math.max(0, Math.round(durationMs)),
    request_id: heard.request?.id ?? order.approvedRequest,
    replayed: false,
  };
}

/** As a shell gives it: 128 and the signal's number for a program that a signal ended. */
function exitCodeOf({ exitCode, signal }: CommandResult): number {
  if (exitCode !== null) return exitCode;
  const number = Object.entries(constants.signals).find(([name]) => name === signal)?.[1];
  return number === undefined ? 255 : 128 + number;
}

/** Which of these columns are masked. */
export function maskedAmong(columns: BoundedResult['columns'], masked: ReadonlySet<string>): string[] {
  const shown = new Set(columns.map((column) => column.name));
  return [...masked].filter((column) => shown.has(column));
}
