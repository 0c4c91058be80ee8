import { z } from 'zod';
import { documentOf, resourceName, timestamp } from './common.js';

/** An id as it is now, or as the first versions gave them (a UUID). */
export const copyParams = z.strictObject({ name: resourceName, id: z.string().regex(/^[0-9a-z_-]{1,64}$/) });
export const copyEnd = z.strictObject({ reason: z.string().min(1).max(1000) });

const column = { id: z.string(), column: z.string(), class: z.string(), derived: z.boolean() };

/** Columns that hold copies of protected values, oldest first. */
export const copiesDocument = documentOf('sluice.copies/v1', {
  target: z.string(),
  copies: z.array(
    z.object({
      /** `schema.table.column`; `*` for every column. */
      ...column,
      since: timestamp,
      /** The last time of each; none are known of copies that are older than these notes. */
      made_by: z.array(z.object({ user: z.string(), session_id: z.string(), op: z.int(), at: timestamp })),
    }),
  ),
});

export const copyEndDocument = documentOf('sluice.copy_end/v1', { target: z.string(), ...column });
