import { z } from 'zod';
import { documentOf, reason, resourceName, statementParameters, statementText } from './common.js';
import { errorDocument } from './error.js';

/** Results are bounded by the gateway, so that a caller with a small memory can trust them. */
export const defaultRowLimit = 100;
export const defaultMaxBytes = 64 * 1024;
const wholeRows = 100_000;
const wholeBytes = 16 * 1024 * 1024;
/** What is kept under an idempotency key. */
const keptBytes = 1024 * 1024;

/** Bounds of an answer; those of a stream are the caller's own business. */
const bounds = {
  limit: z.int().min(0).max(1_000_000_000).default(defaultRowLimit),
  max_bytes: z
    .int()
    .min(1)
    .max(2 ** 40)
    .default(defaultMaxBytes),
  timeout_ms: z.int().min(100).max(600_000).default(60_000),
};
const isWhole = (body: { readonly limit: number; readonly max_bytes: number }): boolean =>
  body.limit <= wholeRows && body.max_bytes <= wholeBytes;
const tooMuchAtOnce = {
  message: `an answer that is not streamed has at most ${wholeRows} rows and ${wholeBytes} bytes`,
};

const metaKey = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be letters, digits, dot, underscore or hyphen');

export const execBody = z
  .strictObject({
    target: resourceName.optional(),
    text: statementText.optional(),
    parameters: statementParameters,
    ...bounds,
    reason,
    /** Recorded with the session, to find it by. */
    meta: z
      .record(metaKey, z.string().max(256))
      .refine((meta) => Object.keys(meta).length <= 16, { message: 'at most 16 entries' })
      .default({}),
    /** Wait for people when the operation is held; else answer approval_pending at once. */
    wait: z.boolean().default(false),
    /** An approved request to spend; its text and parameters are used when `text` is missing. */
    request_id: z.string().max(64).nullable().default(null),
    /** The program that asks, as the session names it. */
    application: z
      .string()
      .regex(/^[\x20-\x7e]{1,64}$/, 'must be 1 to 64 printable ASCII characters')
      .default('sluice exec'),
    read_only: z.boolean().default(false),
    dry_run: z.boolean().default(false),
    /** Keep a result that is cut open for a while, for `next_cursor`. */
    cursor: z.boolean().default(false),
    /** Answer with NDJSON lines as rows come, without bound of the gateway's. */
    stream: z.boolean().default(false),
    /** The same key with the same input is run once; for a day, its outcome is given again. */
    idempotency_key: z
      .string()
      .regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 printable ASCII characters')
      .nullable()
      .default(null),
  })
  .refine((body) => body.request_id !== null || (body.target !== undefined && body.text !== undefined), {
    message: 'target and text are required unless request_id names a request that has them',
  })
  .refine((body) => body.stream || isWhole(body), tooMuchAtOnce)
  .refine((body) => body.idempotency_key === null || (!body.stream && body.max_bytes <= keptBytes), {
    message: `with an idempotency key the answer is whole and has at most ${keptBytes} bytes`,
  });
export type ExecBody = z.output<typeof execBody>;

export const cursorId = z.string().max(64);
export const fetchBody = z.strictObject({ cursor: cursorId, ...bounds }).refine(isWhole, tooMuchAtOnce);

/** The (last) result: every value as text, null for SQL NULL. */
const resultColumns = z.array(z.object({ name: z.string(), type: z.string() }));
const resultRows = z.array(z.array(z.string().nullable()));
export const execDocument = documentOf('sluice.exec/v1', {
  session_id: z.string(),
  target: z.string(),
  columns: resultColumns,
  rows: resultRows,
  /** Rows in `rows`, or affected by a statement that returns none. */
  row_count: z.int(),
  truncated: z.boolean(),
  /** Of a command on a machine, as text; null for SQL. `truncated`: more than max_bytes was said, and dropped. */
  exit_code: z.int().nullable(),
  stdout: z.string().nullable(),
  stderr: z.string().nullable(),
  /** Goes on with a result that was cut; for two minutes, and only for who began it. */
  next_cursor: z.string().nullable(),
  masked_columns: z.array(z.string()),
  duration_ms: z.int(),
  request_id: z.string().nullable(),
  /** The outcome of an earlier call with the same idempotency key; nothing ran now. */
  replayed: z.boolean(),
});
export type ExecDocument = z.output<typeof execDocument>;

/** One line of a streamed answer: columns, then rows, then end (with everything but the rows) or error. */
export const execStreamLine = z.discriminatedUnion('type', [
  z.object({ type: z.literal('columns'), columns: resultColumns, masked_columns: z.array(z.string()) }),
  z.object({ type: z.literal('rows'), rows: resultRows }),
  z.object({ type: z.literal('end'), result: execDocument }),
  z.object({ type: z.literal('error'), error: errorDocument.shape.error }),
]);
export type ExecStreamLine = z.output<typeof execStreamLine>;
