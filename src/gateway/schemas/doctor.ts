import { z } from 'zod';
import { documentOf } from './common.js';

/** How the gateway's own role stands on a target. `hardening` is SQL for the database's owner. */
export const doctorDocument = documentOf('sluice.target_doctor/v1', {
  target: z.string(),
  checks: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['ok', 'warning', 'failed']),
      message: z.string(),
      hardening: z.array(z.string()),
    }),
  ),
});
