import { z } from 'zod';
import { bundleFiles } from './bundle.js';
import { documentOf, resourceName, statementParameters, statementText, verdict } from './common.js';

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
      policies: z.array(z.string()),
    }),
  ),
  policies: z.array(z.string()),
  masked_columns: z.array(z.string()),
  policy_version: z.string(),
});
export type ExplainDocument = z.output<typeof explainDocument>;
