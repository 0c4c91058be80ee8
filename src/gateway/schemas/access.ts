import { z } from 'zod';
import { documentOf, listLimit, queryFlag, timestamp } from './common.js';
import { requestSummary } from './requests.js';

const note = z.object({ by: z.string(), comment: z.string(), at: timestamp });

export const grantSummary = z.object({
  id: z.string(),
  group: z.string(),
  user: z.string(),
  user_kind: z.enum(['human', 'machine']),
  reason: z.string(),
  request_id: z.string().nullable(),
  emergency: z.boolean(),
  state: z.enum(['active', 'ended', 'revoked']),
  starts_at: timestamp,
  ends_at: timestamp,
  ended_at: timestamp.nullable(),
  revoked: note.nullable(),
  /** Of an emergency that nobody has reviewed yet. */
  review_due: z.boolean(),
  review: note.nullable(),
});
export type GrantSummary = z.output<typeof grantSummary>;

export const accessOffer = z.object({
  group: z.string(),
  targets: z.array(z.string()),
  max_ms: z.int(),
  approvers: z.array(z.object({ group: z.string(), count: z.int() })),
  emergency_max_ms: z.int().nullable(),
});

export const accessBody = z.strictObject({
  name: z.string().min(1).max(128),
  duration_ms: z
    .int()
    .min(1_000)
    .max(31 * 86_400_000),
  reason: z.string().max(1000).default(''),
  emergency: z.boolean().default(false),
});
export const accessFilter = z.strictObject({
  all: queryFlag,
  mine: queryFlag,
  review_due: queryFlag,
  limit: listLimit,
});
export const grantParams = z.strictObject({ id: z.string().max(64) });
export const grantNoteBody = z.strictObject({ comment: z.string().max(2000).default('') });

export const accessDocument = documentOf('sluice.access/v1', {
  request: requestSummary.nullable(),
  grant: grantSummary.nullable(),
});
export const grantListDocument = documentOf('sluice.grants/v1', {
  grants: z.array(grantSummary),
  can_request: z.array(accessOffer),
});
export const grantDocument = documentOf('sluice.grant/v1', { grant: grantSummary });
