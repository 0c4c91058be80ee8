import type { Duplex } from 'node:stream';
import type { TokenSource } from '../client/tokens.js';
import { abortable } from '../client/tokens.js';
import { isSluiceError, messageOf, SluiceError } from '../lib/errors.js';
import type { Allowlist } from './allowlist.js';
import { nameOf } from './frames.js';
import { RelayLink } from './link.js';
import { createConnector } from './serve.js';

/** What a relay says while it runs; with --json each is one line of NDJSON. */
export type RelayEvent =
  | { readonly event: 'connected' }
  | { readonly event: 'lost'; readonly reason: string; readonly retry_ms: number }
  | { readonly event: 'opened' | 'closed'; readonly destination: string }
  | { readonly event: 'refused'; readonly destination: string; readonly reason: string }
  | { readonly event: 'stopped' };

export interface RelayOptions {
  readonly allowlist: Allowlist;
  readonly tokens: TokenSource;
  /** Connects to the gateway with this token; what it resolves with speaks frames. */
  readonly dial: (token: string, signal: AbortSignal) => Promise<Duplex>;
  readonly announce: (event: RelayEvent) => void;
  readonly signal: AbortSignal;
  /** How long what runs may go on once the signal aborts; new connections go to another relay of this name by then. */
  readonly drainMs?: number;
  readonly firstRetryMs?: number;
  readonly longestRetryMs?: number;
  readonly renewMs?: number;
}

const defaultFirstRetryMs = 500;
const defaultLongestRetryMs = 30_000;
/** How often a fresh login is looked for: well within the minute that a token source keeps in hand. */
const defaultRenewMs = 20_000;

/**
 * Serves one relay until the signal aborts: connects, and again whenever the connection is lost, with growing, jittered
 * pauses. Throws what no retry mends before it was ever connected: no login, not permitted, a wrong address.
 */
export async function runRelay(options: RelayOptions): Promise<void> {
  const { signal, announce } = options;
  const firstMs = options.firstRetryMs ?? defaultFirstRetryMs;
  let pauseMs = firstMs;
  let wasConnected = false;
  while (!signal.aborted) {
    let reason: string;
    try {
      const link = await connect(options);
      wasConnected = true;
      pauseMs = firstMs;
      announce({ event: 'connected' });
      reason = await serveUntilLost(link, options);
    } catch (error) {
      if (signal.aborted) break;
      // A relay that worked goes on trying: its login may be given back, or the bundle that left it out.
      if (!wasConnected && !isPassing(error)) throw error;
      reason = messageOf(error);
    }
    if (signal.aborted) break;
    const waitMs = Math.round(pauseMs * (0.5 + Math.random()));
    announce({ event: 'lost', reason, retry_ms: waitMs });
    await pause(waitMs, signal);
    pauseMs = Math.min(pauseMs * 2, options.longestRetryMs ?? defaultLongestRetryMs);
  }
  announce({ event: 'stopped' });
}

function isPassing(error: unknown): boolean {
  return ['gateway_unreachable', 'unavailable', 'timeout', 'conflict'].some(
    (code) => error instanceof SluiceError && error.code === code,
  );
}

interface Connected {
  readonly transport: Duplex;
  readonly token: string;
}

async function connect({ tokens, dial, signal }: RelayOptions): Promise<Connected> {
  const token = await tokens.get(signal);
  try {
    return { transport: await dial(token, signal), token };
  } catch (error) {
    if (!isSluiceError(error, 'login_required')) throw error;
    const fresh = await tokens.renew(token, signal);
    if (fresh === null) throw error;
    return { transport: await dial(fresh, signal), token: fresh };
  }
}

/** Carries streams until the connection is over; says why it is. */
async function serveUntilLost({ transport, token }: Connected, options: RelayOptions): Promise<string> {
  const { announce, signal } = options;
  let farewell: string | null = null;
  const link = new RelayLink({
    side: 'relay',
    transport,
    onRequest: createConnector(options.allowlist, {
      opened: (to) => announce({ event: 'opened', destination: nameOf(to) }),
      closed: (to) => announce({ event: 'closed', destination: nameOf(to) }),
      refused: (to, reason) => announce({ event: 'refused', destination: nameOf(to), reason }),
    }),
    onGoodbye: (text) => (farewell = text),
  });
  let shown = token;
  // A login that cannot be renewed is no reason to cut what runs: the gateway does, when it ends.
  const renew = async (): Promise<void> => {
    const fresh = await options.tokens.get(signal);
    if (fresh === shown) return;
    shown = fresh;
    link.login(fresh);
  };
  const timer = setInterval(() => void renew().catch(() => undefined), options.renewMs ?? defaultRenewMs);
  const stop = (): void => {
    link.sayGoodbye('the relay is stopping');
    void idleWithin(link, options.drainMs ?? 0).then(() => link.destroy(new Error('the relay is stopping')));
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  await link.closed;
  clearInterval(timer);
  signal.removeEventListener('abort', stop);
  return farewell ?? link.end?.message ?? '';
}

async function idleWithin(link: RelayLink, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([link.whenIdle(), late]);
  clearTimeout(timer);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await abortable(over, signal).catch(() => undefined); // stopping is no failure
  clearTimeout(timer);
}
