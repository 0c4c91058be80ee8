import { z } from 'zod';
import { documentOf } from './common.js';

export const watchFilter = z.strictObject({
  session: z.string().max(64).optional(),
  target: z.string().max(128).optional(),
  user: z.string().max(320).optional(),
});
export const endBody = z.strictObject({ reason: z.string().trim().min(1).max(500) });
export const endDocument = documentOf('sluice.session_end/v1', {
  session_id: z.string(),
  /** False when its record was not closed within the time the gateway waits; it is being ended all the same. */
  ended: z.boolean(),
});
