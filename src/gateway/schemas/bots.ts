import { z } from 'zod';
import { documentOf } from './common.js';
import { requestState } from './requests.js';

export const botParams = z.strictObject({ name: z.string().max(64) });
export const botDecisionBody = z.strictObject({
  /** The decision as the bot signed it: a JWS in compact form. docs/bots.md */
  decision: z.string().max(49_152),
});

/** What became of it; of the statement it says nothing, since the bot may not read it. */
export const botDecisionDocument = documentOf('sluice.decision/v1', {
  request_id: z.string(),
  state: requestState,
  decision: z.enum(['approve', 'deny']),
  bot: z.string(),
  on_behalf_of: z.string(),
  required: z.array(z.object({ group: z.string(), count: z.int(), have: z.int() })),
});
