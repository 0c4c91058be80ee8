import type { ExecBody, ExecResult } from '../client/api-exec-types.js';
import type { SluiceClient } from '../client/api.js';
import { isSluiceError } from '../lib/errors.js';
import { parseDuration } from './durations.js';
import { bodyOf, type ExecOrder, isStreamed, optionsOf, usage } from './exec-body.js';
import { type ExecOptions, execSummary, execute, streamRows } from './exec.js';
import { exitCodeOf, ownFailureBase } from './exit-codes.js';
import { type Output, writeText } from './output.js';
import { isLineFormat, printRows } from './rows.js';
import { isDatabase, takesWords } from './target-words.js';

export interface ExecContext {
  readonly out: Output;
  readonly signal: AbortSignal;
  readonly canPrompt: boolean;
  /** Says whether a remote program's exit code will be this one's: then failures of Sluice's own need others. */
  readonly onKind: (isCommand: boolean) => void;
  /** Says of a refusal whether it was a database that was not contacted. */
  readonly onRefused: (isDatabase: boolean) => void;
}

const defaultWaitMs = 600_000;

export async function runExecCommand(client: SluiceClient, order: ExecOrder, context: ExecContext): Promise<void> {
  const { out, signal } = context;
  if (order.cursor !== undefined || order.label !== undefined) context.onKind(false);
  if (order.cursor !== undefined) return finish(await fetchOn(client, order, signal), order, out);
  if (order.label !== undefined) {
    const { runOnLabelled } = await import('./exec-many.js');
    return runOnLabelled(client, order, context);
  }
  const isCommand = await takesWords(client, order);
  context.onKind(isCommand);
  const body = await bodyOf(client, { ...order, takesWords: isCommand });
  if (order['dry-run']) return explainInstead(client, body, out);
  const options = {
    out,
    signal,
    wait: order.wait ?? context.canPrompt,
    timeoutMs: order.timeout === undefined ? defaultWaitMs : parseDuration(order.timeout, '--timeout'),
    live: process.stderr.isTTY === true && !out.json,
  };
  try {
    await sendAndShow(client, body, order, { ...context, isCommand, options });
  } catch (error) {
    if (isSluiceError(error, 'denied')) context.onRefused(await isDatabase(client, body.target));
    throw error;
  }
}

interface Sending extends ExecContext {
  readonly isCommand: boolean;
  readonly options: ExecOptions;
}

async function sendAndShow(client: SluiceClient, body: ExecBody, order: ExecOrder, sending: Sending): Promise<void> {
  const { out, signal, isCommand, options } = sending;
  const { format } = order;
  if (!isCommand && isStreamed(order) && isLineFormat(format)) {
    const send = (sent: ExecBody) => streamRows(client, sent, { out, signal, format });
    const result = await execute(client, body, send, options);
    out.note(execSummary(result, order.limit, out));
    return failIfCut(result, order);
  }
  await finish(await execute(client, body, (sent) => client.exec(sent, { signal }), options), order, out);
}

async function finish(result: ExecResult, order: ExecOrder, out: Output): Promise<void> {
  if (out.json) out.document(result);
  else if (result.exit_code != null) await passOutput(result, order, out);
  else {
    if (result.columns.length > 0) await printRows(result, order.format, out);
    out.note(execSummary(result, order.limit, out));
  }
  failIfCut(result, order);
}

function failIfCut(result: ExecResult, order: ExecOrder): void {
  if (result.exit_code != null) process.exitCode = result.exit_code;
  if (result.truncated && order['fail-on-truncate'])
    process.exitCode = result.exit_code == null ? exitCodeOf('truncated') : ownFailureBase + exitCodeOf('truncated');
}

/** A command's own output, each stream where it belongs, then what Sluice has to say. */
async function passOutput(result: ExecResult, order: ExecOrder, out: Output): Promise<void> {
  await writeText(process.stdout, result.stdout ?? '');
  await writeText(process.stderr, result.stderr ?? '');
  out.note(execSummary(result, order.limit, out));
}

/** The next page of a result; what it is of was said when it began. */
function fetchOn(client: SluiceClient, order: ExecOrder, signal: AbortSignal): Promise<ExecResult> {
  const { cursor = '', target, text, file, param, request } = order;
  if ([target, text, file, param, request].some((given) => given !== undefined) || order.rest.length > 0)
    throw usage('--cursor goes on with a result; give no target, text or parameters.');
  const { limit, max_bytes, timeout_ms } = optionsOf(order);
  return client.fetchRows(
    {
      cursor,
      ...(limit === undefined ? {} : { limit }),
      ...(max_bytes === undefined ? {} : { max_bytes }),
      ...(timeout_ms === undefined ? {} : { timeout_ms }),
    },
    { signal },
  );
}

/** A dry run answers as `policy explain` does: nothing is sent to the target. */
async function explainInstead(client: SluiceClient, body: ExecBody, out: Output): Promise<void> {
  const { showExplanation } = await import('./explain.js');
  showExplanation(await client.dryRun(body), out);
}
