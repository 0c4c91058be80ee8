import { z } from 'zod';
import { timestamp } from './common.js';

/** A line of `sluice sessions watch`, of the audit stream's sinks and of what is followed; docs/audit-events.md. */
export const auditDocument = z.object({
  schema: z.literal('sluice.audit/v1'),
  event: z.string(),
  at: timestamp,
  severity: z.enum(['info', 'notice', 'warning']),
  outcome: z.enum(['allowed', 'held', 'denied', 'done', 'refused', 'failed']),
  actor: z
    .object({ id: z.string(), name: z.string(), kind: z.enum(['human', 'machine', 'gateway']).nullable() })
    .nullable(),
  session: z.string().nullable(),
  target: z.string().nullable(),
  object: z.string().nullable(),
  op: z.int().nullable(),
  detail: z.record(z.string(), z.unknown()),
});
