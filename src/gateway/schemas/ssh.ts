import { z } from 'zod';
import { documentOf, timestamp } from './common.js';

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

const registeredKey = z.object({
  id: z.string(),
  fingerprint: z.string(),
  public_key: z.string(),
  label: z.string(),
  added_at: timestamp,
  expires_at: timestamp.nullable(),
  used_at: timestamp.nullable(),
});

export const keyParams = z.strictObject({ id: z.string().min(1).max(100) });

/**
 * `public_key`: "ssh-ed25519 AAAA…". `proof`: `ssh-keygen -Y sign -n NAMESPACE` over the `statement` that GET gives.
 */
export const keyBody = z.strictObject({
  public_key: z.string().max(1000),
  proof: z.string().max(4096),
  label: z
    .string()
    .max(100)
    .regex(/^\P{Cc}*$/u, 'must be one line')
    .default(''),
  expires_at: timestamp.nullable().default(null),
});

/** Answer to GET, POST and DELETE: the caller's own keys afterwards. */
export const keyListDocument = documentOf('sluice.ssh_keys/v1', {
  /** What is to be signed, and for what purpose, to register one. */
  statement: z.string(),
  namespace: z.string(),
  /** How long after its owner was last seen a key opens nothing; null where none is taken at all. */
  seen_within_minutes: z.int().nullable(),
  keys: z.array(registeredKey),
});
