import { z } from 'zod';

const reference = z
  .string()
  .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/, 'write env:NAME or file:PATH, never the key itself');

const anchor = z.union([
  /** Appended to, one line an anchor; best on another machine's disk. */
  z.strictObject({ file: z.string() }),
  /** In the bucket of `objects`, an object each. */
  z.strictObject({ objects: z.literal(true) }),
  /** Told by POST; `token` goes along as bearer token. */
  z.strictObject({ webhook: z.url({ protocol: /^https?$/ }), token: reference.nullable().default(null) }),
]);

/** Object storage that speaks S3; docs/recordings.md. */
const objects = z.strictObject({
  bucket: z.string().min(1),
  prefix: z.string().default(''),
  region: z.string().default('us-east-1'),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .default(null),
  pathStyle: z.boolean().default(false),
  /** Null: where the AWS SDK finds them by itself. */
  credentials: z
    .strictObject({ accessKeyId: z.string().min(1), secretKey: reference })
    .nullable()
    .default(null),
  lock: z
    .strictObject({ mode: z.enum(['COMPLIANCE', 'GOVERNANCE']), days: z.int().min(1).max(36_500) })
    .nullable()
    .default(null),
  /** Days that a journal stays on the gateway's own disk as well; null: for good. */
  localDays: z.number().min(0).max(36_500).nullable().default(null),
});

const days = z.number().positive().max(36_500).nullable();

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
  /** Who can read what is recorded from now on: `age1…`, or files of them. None: recordings are not encrypted. */
  recipients: z.array(z.string().min(1)).max(64).default([]),
  /** An identity with which this gateway reads encrypted recordings; null: it cannot, and does not index what is in them. */
  identityFile: z.string().nullable().default(null),
  /** Days after its end that a recording is deleted, unless it is held; null: never. */
  retention: z
    .strictObject({ days: days.default(null), byTarget: z.record(z.string(), days).default({}) })
    .prefault({}),
  /** Days after its end that a journal is packed; null: never. */
  sealAfterDays: z.number().min(0).max(36_500).nullable().default(7),
  objects: objects.nullable().default(null),
  anchorSeconds: z.int().min(1).max(86_400).default(60),
});
export type RecordingsConfig = z.infer<typeof recordingsSchema>;
