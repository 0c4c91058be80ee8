import type { ExecBody } from '../client/api-types.js';
import type { SluiceClient } from '../client/api.js';
import { SluiceError } from '../lib/errors.js';
import { parseDuration } from './durations.js';
import { execSummary, execute } from './exec.js';
import { operationText, positionalParameters } from './input.js';
import type { Output } from './output.js';
import { printRows, type RowFormat } from './rows.js';

/** What `sluice exec` was told, flags by their names. */
export interface ExecOrder {
  readonly target: string | undefined;
  readonly text: string | undefined;
  readonly rest: readonly string[];
  readonly file: string | undefined;
  readonly param: readonly string[] | undefined;
  readonly format: RowFormat;
  readonly limit: number | undefined;
  readonly 'max-bytes': number | undefined;
  readonly 'fail-on-truncate': boolean;
  readonly 'read-only': boolean;
  readonly 'dry-run': boolean;
  readonly reason: string | undefined;
  readonly wait: boolean | undefined;
  readonly timeout: string | undefined;
  readonly request: string | undefined;
}
export interface ExecContext {
  readonly out: Output;
  readonly signal: AbortSignal;
  readonly canPrompt: boolean;
}

const defaultWaitMs = 600_000;

export async function runExecCommand(client: SluiceClient, order: ExecOrder, context: ExecContext): Promise<void> {
  const { out } = context;
  const body = await bodyOf(client, order);
  if (order['dry-run']) return explainInstead(client, body, out);
  const result = await execute(client, body, {
    out,
    signal: context.signal,
    wait: order.wait ?? context.canPrompt,
    timeoutMs: order.timeout === undefined ? defaultWaitMs : parseDuration(order.timeout, '--timeout'),
    live: process.stderr.isTTY === true && !out.json,
  });
  if (out.json) out.document(result);
  else {
    if (result.columns.length > 0) await printRows(result, order.format, out);
    out.note(execSummary(result, out));
  }
  if (result.truncated && order['fail-on-truncate']) process.exitCode = 15;
}

async function bodyOf(client: SluiceClient, order: ExecOrder): Promise<ExecBody> {
  const given = await operationText(order);
  const parameters = positionalParameters(order.param ?? []);
  const options = {
    ...(order.limit === undefined ? {} : { limit: order.limit }),
    ...(order['max-bytes'] === undefined ? {} : { max_bytes: order['max-bytes'] }),
    ...(order.reason === undefined ? {} : { reason: order.reason }),
    ...(order.timeout === undefined
      ? {}
      : { timeout_ms: Math.min(600_000, parseDuration(order.timeout, '--timeout')) }),
    ...(order['read-only'] ? { read_only: true } : {}),
  };
  if (order.request !== undefined) {
    const { request } = await client.request(order.request);
    return {
      target: order.target ?? request.target,
      text: given ?? request.text,
      parameters: given === null ? request.parameters : parameters,
      request_id: request.id,
      ...options,
    };
  }
  if (order.target === undefined)
    throw new SluiceError('usage', 'Missing TARGET.', { next: [{ command: 'sluice targets', when: 'to see them' }] });
  if (given === null)
    throw new SluiceError('usage', 'Missing the operation: give TEXT, or --file FILE.', { decider: 'local' });
  return { target: order.target, text: given, parameters, ...options };
}

/** A dry run answers as `policy explain` does: nothing is sent to the target. */
async function explainInstead(client: SluiceClient, body: ExecBody, out: Output): Promise<void> {
  const { showExplanation } = await import('./explain.js');
  showExplanation(await client.dryRun(body), out);
}
