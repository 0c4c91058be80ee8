import { z } from 'zod';

const reference = z
  .string()
  .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/, 'write env:NAME or file:PATH, never the key itself');

const anchor = z.union([
  /** Appended to, one line an anchor; best on another machine's disk. */
  z.strictObject({ file: z.string() }),
  /** Told by POST; `token` goes along as bearer token. */
  z.strictObject({ webhook: z.url({ protocol: /^https?$/ }), token: reference.nullable().default(null) }),
]);

/** `recordings` in the bootstrap file: where and how sessions are recorded. */
export const recordingsSchema = z.strictObject({
  /** Folders in STATE/recordings, each best a disk of its own, for the journals of some targets; `*` is a wildcard. */
  volumes: z.array(z.strictObject({ name: z.string(), targets: z.array(z.string()).min(1) })).default([]),
  /** Kept back on every volume, so that sessions can be ended and signed when it is full. */
  reserveMegabytes: z.number().min(0.0625).max(1024).default(4),
  /** PKCS#8 PEM, Ed25519; further keys behind the first are older ones. Null: a file in STATE/keys, made at the first start. */
  signingKey: reference.nullable().default(null),
  /** Where the ledger's head is told, so that a ledger that was rolled back shows. */
  anchors: z.array(anchor).default([]),
  anchorSeconds: z.int().min(1).max(86_400).default(60),
});
export type RecordingsConfig = z.infer<typeof recordingsSchema>;
