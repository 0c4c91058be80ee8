import type { ExecBody } from '../client/api-exec-types.js';
import { isSluiceError, type NextStep, SluiceError } from '../lib/errors.js';
import { quoteForShell } from '../lib/shell-quote.js';

/** An operation whose answer never came, with the commands that tell what became of it and that go on. */
export function withWayOn(error: unknown, body: ExecBody, signal: AbortSignal): unknown {
  const cut = signal.aborted && !isSluiceError(error) ? interrupted(error) : error;
  if (!isSluiceError(cut) || !isCut(cut, body)) return cut;
  const { next = [], requestId } = cut.details;
  return new SluiceError(cut.code, cut.message, {
    ...cut.details,
    requestId: requestId ?? body.request_id ?? null,
    next: [...wayOn(cut, body), ...next],
    cause: cut,
  });
}

const interrupted = (cause: unknown): SluiceError =>
  new SluiceError('interrupted', 'Interrupted.', { decider: 'local', cause });

/** Nobody has said how it ended. What was approved can be run by its request whatever the reason. */
function isCut(error: SluiceError, { request_id: request }: ExecBody): boolean {
  switch (error.code) {
    case 'interrupted':
    case 'timeout':
      return true;
    case 'gateway_unreachable':
      return request !== undefined || wasSent(error);
    case 'unavailable':
      return request !== undefined;
    default:
      return false;
  }
}

const sentCodes = ['ECONNRESET', 'EPIPE'];

/** False where no connection came to be: then there is nothing that could have run. */
function wasSent({ cause }: SluiceError): boolean {
  for (let error = cause; error instanceof Error; error = error.cause)
    if ('code' in error && typeof error.code === 'string' && !isSluiceError(error))
      return sentCodes.includes(error.code);
  return true;
}

function wayOn({ code }: SluiceError, { target, request_id, idempotency_key: key }: ExecBody): readonly NextStep[] {
  if (request_id !== undefined)
    return [
      { command: `sluice requests show ${request_id}`, when: 'to see whether it ran' },
      { command: `sluice exec --request ${request_id} --json`, when: 'if it did not: an approval is for one run' },
    ];
  const command = `sluice exec ${quoteForShell(target)} …`;
  if (key !== undefined)
    return [
      { command: `${command} --idempotency-key ${quoteForShell(key)}`, when: 'the same again gives its outcome' },
    ];
  return [
    ...(code === 'timeout' ? [{ command: `${command} --timeout 10m`, when: 'to give it longer' }] : []),
    { command: `sluice sessions list --target ${quoteForShell(target)} --limit 3`, when: 'to see what became of it' },
  ];
}
