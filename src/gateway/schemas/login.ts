import { z } from 'zod';
import { documentOf, timestamp } from './common.js';

/** How to log in here; needs no token. */
export const loginDocument = documentOf('sluice.login/v1', {
  issuer: z.string(),
  client_id: z.string(),
  audience: z.string(),
  scopes: z.array(z.string()),
  device: z.boolean(),
  browser: z.boolean(),
  demo: z.boolean(),
});

/** Who the bearer token makes of its bearer. */
export const whoamiDocument = documentOf('sluice.whoami/v1', {
  id: z.string(),
  name: z.string(),
  kind: z.enum(['human', 'machine']),
  issuer: z.string(),
  groups: z.array(z.string()),
  /** The person for whom a machine acts. */
  on_behalf_of: z.object({ id: z.string(), name: z.string() }).nullable(),
  expires_at: timestamp,
});
