import { z } from 'zod';

const names = z.array(z.string().min(1)).max(100);
const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
/** `id int8, email text`, or one item a column. A column without a type is text. */
const columns = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => (typeof given === 'string' ? given.split(',') : given).map((column) => column.trim()));
const qualified = z.string().regex(/^[^.\s]+\.[^.\s]+$/, 'name it schema.name');

const declaredCatalog = z.strictObject({
  /** PostgreSQL's major version, whose parser reads the statements. */
  major: z.int().default(17),
  database: z.string().min(1).optional(),
  searchPath: names.default(['public']),
  tables: z.record(qualified, columns).default({}),
  views: z.record(qualified, z.strictObject({ columns, definition: z.string().min(1) })).default({}),
  functions: z
    .record(
      qualified,
      z.strictObject({
        volatility: z.enum(['immutable', 'stable', 'volatile']).default('volatile'),
        arguments: z.array(z.string()).default([]),
        returns: z.string().default('text'),
        language: z.string().default('plpgsql'),
        body: z.string().nullable().default(null),
        procedure: z.boolean().default(false),
      }),
    )
    .default({}),
});

const identity = z.strictObject({
  name: z.string().min(1).optional(),
  kind: z.enum(['human', 'machine']).default('human'),
  issuer: z.string().min(1).default('https://issuer.example'),
  mfa: z.boolean().default(false),
  /** Groups of the bundle that they are in, whatever bindings.yaml says. */
  groups: names.default([]),
  /** Groups in their token, which bindings.yaml turns into the bundle's own. */
  claims: names.default([]),
});

const text = z.string();
const flag = z.boolean();
const facts = z
  .strictObject({
    ...{ filtered: flag, class: text, volatility: text, source: text, object: text, temporary: flag, program: text },
    ...{ command: text, arguments: z.array(text), paths: z.array(text), opaque: flag, terminal: flag, path: text },
    ...{ size: count, destination: text, typed: text },
  })
  .partial();
const counters = z
  .strictObject({ rowsRead: count, bytesRead: count, statements: count, seconds: count })
  .partial()
  .default({});
const context = z.strictObject({
  approvals: names.default([]),
  reason: z.string().nullable().default(null),
  /** The moment of the decision: RFC 3339. */
  at: z.iso.datetime({ offset: true, message: '"at" must be a moment like 2026-11-23T10:00:00Z' }).optional(),
  session: counters,
  /** All sessions of the identity in the last hour. */
  identity: counters,
  /** Kinds of signals raised of the identity. */
  signals: z.array(z.string().regex(/^[a-z-]+$/)).default([]),
});

const verdict = z.enum(['allow', 'hold', 'deny']);
const expectation = z.strictObject({
  verdict,
  /** Ids of all determining policies, in any order. */
  policies: names.optional(),
  /** Groups whose approval is asked for. */
  approvals: names.optional(),
  /** Part of what the user is told. */
  message: z.string().optional(),
  /** What it would be, were the policies in shadow mode in force. */
  shadow: verdict.optional(),
  /** Output columns that stay masked, in any order. */
  masked: z.array(z.string()).optional(),
});

/** policies/*.test.yaml. */
export const fixtureSchema = z.strictObject({
  /** What exists in each target's database, by target. */
  catalog: z.record(z.string(), declaredCatalog).default({}),
  who: z.record(z.string(), identity.nullable()).default({}),
  tests: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(300),
        who: z.union([z.string(), identity]),
        target: z.string().min(1),
        statement: z.string().min(1).optional(),
        effects: z
          .array(z.union([z.string(), z.strictObject({ effect: z.string(), facts })]))
          .min(1)
          .optional(),
        context: context.optional(),
        expect: z.union([verdict, expectation]),
      }),
    )
    .min(1)
    .max(5000),
});

export type Fixture = z.output<typeof fixtureSchema>;
export type FixtureTest = Fixture['tests'][number];
export type FixtureIdentity = z.output<typeof identity>;
export type DeclaredCatalog = z.output<typeof declaredCatalog>;
export type Expectation = z.output<typeof expectation>;
