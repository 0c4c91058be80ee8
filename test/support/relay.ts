import type { Duplex } from 'node:stream';
import { SluiceClient } from '../../src/client/api.js';
import { Transport } from '../../src/client/transport.js';
import { readAllowlist } from '../../src/relay/allowlist.js';
import { type RelayEvent, type RelayOptions, runRelay } from '../../src/relay/run.js';

/** A relay that runs in this process, as `sluice relay` runs one. */
export interface TestRelay {
  readonly events: readonly RelayEvent[];
  /** Resolves with the first event of this kind from here on, or that has been since `after` events. */
  heard(event: RelayEvent['event'], after?: number): Promise<RelayEvent>;
  /** What it runs into, when it gives up. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export function startRelay(
  gateway: string,
  name: string,
  options: Pick<RelayOptions, 'tokens'> & {
    readonly allow: readonly string[];
    readonly renewMs?: number;
    readonly caFile?: string;
    readonly drainMs?: number;
  },
): TestRelay {
  const stopping = new AbortController();
  const events: RelayEvent[] = [];
  const waiters = new Set<() => void>();
  const { tokens, allow, caFile = null, ...rest } = options;
  const client = new SluiceClient({ gateway, transport: new Transport({ caFile, proxy: null }), tokens });
  const ended = runRelay({
    ...rest,
    tokens,
    allowlist: readAllowlist(allow),
    dial: (token, signal) => client.openRelay(name, { token, version: 'test' }, signal),
    announce(event) {
      events.push(event);
      for (const wake of waiters) wake();
    },
    signal: stopping.signal,
    firstRetryMs: 20,
    longestRetryMs: 200,
  });
  ended.catch(() => undefined);
  const heard: TestRelay['heard'] = async (event, after = 0) => {
    for (;;) {
      const found = events.slice(after).find((each) => each.event === event);
      if (found !== undefined) return found;
      let wake = (): void => undefined;
      const next = new Promise<void>((resolve) => (wake = resolve));
      waiters.add(wake);
      await Promise.race([next, ended]);
      waiters.delete(wake);
    }
  };
  return {
    events,
    heard,
    ended,
    async stop() {
      stopping.abort(new Error('the test is over'));
      await ended.catch(() => undefined);
    },
  };
}

/** A relay's connection whose frames the test writes itself. */
export async function rawRelay(gateway: string, name: string, token: string): Promise<Duplex> {
  const tokens = { get: () => Promise.resolve(token), renew: () => Promise.resolve(null) };
  const client = new SluiceClient({ gateway, transport: new Transport({ caFile: null, proxy: null }), tokens });
  const raw = await client.openRelay(name, { token, version: 'raw' });
  raw.on('error', () => undefined);
  raw.on('end', () => raw.destroy());
  return raw;
}
