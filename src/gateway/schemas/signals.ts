import { z } from 'zod';
import { signalKinds, signalSeverities } from '../../signals/signal.js';
import { documentOf, listLimit, timestamp } from './common.js';

export const signalFilter = z.strictObject({
  kind: z.enum(signalKinds).optional(),
  severity: z.enum(signalSeverities).optional(),
  user: z.string().max(320).optional(),
  since: timestamp.optional(),
  limit: listLimit,
});
/** `timeout_ms`: the watch ends by itself then. */
export const signalWatch = z.strictObject({ timeout_ms: z.coerce.number().int().min(1).max(86_400_000).optional() });
const signal = z.object({
  id: z.string(),
  kind: z.enum(signalKinds),
  severity: z.enum(signalSeverities),
  at: timestamp,
  user: z.string(),
  target: z.string().nullable(),
  summary: z.string(),
  evidence: z.array(
    z.object({
      at: timestamp,
      event: z.string(),
      session_id: z.string().nullable(),
      op: z.int().nullable(),
      object: z.string().nullable(),
    }),
  ),
});
export const signalListDocument = documentOf('sluice.signals/v1', { signals: z.array(signal) });
/** A line of the watch. */
export const signalDocument = documentOf('sluice.signal/v1', { event: z.literal('signal'), ...signal.shape });
