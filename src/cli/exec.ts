import type { ExecBody, ExecResult } from '../client/api-types.js';
import type { SluiceClient } from '../client/api.js';
import { isSluiceError, SluiceError } from '../lib/errors.js';
import { approvalText, holdText, refusalOf, waitForDecision, waitSteps } from './hold.js';
import type { Output } from './output.js';

export interface ExecOptions {
  readonly out: Output;
  readonly signal: AbortSignal;
  /** Wait for people when the operation is held; else end with approval_pending. */
  readonly wait: boolean;
  readonly timeoutMs: number;
  readonly live: boolean;
}

/**
 * Runs one operation. A held one is never kept open on the wire: the gateway opens the request and answers at once, this
 * side waits for the decision in short calls, then runs exactly what was approved. So a lost connection loses nothing.
 */
export async function execute(client: SluiceClient, body: ExecBody, options: ExecOptions): Promise<ExecResult> {
  try {
    return await client.exec({ ...body, wait: false }, { signal: options.signal });
  } catch (error) {
    const held = isSluiceError(error, 'approval_pending') ? error.details.requestId : null;
    if (held == null || !isSluiceError(error)) throw error;
    if (!options.wait) throw withNext(error, held);
    const { request } = await client.request(held);
    options.out.note(holdText(request, options.out));
    const decided = await waitForDecision(client, held, options);
    const refusal = refusalOf(decided);
    if (refusal !== null) throw refusal;
    options.out.note(approvalText(decided, options.out));
    return client.exec({ ...body, wait: false, request_id: held }, { signal: options.signal });
  }
}

function withNext(error: SluiceError, request: string): SluiceError {
  const next = error.details.next ?? [];
  return new SluiceError(error.code, error.message, {
    ...error.details,
    retryable: true,
    next: next.length === 0 ? waitSteps(request) : next,
  });
}

/** `✓ 1 row   session ses_19f0   masked: email   replay: sluice play ses_19f0` */
export function execSummary(result: ExecResult, out: Output): string {
  const rows = `${result.row_count} ${result.row_count === 1 ? 'row' : 'rows'}${result.truncated ? ' (more were cut; see --limit)' : ''}`;
  const masked = result.masked_columns.length === 0 ? '' : `   masked: ${result.masked_columns.join(', ')}`;
  const replay =
    result.session_id === '' ? '' : `   session ${result.session_id}   replay: sluice play ${result.session_id}`;
  return `${out.paintError('green', '✓')} ${rows}${masked}${replay}`;
}
