import type { ApiRequest } from '../client/api-request-types.js';
import type { SluiceClient } from '../client/api.js';
import { isSluiceError, SluiceError, type NextStep } from '../lib/errors.js';
import { clockTime } from './durations.js';
import type { Output } from './output.js';
import { plain } from './plain.js';

export interface WaitOptions {
  readonly out: Output;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** stderr is a terminal: one line that counts, instead of a line every 15 s. */
  readonly live: boolean;
  /** What to run once it is decided, when that is not exec. */
  readonly after?: readonly NextStep[];
}

const longestCallMs = 45_000;
const reportEveryMs = 15_000;

/** What a person sees when an operation is held. */
export function holdText(request: ApiRequest, out: Output): string {
  const what = request.effects[0]?.replace(/ on .*/s, '') ?? 'this operation';
  const more = request.effects.length > 1 ? ` and ${request.effects.length - 1} more` : '';
  const needed = request.required.map(({ group, count, have }) => `${count - have} of @${group}`).join(', ');
  const policy = request.policies[0] === undefined ? '' : `policy "${request.policies[0]}", `;
  const line = `${plain(`${what}${more} on ${request.target}`)} (${plain(`${policy}${needed}`)})`;
  return `${out.paintError('yellow', '⏸')} Needs approval: ${line}      request ${request.id}`;
}

/** How to go on with a request that stays open. */
export function waitSteps(id: string, after?: readonly NextStep[]): readonly NextStep[] {
  return [
    { command: `sluice requests wait ${id} --timeout 10m --json`, when: 'to wait' },
    ...(after ?? [{ command: `sluice exec --request ${id} --json`, when: 'after approval' }]),
  ];
}

/** Waits until people have decided. Throws timeout or interrupted, the request staying open. */
export async function waitForDecision(client: SluiceClient, id: string, options: WaitOptions): Promise<ApiRequest> {
  const started = Date.now();
  const elapsed = (): number => Date.now() - started;
  const line = (): string =>
    `  waiting ${clockTime(elapsed())} / ${clockTime(options.timeoutMs)}   (Ctrl-C leaves the request open)`;
  const ticker = options.live ? setInterval(() => options.out.status(`\r\u001b[K${line()}`), 1000) : null;
  if (options.live) options.out.status(line());
  try {
    for (;;) {
      const left = Math.max(0, options.timeoutMs - elapsed());
      const call = Math.min(left, options.live ? longestCallMs : reportEveryMs);
      const { request } = await client.waitRequest(id, call, { signal: options.signal });
      if (request.state !== 'pending') return request;
      if (elapsed() >= options.timeoutMs)
        throw stillPending(`Nobody decided within ${clockTime(options.timeoutMs)}`, request, options.after);
      if (!options.live) options.out.note(line());
    }
  } catch (error) {
    throw waitCut(error, id, options);
  } finally {
    if (ticker !== null) clearInterval(ticker);
    if (options.live) options.out.status('\r\u001b[K');
  }
}

/** What kept us from waiting on decides nothing: the request is the gateway's, and no connection holds it. */
export function waitCut(error: unknown, id: string, { signal, after }: Pick<WaitOptions, 'signal' | 'after'>): unknown {
  if (isSluiceError(error) && error.details.requestId != null) return error;
  const details = { requestId: id, next: waitSteps(id, after), cause: error };
  if (signal.aborted) return new SluiceError('interrupted', `Interrupted; request ${id} stays open.`, details);
  if (!isSluiceError(error)) return error;
  const { next = [] } = error.details;
  const isLogin = error.code === 'login_required';
  if (!isLogin && !['gateway_unreachable', 'unavailable', 'timeout'].includes(error.code)) return error;
  return new SluiceError(error.code, `${error.message.replace(/\.$/, '')}; request ${id} stays open.`, {
    ...error.details,
    ...details,
    retryable: true,
    // Without a login none of the other commands does anything.
    next: isLogin ? [...next, ...details.next] : [...details.next, ...next],
  });
}

function stillPending(why: string, request: ApiRequest, after?: readonly NextStep[]): SluiceError {
  return new SluiceError('timeout', `${why}; request ${request.id} stays open.`, {
    decider: 'gateway',
    policy: request.policies[0] ?? null,
    requestId: request.id,
    expiresAt: request.expires_at,
    retryable: true,
    next: waitSteps(request.id, after),
  });
}

/** Nobody has said no: it may be asked for again, in no connection, so that the request outlives them. */
function againStep({ access, target }: ApiRequest): NextStep {
  const command = access === null ? `sluice requests create ${target} …` : `sluice access request ${access.group} …`;
  return { command, when: 'to ask again' };
}

/** A decided request that lets nothing run, as the error it is; null when it was approved. */
export function refusalOf(request: ApiRequest): SluiceError | null {
  const details = { decider: 'gateway', requestId: request.id, policy: request.policies[0] ?? null } as const;
  switch (request.state) {
    case 'denied': {
      const vote = request.votes.findLast(({ decision }) => decision === 'deny');
      const by = vote === undefined ? '' : ` by ${vote.name}${vote.comment === '' ? '' : ` ("${vote.comment}")`}`;
      const next = [{ command: `sluice requests show ${request.id}`, when: 'to see what was asked and said' }];
      return new SluiceError('request_denied', `Request ${request.id} was denied${by}.`, { ...details, next });
    }
    case 'cancelled': {
      const step = request.history.findLast(({ to }) => to === 'cancelled');
      const why = step === undefined ? '' : ` by ${step.by}${step.note === '' ? '' : `: ${step.note}`}`;
      const next = [againStep(request)];
      return new SluiceError('request_denied', `Request ${request.id} was cancelled${why}.`, { ...details, next });
    }
    case 'expired': {
      const unused = request.history.some(({ to }) => to === 'approved');
      const why = unused ? 'it was approved, and not used in time' : 'nobody decided in time';
      const next = [againStep(request)];
      return new SluiceError('request_expired', `Request ${request.id} expired: ${why}.`, { ...details, next });
    }
    case 'pending':
    case 'approved':
    case 'executed':
    case 'failed':
      return null;
  }
}

/** `✓ Approved by reviewer@corp.example ("ok, INC-42")` */
export function approvalText(request: ApiRequest, out: Output): string {
  const votes = request.votes.filter(({ decision }) => decision === 'approve');
  const by = votes.map(({ name, comment }) => plain(`${name}${comment === '' ? '' : ` ("${comment}")`}`)).join(', ');
  return `${out.paintError('green', '✓')} Approved${by === '' ? '' : ` by ${by}`}`;
}
