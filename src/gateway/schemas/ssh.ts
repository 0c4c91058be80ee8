import { z } from 'zod';
import { documentOf } from './common.js';

/** `host_key` as known_hosts has it: "ssh-ed25519 AAAA…". The same key answers for every target. */
export const sshDocument = documentOf('sluice.ssh/v1', {
  host_key: z.string(),
  host_key_fingerprint: z.string(),
  /** Of the native listener; null where there is none. */
  port: z.int().nullable(),
});

/** `public_key`: "ssh-ed25519 AAAA…". */
export const certificateBody = z.strictObject({ public_key: z.string().max(1000) });

/** `certificate` in one line, as OpenSSH reads it from a file whose name ends with -cert.pub. */
export const certificateDocument = documentOf('sluice.ssh_certificate/v1', {
  certificate: z.string(),
  valid_after: z.string(),
  valid_before: z.string(),
});
