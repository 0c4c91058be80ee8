import { z } from 'zod';
import { documentOf } from './common.js';

/** `host_key` as known_hosts has it: "ssh-ed25519 AAAA…". The same key answers for every target. */
export const sshDocument = documentOf('sluice.ssh/v1', { host_key: z.string(), host_key_fingerprint: z.string() });
