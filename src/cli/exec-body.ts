import type { ExecBody } from '../client/api-exec-types.js';
import type { SluiceClient } from '../client/api.js';
import { SluiceError } from '../lib/errors.js';
import { parseDuration } from './durations.js';
import { missingText, namedValues, operationText, type StdinWait } from './input.js';
import { bindParameters, type BoundText } from './named-parameters.js';
import { isLineFormat, type RowFormat } from './rows.js';

/** What `sluice exec` was told, flags by their names. */
export interface ExecOrder {
  readonly target: string | undefined;
  readonly text: string | undefined;
  readonly rest: readonly string[];
  readonly json: boolean;
  readonly file: string | undefined;
  readonly param: readonly string[] | undefined;
  readonly meta: readonly string[] | undefined;
  readonly label: readonly string[] | undefined;
  readonly format: RowFormat;
  readonly limit: number | undefined;
  readonly 'max-bytes': number | undefined;
  readonly 'fail-on-truncate': boolean;
  readonly 'read-only': boolean;
  readonly 'dry-run': boolean;
  readonly 'idempotency-key': string | undefined;
  readonly cursor: string | undefined;
  readonly reason: string | undefined;
  readonly wait: boolean | undefined;
  readonly timeout: string | undefined;
  readonly request: string | undefined;
  /** Words behind `--` are a command and its arguments. */
  readonly takesWords?: boolean;
  readonly stdin: StdinWait;
}

const longestMs = 600_000;
/** The most that one streamed answer may hold; the gateway's own bound. */
const endlessBytes = 2 ** 40;

/** Rows are printed as they come, unless the whole answer is wanted: by --json, or to be recorded under a key. */
export function isStreamed(order: ExecOrder): boolean {
  return isLineFormat(order.format) && !order.json && order['idempotency-key'] === undefined;
}

/** What goes with the text, whatever it is. */
export function optionsOf(order: ExecOrder): Omit<ExecBody, 'target' | 'text'> {
  const { limit, reason, timeout, meta } = order;
  // Whoever asks for so many rows of a stream is not asking for the first 64 KiB of them.
  const maxBytes = order['max-bytes'] ?? (limit !== undefined && isStreamed(order) ? endlessBytes : undefined);
  const key = order['idempotency-key'];
  return {
    ...(limit === undefined ? {} : { limit }),
    ...(maxBytes === undefined ? {} : { max_bytes: maxBytes }),
    ...(reason === undefined ? {} : { reason }),
    ...(timeout === undefined ? {} : { timeout_ms: Math.min(longestMs, parseDuration(timeout, '--timeout')) }),
    ...(order['read-only'] ? { read_only: true } : {}),
    ...(meta === undefined ? {} : { meta: namedValues(meta, '--meta') }),
    ...(key === undefined ? {} : { idempotency_key: key }),
    // A cursor holds a session open: only for who is told of it.
    ...(order.json && key === undefined ? { cursor: true } : {}),
  };
}

/** The text that was given, with its parameters in their places; null when there is none. */
export async function textOf(order: ExecOrder): Promise<BoundText | null> {
  const text = await operationText(order);
  if (text !== null) return bindParameters(text, order.param ?? []);
  if (order.param !== undefined) throw usage('--param needs a text to stand in.');
  return null;
}

/** What to run on one target. With --request, what was approved says what is not given. */
export async function bodyOf(client: SluiceClient, order: ExecOrder): Promise<ExecBody> {
  const given = await textOf(order);
  const options = optionsOf(order);
  if (order.request !== undefined) {
    const { request } = await client.request(order.request);
    return {
      target: order.target ?? request.target,
      ...(given ?? { text: request.text, parameters: request.parameters }),
      request_id: request.id,
      ...options,
    };
  }
  if (order.target === undefined)
    throw new SluiceError('usage', 'Missing TARGET.', { next: [{ command: 'sluice targets', when: 'to see them' }] });
  if (given === null) throw missingText();
  return { target: order.target, ...given, ...options };
}

export function usage(message: string): SluiceError {
  return new SluiceError('usage', message, { decider: 'local' });
}
