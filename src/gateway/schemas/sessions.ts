import { z } from 'zod';
import { documentOf, listLimit, timestamp, verdict } from './common.js';

const sessionState = z.enum(['live', 'closed', 'interrupted']);
const cursor = z.string().max(512).optional();

export const sessionParams = z.strictObject({ id: z.string().max(64) });
export const sessionFilter = z.strictObject({
  target: z.string().max(128).optional(),
  user: z.string().max(320).optional(),
  /** The name of the person for whom a machine acted. */
  on_behalf_of: z.string().max(320).optional(),
  state: sessionState.optional(),
  limit: listLimit,
  cursor,
});
/** Which part of a long session's operations to show. */
export const sessionPage = z.strictObject({
  limit: z.coerce.number().int().min(1).max(10_000).default(1000),
  after_op: z.coerce.number().int().min(0).default(0),
});
export const sessionSearch = z.strictObject({
  q: z.string().min(1).max(500),
  target: z.string().max(128).optional(),
  user: z.string().max(320).optional(),
  on_behalf_of: z.string().max(320).optional(),
  limit: listLimit,
  cursor,
});

const sessionFields = {
  id: z.string(),
  target: z.string(),
  user: z.string(),
  user_kind: z.enum(['human', 'machine']),
  /** Who acted; without an id where there is no journal. */
  actor: z.object({ id: z.string().nullable(), name: z.string(), kind: z.enum(['human', 'machine']) }),
  /** The person for whom a machine acted. */
  on_behalf_of: z.object({ id: z.string(), name: z.string() }).nullable(),
  client: z.string(),
  via: z.enum(['tunnel', 'listener', 'exec']),
  started_at: timestamp,
  ended_at: timestamp.nullable(),
  state: sessionState,
  end_reason: z.string().nullable(),
  operations: z.int(),
  denied: z.int(),
  rows: z.int(),
  recording: z.enum(['strict', 'durable', 'off']),
};
export const sessionSummary = z.object(sessionFields);
export const sessionListDocument = documentOf('sluice.sessions/v1', {
  sessions: z.array(sessionSummary),
  next_cursor: z.string().nullable(),
});
export const sessionSearchDocument = documentOf('sluice.session_search/v1', {
  sessions: z.array(
    z.object({
      ...sessionFields,
      matches: z.array(
        z.object({ op: z.int(), at: timestamp, text: z.string(), snippet: z.string(), verdict: verdict.nullable() }),
      ),
    }),
  ),
  next_cursor: z.string().nullable(),
  /** Matching operations in all sessions; at least so many when capped. */
  match_count: z.int(),
  match_count_capped: z.boolean(),
});

export const recordedOperation = z.object({
  op: z.int(),
  at: timestamp,
  kind: z.string(),
  text: z.string(),
  parameters: z.array(z.string().nullable()),
  effects: z.array(z.string()),
  verdict: verdict.nullable(),
  policies: z.array(z.string()),
  message: z.string().nullable(),
  request_id: z.string().nullable(),
  row_count: z.int().nullable(),
  error: z.string().nullable(),
  duration_ms: z.int().nullable(),
});
export const sessionDocument = documentOf('sluice.session/v1', {
  session: sessionSummary,
  operations: z.array(recordedOperation),
  /** Hand back as `after_op` to read on; null when these were the last. */
  next_op: z.int().nullable(),
});

/** `key` opens this one session's journal, base64; null when it is not encrypted. */
export const sessionKeyDocument = documentOf('sluice.session_key/v1', {
  session_id: z.string(),
  key: z.string().nullable(),
});
export const sessionHold = z.strictObject({ reason: z.string().min(1).max(1000) });
export const sessionHoldDocument = documentOf('sluice.session_hold/v1', {
  session_id: z.string(),
  held: z.boolean(),
});

export const verifyDocument = documentOf('sluice.verify/v1', {
  valid: z.boolean(),
  sessions: z.array(
    z.object({
      id: z.string(),
      valid: z.boolean(),
      records: z.int(),
      problem: z.object({ record: z.int(), byte: z.int(), message: z.string() }).nullable(),
    }),
  ),
  ledger: z.object({
    valid: z.boolean(),
    entries: z.int(),
    problem: z.string().nullable(),
    notice: z.string().nullable(),
  }),
});
export const keysDocument = documentOf('sluice.keys/v1', {
  keys: z.array(
    z.object({ id: z.string(), algorithm: z.literal('Ed25519'), public_key_pem: z.string(), state: z.string() }),
  ),
});
