import { z } from 'zod';
import { isTimeZone } from './local-time.js';
import { accessSchema } from './access.js';
import { botsSchema } from './bots.js';
import { relaysSchema } from './relays.js';

const name = (what: string): z.ZodString =>
  z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/,
      `${what} is made of letters, digits, "_", "." and "-", at most 63, and begins with a letter or digit`,
    );

const text = z.string().min(1).max(500);
const labelKey = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_./-]{0,62}$/, 'a label is made of letters, digits, "_", ".", "/" and "-"');
const labelValue = z
  .string()
  .regex(
    /^[\p{L}\p{N} _./@:+-]{0,128}$/u,
    "a label's value is made of letters, digits, spaces and _ . / @ : + -, at most 128",
  );

/** Kinds the product is meant for; only those in `servedKinds` have an engine in this version. */
export const knownKinds = [
  'postgres',
  'mysql',
  'mssql',
  'mongodb',
  'ssh',
  'command',
  'kubernetes',
  'http',
  'mcp',
  'rdp',
  'tcp',
] as const;
export const servedKinds: readonly string[] = ['postgres', 'ssh', 'command'];

const account = z.int().min(1, 'root runs nothing for anybody').max(4_294_967_294);
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'a variable is named with letters, digits and "_"');

/** targets.yaml. `kind`, `address` and `secret` are read further in targets.ts. */
export const targetsSchema = z.strictObject({
  targets: z
    .array(
      z.strictObject({
        name: name("a target's name"),
        kind: z.string(),
        /** All kinds but command. */
        address: z.string().optional(),
        database: text.optional(),
        tls: z
          .strictObject({
            mode: z.enum(['verify-full', 'require', 'disable']).default('verify-full'),
            ca: z.string().nullable().default(null),
          })
          .optional(),
        username: text.optional(),
        secret: z.string().optional(),
        labels: z.record(labelKey, labelValue).default({}),
        /** kind ssh: fingerprints or public keys of the target's host; read further in ssh-target.ts. */
        hostKey: z.union([z.string(), z.array(z.string()).min(1).max(16)]).optional(),
        /** kind ssh: variables that a client may set. */
        environment: z
          .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}\*?$/, 'a variable is NAME or PREFIX*'))
          .max(50)
          .optional(),
        /** kind ssh: `secret` is an authority's private key, and each session logs in with a certificate of its own. */
        certificate: z
          .strictObject({
            /** Whom the certificate names; `username` unless told. */
            principals: z
              .array(z.string().regex(/^[^,\s\p{Cc}]{1,128}$/u, 'a principal has no comma, space or control character'))
              .min(1)
              .max(16)
              .optional(),
            validMinutes: z.int().min(1).max(60).default(5),
          })
          .optional(),
        /** kind ssh: how much of each file moved over SFTP is kept in the recording. */
        keepFileBytes: z
          .int()
          .min(0)
          .max(64 * 1024 * 1024)
          .optional(),
        /** kind command: what the gateway runs; read further in command-target.ts. */
        command: z
          .strictObject({
            argv: z
              .array(text)
              .min(1)
              .max(64)
              .refine(([program = '']) => program.startsWith('/'), { message: 'the program needs its absolute path' }),
            runAs: z.strictObject({ uid: account, gid: account }).optional(),
            directory: z.string().startsWith('/').max(1000).default('/'),
            variables: z.record(variable, z.string().max(4096)).default({}),
            secretVariable: variable.optional(),
            secretDescriptor: z.boolean().default(false),
          })
          .optional(),
        recording: z.enum(['strict', 'durable', 'off']).default('strict'),
        /** By which of `relays` it is reached; null: from the gateway itself. */
        relay: z.string().min(1).max(63).nullable().default(null),
      }),
    )
    .max(2000),
  relays: relaysSchema.default({}),
});

const pattern = z
  .string()
  .regex(
    /^[^.\s"]+\.[^.\s"]+\.[^.\s"]+$/,
    'a column pattern is schema.table.column, each part a name or a pattern with *',
  );
const className = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'a class is named with letters, digits, "_" and "-"');
const detector = z.enum(['mask', 'off']).optional();

/** classification.yaml. */
export const classificationSchema = z.strictObject({
  classes: z
    .record(className, z.strictObject({ mask: z.enum(['redact', 'last4', 'email', 'hash', 'null']) }))
    .default({}),
  columns: z
    .array(
      z.strictObject({
        target: z
          .string()
          .regex(/^[A-Za-z0-9_.*-]{1,100}$/, 'a target pattern is a name or a pattern with *')
          .default('*'),
        column: pattern,
        class: z.string(),
      }),
    )
    .max(20_000)
    .default([]),
  detectors: z
    .strictObject({
      email: detector,
      card: detector,
      iban: detector,
      phone: detector,
      'national-id': detector,
      'private-key': detector,
      token: detector,
    })
    .default({}),
});

const groupName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.:@/-]{0,99}$/, 'a group is named with letters, digits and _ . : @ / -');
const members = z.array(text).max(10_000).default([]);

/** bindings.yaml. */
export const bindingsSchema = z.strictObject({
  groups: z
    .record(
      groupName,
      z
        .strictObject({
          /** Only tokens of this issuer count; null: any configured issuer. */
          issuer: z.string().nullable().default(null),
          claims: z.strictObject({ groups: members }).default({ groups: [] }),
          users: members,
          machines: members,
        })
        .nullable()
        .transform((binding) => binding ?? { issuer: null, claims: { groups: [] }, users: [], machines: [] }),
    )
    .default({}),
  /** Accounts of one person, machines that act for them included: none of them approves what another asks for. */
  people: z.array(z.array(text).min(2).max(50)).max(10_000).default([]),
  /** Groups that can be had for a while. */
  access: accessSchema.default({}),
  /** Programs that bring decisions on requests from a chat. */
  bots: botsSchema.default({}),
});

/** settings.yaml, which a bundle may do without. */
export const settingsSchema = z.strictObject({
  /** Where `context.hour` and `context.weekday` are read from the clock. */
  timeZone: z
    .string()
    .max(64)
    .refine(isTimeZone, 'no such time zone: give a name of the IANA database, like Europe/Oslo')
    .default('UTC'),
});
