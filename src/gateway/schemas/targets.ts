import { z } from 'zod';
import { documentOf, labels, resourceName, verdict } from './common.js';

const recordingMode = z.enum(['strict', 'durable', 'off']);
const label = z
  .string()
  .max(256)
  .regex(/^[^=]+=.*$/, 'must be key=value');

export const targetParams = z.strictObject({ name: resourceName });
export const targetFilter = z.strictObject({
  kind: z.string().max(64).optional(),
  /** May be given several times; all must match. */
  label: z.union([label, z.array(label).max(16)]).optional(),
  search: z.string().max(200).optional(),
});

export const targetSummary = z.object({
  name: z.string(),
  kind: z.string(),
  labels,
  recording: recordingMode,
  status: z.enum(['online', 'offline', 'unknown']),
});
export const targetListDocument = documentOf('sluice.targets/v1', { targets: z.array(targetSummary) });

/** What the caller may do on a target; never its address, user name or secret. */
export const targetDocument = documentOf('sluice.target/v1', {
  name: z.string(),
  kind: z.string(),
  labels,
  recording: recordingMode,
  database: z.string().nullable(),
  permissions: z.array(
    z.object({
      action: z.string(),
      /** The group of actions that it belongs to. */
      group: z.string(),
      verdict,
      policies: z.array(z.string()),
      /** Who must approve it when it is held. */
      approvals: z.array(z.object({ group: z.string(), count: z.int() })),
    }),
  ),
  /** `reveal`: whether the caller sees its values in clear. */
  protected_columns: z.array(z.object({ column: z.string(), class: z.string(), mask: z.string(), reveal: verdict })),
});
