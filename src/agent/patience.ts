import { abortable } from '../client/tokens.js';
import { isSluiceError, SluiceError } from '../lib/errors.js';

const firstRetryMs = 100;
const longestRetryMs = 1000;

export interface Patience {
  /** How long a gateway that is away is waited for, one attempt that hangs included. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/** Runs `work`, and again while the gateway is away: with growing, jittered pauses, up to the limit. */
export async function patiently<T>(work: (signal: AbortSignal) => Promise<T>, patience: Patience): Promise<T> {
  const { limitMs, signal } = patience;
  const deadline = performance.now() + limitMs;
  for (let pauseMs = firstRetryMs; ; pauseMs = Math.min(pauseMs * 2, longestRetryMs)) {
    try {
      return await attempt(work, Math.max(deadline - performance.now(), firstRetryMs), patience);
    } catch (error) {
      const away = isSluiceError(error, 'gateway_unreachable') || isSluiceError(error, 'unavailable');
      const left = deadline - performance.now();
      if (!away || left <= 0) throw error;
      await pause(Math.min(pauseMs * (0.5 + Math.random()), left), signal);
    }
  }
}

/** One try. A network that swallows packets answers nothing at all: it must not hold the caller past the limit. */
async function attempt<T>(
  work: (signal: AbortSignal) => Promise<T>,
  leftMs: number,
  { limitMs, signal }: Patience,
): Promise<T> {
  const late = new AbortController();
  const reason = new SluiceError('timeout', `no answer within ${Math.max(1, Math.round(limitMs / 1000))} s`, {
    decider: 'network',
    retryable: true,
  });
  const timer = limitMs === 0 ? undefined : setTimeout(() => late.abort(reason), leftMs);
  try {
    return await work(AbortSignal.any([signal, late.signal]));
  } finally {
    clearTimeout(timer);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await abortable(new Promise<void>((resolve) => (timer = setTimeout(resolve, ms))), signal);
  } finally {
    clearTimeout(timer);
  }
}
