import { z } from 'zod';
import { documentOf, listLimit, timestamp } from './common.js';

/** Kinds of things that a bundle is made of. */
const thingKinds = [
  ...['policy', 'target', 'relay', 'class', 'column', 'detector', 'group', 'people', 'access', 'bot', 'setting'],
] as const;

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
export const rollbackBody = z.strictObject({
  version: z.string().min(1).max(128),
  dry_run: z.boolean().default(false),
  message: z.string().max(1000).nullable().default(null),
});
export const versionsFilter = z.strictObject({ limit: listLimit });

const change = z.enum(['added', 'removed', 'modified']);
const hunk = z.object({ before: z.int(), after: z.int(), lines: z.array(z.string()) });

export const applyDocument = documentOf('sluice.apply/v1', {
  version: z.string(),
  previous_version: z.string().nullable(),
  /** The lines of each file that differ; null for who may not read policy. */
  changed: z.array(z.object({ file: z.string(), change, hunks: z.array(hunk).nullable() })),
  /** What the bundle means otherwise, whatever its files look like. */
  things: z.array(z.object({ kind: z.enum(thingKinds), name: z.string(), change, words: z.string() })),
  applied: z.boolean(),
  /** Secrets of the vault that go nowhere new until whoever knows them has set them again. */
  secrets_to_set: z.array(z.string()),
});
export const bundleDocument = documentOf('sluice.bundle/v1', {
  version: z.string().nullable(),
  versions: z.array(z.object({ version: z.string(), applied_at: timestamp, by: z.string() })),
  files: z.record(z.string(), z.string()),
});

/** Newest first. A version that was applied again stands there again; only the newest of it is in force. */
export const bundleVersionsDocument = documentOf('sluice.bundle_versions/v1', {
  versions: z.array(
    z.object({
      version: z.string(),
      digest: z.string(),
      applied_at: timestamp,
      by: z.string(),
      message: z.string().nullable(),
      in_force: z.boolean(),
    }),
  ),
});
