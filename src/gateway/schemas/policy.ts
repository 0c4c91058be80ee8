import { z } from 'zod';
import { bundleFiles } from './bundle.js';
import { documentOf, reason, resourceName, statementParameters, statementText, timestamp, verdict } from './common.js';

export const policyCheckBody = z.strictObject({ files: bundleFiles });
export const bundleProblem = z.object({
  file: z.string(),
  line: z.int(),
  column: z.int(),
  severity: z.enum(['error', 'warning']),
  message: z.string(),
  hint: z.string().nullable(),
});
export const policyCheckDocument = documentOf('sluice.policy_check/v1', {
  valid: z.boolean(),
  problems: z.array(bundleProblem),
});

export const explainBody = z.strictObject({
  target: resourceName,
  text: statementText,
  parameters: statementParameters,
  reason,
  /** Reserved for explaining another's permissions; only null now. */
  as: z.null().default(null),
});
export const explainDocument = documentOf('sluice.explain/v1', {
  verdict,
  message: z.string(),
  effects: z.array(
    z.object({
      action: z.string(),
      resource: z.string(),
      facts: z.record(z.string(), z.union([z.string(), z.boolean(), z.number(), z.array(z.string())])),
      verdict,
      /** Why it is refused; '' when allowed. */
      message: z.string(),
      policies: z.array(z.string()),
      determining: z.array(
        z.object({
          id: z.string(),
          effect: z.enum(['permit', 'forbid']),
          message: z.string().nullable(),
          approvals: z.array(z.object({ group: z.string(), count: z.int() })),
          file: z.string(),
          line: z.int(),
        }),
      ),
    }),
  ),
  policies: z.array(z.string()),
  /** What would make the verdict kinder, one change at a time. */
  changes: z.array(z.object({ change: z.enum(['approval', 'group', 'reason', 'mfa']), value: z.string(), verdict })),
  masked_columns: z.array(z.string()),
  policy_version: z.string(),
  /** Of a past operation: what was recorded of it. `exact`: its effects could be read again with all their facts. */
  recorded: z
    .object({
      session_id: z.string(),
      op: z.int(),
      at: timestamp,
      user: z.string(),
      target: z.string(),
      text: z.string(),
      effects: z.array(z.string()),
      verdict,
      policies: z.array(z.string()),
      message: z.string(),
      policy_version: z.string(),
      exact: z.boolean(),
    })
    .nullable(),
});
export type ExplainDocument = z.output<typeof explainDocument>;

export const explainRecordedQuery = z.strictObject({ op: z.coerce.number().int().min(1) });

export const replayBody = z.strictObject({
  files: bundleFiles,
  since: timestamp,
  target: resourceName.optional(),
  user: z.string().max(320).optional(),
});
export const replayDocument = documentOf('sluice.policy_replay/v1', {
  version: z.string(),
  since: timestamp,
  sessions: z.int(),
  operations: z.int(),
  /** No effects that could be judged were recorded. */
  skipped: z.int(),
  /** Judged by what was recorded of their effects, without all facts. */
  approximate: z.int(),
  /** The bundle in force answers these otherwise than was recorded. */
  changed_since: z.int(),
  /** The replayed bundle answers these otherwise than the one in force. */
  changed: z.int(),
  /** Only policies in shadow mode would decide these otherwise. */
  shadowed: z.int(),
  truncated: z.boolean(),
  classification_differs: z.boolean(),
  differences: z.array(
    z.object({
      count: z.int(),
      user: z.string(),
      target: z.string(),
      text: z.string(),
      recorded: verdict,
      in_force: verdict,
      replayed: verdict,
      policies: z.array(z.string()),
      message: z.string(),
      shadow: z.boolean(),
      approximate: z.boolean(),
      session_id: z.string(),
      op: z.int(),
    }),
  ),
});
