import { z } from 'zod';

/** `sluice.error/v1`: what every failure looks like, on every route. */
export const errorDocument = z.object({
  schema: z.literal('sluice.error/v1'),
  ok: z.literal(false),
  error: z.object({
    code: z.string(),
    exit_code: z.int(),
    decider: z.enum(['gateway', 'target', 'network', 'local', 'identity-provider']),
    policy: z.string().nullable(),
    message: z.string(),
    retryable: z.boolean(),
    request_id: z.string().nullable(),
    expires_at: z.string().nullable(),
    /** The target's own code (SQLSTATE) when it rejected the operation. */
    target_code: z.string().nullable(),
    /** False: nothing of the operation reached the target. Null: not known, or no operation. */
    target_contacted: z.boolean().nullable().optional(),
    next: z.array(z.object({ command: z.string(), when: z.string() })),
  }),
});
export type ErrorDocument = z.output<typeof errorDocument>;
