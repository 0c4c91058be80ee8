import { z } from 'zod';
import { documentOf, resourceName, timestamp } from './common.js';

export const secretParams = z.strictObject({ name: resourceName });
export const secretBody = z.strictObject({ value: z.string().min(1).max(65_536) });
/** Answer to GET, PUT and DELETE: what there is afterwards, never a value. */
export const secretListDocument = documentOf('sluice.secrets/v1', {
  secrets: z.array(z.object({ name: z.string(), updated_at: timestamp, updated_by: z.string() })),
});
