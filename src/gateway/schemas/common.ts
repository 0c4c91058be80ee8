import { z } from 'zod';

/** A response document: its schema's name, `ok: true`, then the fields. */
export function documentOf<Name extends string, Shape extends z.ZodRawShape>(name: Name, shape: Shape) {
  return z.object({ schema: z.literal(name), ok: z.literal(true), ...shape });
}

/** An object that takes nothing: routes without parameters refuse any. */
export const nothing = z.strictObject({});

/** RFC 3339 in UTC, milliseconds kept. */
export const timestamp = z.iso.datetime();

/** Names of targets, secrets and groups as they may stand in a path. */
export const resourceName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be letters, digits, dot, underscore or hyphen');

/** Largest statement that the API takes; the analyser has limits of its own. */
export const maxStatementChars = 1024 * 1024;

/** What is judged must be what is sent: a NUL ends a string on the wire, and a lone surrogate has no UTF-8. */
const wireText = z
  .string()
  .max(maxStatementChars)
  .refine((text) => !text.includes('\0') && !/\p{Surrogate}/u.test(text), {
    message: 'must be text without NUL or lone surrogates',
  });

export const statementText = wireText.min(1);
export const statementParameters = z.array(wireText.nullable()).max(65_535).default([]);
export const reason = z.string().max(1000).nullable().default(null);

/** `limit` of a list, from the query string. */
export const listLimit = z.coerce.number().int().min(1).max(1000).default(100);
/** `true` or `false` in a query string. */
export const queryFlag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((text) => text === 'true');

export const labels = z.record(z.string(), z.string());
export const verdict = z.enum(['allow', 'hold', 'deny']);
