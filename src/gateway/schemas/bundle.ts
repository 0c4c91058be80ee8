import { z } from 'zod';
import { documentOf, timestamp } from './common.js';

/** Largest bundle in characters over all files; the HTTP body limit is derived from it. */
export const maxBundleChars = 4 * 1024 * 1024;
/** Path to text. Which paths a bundle may have is the bundle's own check, which names file and line. */
export const bundleFiles = z
  .record(z.string().max(256), z.string())
  .refine((files) => Object.values(files).reduce((sum, text) => sum + text.length, 0) <= maxBundleChars, {
    message: 'at most 4 MiB in all files together',
  });

export const applyBody = z.strictObject({
  files: bundleFiles,
  dry_run: z.boolean().default(false),
  message: z.string().max(1000).nullable().default(null),
});
export const rollbackBody = z.strictObject({ version: z.string().min(1).max(128) });

export const applyDocument = documentOf('sluice.apply/v1', {
  version: z.string(),
  previous_version: z.string().nullable(),
  changed: z.array(z.object({ file: z.string(), change: z.enum(['added', 'removed', 'modified']) })),
  applied: z.boolean(),
});
export const bundleDocument = documentOf('sluice.bundle/v1', {
  version: z.string().nullable(),
  versions: z.array(z.object({ version: z.string(), applied_at: timestamp, by: z.string() })),
  files: z.record(z.string(), z.string()),
});
