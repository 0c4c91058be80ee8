import type { ExecBody, ExecResult } from '../client/api-exec-types.js';
import type { SluiceClient } from '../client/api.js';
import { isSluiceError, SluiceError } from '../lib/errors.js';
import { quoteForShell } from '../lib/shell-quote.js';
import { approvalText, holdText, refusalOf, waitCut, waitForDecision, waitSteps } from './hold.js';
import type { Output } from './output.js';
import { type LineFormat, rowLines } from './rows.js';

export interface ExecOptions {
  readonly out: Output;
  readonly signal: AbortSignal;
  /** Wait for people when the operation is held; else end with approval_pending. */
  readonly wait: boolean;
  readonly timeoutMs: number;
  readonly live: boolean;
}

/**
 * Runs one operation by `send`. A held one is never kept open on the wire: the gateway opens the request and answers at
 * once, this side waits for the decision in short calls, then sends exactly what was approved. So a lost connection
 * loses nothing.
 */
export async function execute<T>(
  client: SluiceClient,
  body: ExecBody,
  send: (body: ExecBody) => Promise<T>,
  options: ExecOptions,
): Promise<T> {
  const run = async (asked: ExecBody): Promise<T> => {
    try {
      return await send({ ...asked, wait: false });
    } catch (error) {
      throw await explained(error, asked, options.signal);
    }
  };
  try {
    return await run(body);
  } catch (error) {
    const held = isSluiceError(error, 'approval_pending') ? error.details.requestId : null;
    if (held == null || !isSluiceError(error)) throw error;
    if (!options.wait) throw withNext(error, held);
    const { request } = await client.request(held, { signal: options.signal }).catch((cut: unknown) => {
      throw waitCut(cut, held, options);
    });
    options.out.note(holdText(request, options.out));
    const decided = await waitForDecision(client, held, options);
    const refusal = refusalOf(decided);
    if (refusal !== null) throw refusal;
    options.out.note(approvalText(decided, options.out));
    return run({ ...body, request_id: held });
  }
}

/** What went wrong, with how to go on where that is not said yet. */
async function explained(error: unknown, body: ExecBody, signal: AbortSignal): Promise<unknown> {
  if (isSluiceError(error, 'target_rejected')) return /^\s*\\/.test(body.text) ? withPsql(error, body) : error;
  if (isSluiceError(error, 'approval_pending')) return error;
  // Loaded only where something was cut off: what goes well starts sooner without it.
  const { withWayOn } = await import('./exec-cut.js');
  return withWayOn(error, body, signal);
}

/** What begins with a backslash is a command of psql's own, which no server knows. */
function withPsql(error: SluiceError, { target, text }: ExecBody): SluiceError {
  const command = `sluice connect ${target} -- psql -c ${quoteForShell(text.trim())}`;
  const next = [{ command, when: 'to run a command of psql’s own' }];
  return new SluiceError('target_rejected', error.message, { ...error.details, next, cause: error });
}

/** Sends an operation whose rows are printed as they come, as fast as they are read; returns the result without them. */
export async function streamRows(
  client: SluiceClient,
  body: ExecBody,
  { out, signal, format }: { readonly out: Output; readonly signal: AbortSignal; readonly format: LineFormat },
): Promise<ExecResult> {
  let lines: ReturnType<typeof rowLines> | null = null;
  for await (const line of await client.execStream(body, { signal })) {
    switch (line.type) {
      case 'columns':
        lines = rowLines(line.columns, format);
        if (line.columns.length > 0) await out.flow(lines.head);
        break;
      case 'rows':
        if (lines !== null) await out.flow(lines.rows(line.rows));
        break;
      case 'end':
        return line.result;
      case 'error':
        throw new TypeError('the client throws what a stream ends with');
    }
  }
  throw new TypeError('a stream ends with its result');
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
export function execSummary(result: ExecResult, limit: number | undefined, out: Output): string {
  if (result.exit_code != null) return commandSummary(result, out);
  const rows = `${result.row_count} ${result.row_count === 1 ? 'row' : 'rows'}${cutText(result, limit)}`;
  const masked = result.masked_columns.length === 0 ? '' : `   masked: ${result.masked_columns.join(', ')}`;
  const replay =
    result.session_id === '' ? '' : `   session ${result.session_id}   replay: sluice play ${result.session_id}`;
  const again = result.replayed ? '   (the outcome of an earlier call; nothing ran now)' : '';
  return `${out.paintError('green', '✓')} ${rows}${masked}${replay}${again}`;
}

/** The gateway's own bound. */
const defaultLimit = 100;

/** Which bound cut it: with fewer rows than it may have, that of bytes. */
export function cutText({ truncated, row_count: rows }: ExecResult, limit = defaultLimit): string {
  return truncated ? ` (more were cut; see ${rows < limit ? '--max-bytes' : '--limit'})` : '';
}

/** `✓ exit 0   session ses_19f0   replay: sluice play ses_19f0` */
function commandSummary(result: ExecResult, out: Output): string {
  const good = result.exit_code === 0;
  const sign = out.paintError(good ? 'green' : 'red', good ? '✓' : '✗');
  const cut = result.truncated ? ' (more was said, and cut; see --max-bytes)' : '';
  return `${sign} exit ${result.exit_code}${cut}   session ${result.session_id}   replay: sluice play ${result.session_id}`;
}
