import { z } from 'zod';
import { documentOf, timestamp } from './common.js';

/** One connection of a relay; the last of several is the newest, which takes new connections. */
const relayConnection = z.object({
  id: z.string(),
  machine: z.string(),
  address: z.string(),
  version: z.string(),
  since: timestamp,
  streams: z.int(),
  bytes: z.int(),
});

/** The relays that targets.yaml names, with what serves them now. */
export const relayListDocument = documentOf('sluice.relays/v1', {
  relays: z.array(
    z.object({
      name: z.string(),
      groups: z.array(z.string()),
      targets: z.array(z.string()),
      connections: z.array(relayConnection),
    }),
  ),
});
