import { z } from 'zod';
import { sinkSchema } from '../signals/sinks.js';
import { recordingsSchema } from './recordings-config.js';
import { workloadsSchema } from './workloads-config.js';

/** The gateway's bootstrap file: only what it needs to start. Everything else is in the bundle. */
export const bootstrapSchema = z.strictObject({
  listen: z.strictObject({
    host: z.string().default('127.0.0.1'),
    port: z.int().min(0).max(65535).default(7480),
    tls: z.strictObject({ cert: z.string(), key: z.string() }).nullable().default(null),
  }),
  /** The URL clients use; also the audience that access tokens must carry unless an issuer says otherwise. */
  publicUrl: z.url(),
  /** State directory: state.db, index.db, recordings/, keys/, bundle/. */
  stateDir: z.string(),
  issuers: z
    .array(
      z.strictObject({
        url: z.url(),
        audience: z.string(),
        clientId: z.string(),
        groupsClaim: z.string().default('groups'),
        nameClaim: z.string().default('email'),
        /** A token is a machine's when this claim is present and true, or when its subject is its client id. */
        machineClaim: z.string().nullable().default(null),
        clockSkewSeconds: z.int().min(0).max(300).default(30),
        scopes: z.array(z.string()).default(['openid', 'profile', 'email', 'groups', 'offline_access']),
      }),
    )
    .min(1),
  /** Ways in which people may log in; both need the provider's consent too. At least one must stay. */
  login: z
    .strictObject({
      device: z.boolean().default(true),
      browser: z.boolean().default(true),
      /** So long do connections live on when the newest token that their login has shown is over. docs/login.md */
      sessionsOutliveMinutes: z
        .int()
        .min(0)
        .max(30 * 24 * 60)
        .default(8 * 60),
    })
    .refine(({ device, browser }) => device || browser, { message: 'people need at least one way to log in' })
    .prefault({}),
  listeners: z
    .strictObject({
      postgres: z
        .strictObject({
          host: z.string().default('127.0.0.1'),
          port: z.int().min(0).max(65535),
          tls: z.strictObject({ cert: z.string(), key: z.string() }).nullable().default(null),
        })
        .nullable()
        .default(null),
      /** For OpenSSH alone: the login name is the target's; a certificate of the gateway's or a registered key the login. */
      ssh: z
        .strictObject({
          host: z.string().default('127.0.0.1'),
          port: z.int().min(0).max(65535),
          /** People's own keys; null: none are taken. A key counts while its owner has shown a token of late. */
          registeredKeys: z
            .strictObject({
              seenWithinMinutes: z
                .int()
                .min(1)
                .max(30 * 24 * 60)
                .default(12 * 60),
            })
            .nullable()
            .prefault({}),
        })
        .nullable()
        .default(null),
    })
    .prefault({}),
  approvals: z.strictObject({ expireMinutes: z.int().min(1).max(10080).default(10) }).default({ expireMinutes: 10 }),
  recordings: recordingsSchema.prefault({}),
  /** Audit events as JSON Lines, each place with a queue on the disk of its own. docs/audit-events.md */
  audit: z.strictObject({ sinks: z.array(sinkSchema).max(16).default([]) }).prefault({}),
  /** Platforms whose workloads may come: their identity tokens are exchanged for the gateway's own. docs/machines.md */
  workloads: workloadsSchema.prefault({}),
  demoIdentity: z.boolean().default(false),
});
export type Bootstrap = z.infer<typeof bootstrapSchema>;
