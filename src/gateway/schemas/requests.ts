import { z } from 'zod';
import {
  documentOf,
  listLimit,
  queryFlag,
  reason,
  resourceName,
  statementParameters,
  statementText,
  timestamp,
} from './common.js';

export const requestState = z.enum(['pending', 'approved', 'denied', 'expired', 'cancelled', 'executed', 'failed']);
export const requestParams = z.strictObject({ id: z.string().max(64) });
export const requestFilter = z.strictObject({
  state: requestState.optional(),
  mine: queryFlag,
  limit: listLimit,
});
export const requestWait = z.strictObject({ timeout_ms: z.coerce.number().int().min(0).max(45_000).default(30_000) });
export const requestBody = z.strictObject({
  target: resourceName,
  text: statementText,
  parameters: statementParameters,
  reason,
});
export const commentBody = z.strictObject({ comment: z.string().max(2000).default('') });
export const voteBody = commentBody.extend({
  /** approve: for how long the approval is to stand for the very same operation; 0: for one run. */
  for_ms: z.int().min(0).max(86_400_000).default(0),
});

export const requestSummary = z.object({
  id: z.string(),
  state: requestState,
  target: z.string(),
  requester: z.string(),
  requester_kind: z.enum(['human', 'machine']),
  text: z.string(),
  parameters: z.array(z.string().nullable()),
  /** Under what the text is read: types of its parameters, settings of its session. */
  context: z.array(z.string()).optional(),
  /** Values of protected columns in text or parameters are not shown to the caller. */
  text_masked: z.boolean(),
  effects: z.array(z.string()),
  policies: z.array(z.string()),
  message: z.string(),
  reason: z.string().nullable(),
  required: z.array(
    z.object({
      ...{ group: z.string(), count: z.int(), have: z.int() },
      /** Only an approval with a comment counts. */
      comment: z.boolean().optional(),
    }),
  ),
  votes: z.array(
    z.object({
      name: z.string(),
      decision: z.enum(['approve', 'deny']),
      comment: z.string(),
      at: timestamp,
      /** The bot that brought the vote; null for a login of their own. */
      via: z.string().nullable(),
    }),
  ),
  session_id: z.string().nullable(),
  /** The program that asked and from where; null where nobody knows. */
  client: z
    .object({ application: z.string(), address: z.string(), via: z.enum(['tunnel', 'listener', 'exec', 'api']) })
    .nullable(),
  created_at: timestamp,
  expires_at: timestamp,
  decided_at: timestamp.nullable(),
  /** The same for the same identity, target, text, parameters and effects; keyed by the gateway. */
  digest: z.string(),
  /** Membership in a group is asked for, not that an operation may run. */
  access: z.object({ group: z.string(), duration_ms: z.int() }).nullable(),
  /** What the target answered; null before it has, and where nobody knows. */
  outcome: z.object({ ok: z.boolean(), detail: z.string(), at: timestamp }).nullable(),
  /** How long policy lets an approval stand; and since it was given for a while, until when, how often it was used again. */
  reuse: z.object({
    allowed_ms: z.int(),
    until: timestamp.nullable(),
    uses: z.int(),
    revoked: z.object({ by: z.string(), at: timestamp, comment: z.string() }).nullable(),
  }),
  /** The request whose approval let this one run. */
  reuse_of: z.string().nullable(),
  history: z.array(
    z.object({
      at: timestamp,
      from: requestState.nullable(),
      to: requestState,
      by: z.string(),
      note: z.string(),
      via: z.string().nullable(),
    }),
  ),
});
export type RequestSummary = z.output<typeof requestSummary>;

/** What helps to decide; only where one request is asked for. */
const requestReview = z.object({
  /** The text with a line for each clause; null where it is no SQL. */
  pretty: z.string().nullable(),
  /** Names in text, effects and parameters that can be taken for others by letters of several scripts (UTS 39). */
  look_alikes: z
    .array(z.object({ word: z.string(), reads_as: z.string().nullable(), letters: z.array(z.string()) }))
    .optional(),
  /** Rows that the target last counted in each table. */
  tables: z.array(z.object({ name: z.string(), rows: z.string().nullable() })),
  /** Rows that the target's planner expects, where asking it is safe. */
  estimated_rows: z.string().nullable(),
  /** Requests of the same form on the same target, whatever their values. */
  alike: z.object({
    total: z.int(),
    approved: z.int(),
    denied: z.int(),
    latest: z.array(
      z.object({
        id: z.string(),
        state: requestState,
        requester: z.string(),
        same_requester: z.boolean(),
        exactly_alike: z.boolean(),
        created_at: timestamp,
        votes: z.array(
          z.object({ name: z.string(), decision: z.enum(['approve', 'deny']), comment: z.string(), at: timestamp }),
        ),
      }),
    ),
  }),
});
export type RequestReview = z.output<typeof requestReview>;

export const requestListDocument = documentOf('sluice.requests/v1', { requests: z.array(requestSummary) });
export const requestDocument = documentOf('sluice.request/v1', {
  request: requestSummary,
  review: requestReview.nullable(),
});
