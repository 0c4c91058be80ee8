import { z } from 'zod';
import { documentOf, reason, resourceName, statementParameters, statementText } from './common.js';

/** Results are bounded by the gateway, so that a caller with a small memory can trust them. */
export const defaultRowLimit = 100;
export const defaultMaxBytes = 64 * 1024;

export const execBody = z
  .strictObject({
    target: resourceName.optional(),
    text: statementText.optional(),
    parameters: statementParameters,
    limit: z.int().min(0).max(100_000).default(defaultRowLimit),
    max_bytes: z
      .int()
      .min(1)
      .max(16 * 1024 * 1024)
      .default(defaultMaxBytes),
    reason,
    /** Wait for people when the operation is held; else answer approval_pending at once. */
    wait: z.boolean().default(false),
    timeout_ms: z.int().min(100).max(600_000).default(60_000),
    /** An approved request to spend; its text and parameters are used when `text` is missing. */
    request_id: z.string().max(64).nullable().default(null),
    read_only: z.boolean().default(false),
    dry_run: z.boolean().default(false),
  })
  .refine((body) => body.request_id !== null || (body.target !== undefined && body.text !== undefined), {
    message: 'target and text are required unless request_id names a request that has them',
  });
export type ExecBody = z.output<typeof execBody>;

/** The (last) result: every value as text, null for SQL NULL. */
export const execDocument = documentOf('sluice.exec/v1', {
  session_id: z.string(),
  target: z.string(),
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  rows: z.array(z.array(z.string().nullable())),
  /** Rows in `rows`, or affected by a statement that returns none. */
  row_count: z.int(),
  truncated: z.boolean(),
  next_cursor: z.string().nullable(),
  masked_columns: z.array(z.string()),
  duration_ms: z.int(),
  request_id: z.string().nullable(),
});
export type ExecDocument = z.output<typeof execDocument>;
