import { Readable } from 'node:stream';
import { SluiceError } from '../../lib/errors.js';
import type { Signal } from '../../signals/signal.js';
import { type ApiRoute, type Call, ok, route } from '../api-route.js';
import { decideOnGateway } from '../authorise.js';
import { nothing } from '../schemas/common.js';
import { signalFilter, signalListDocument, signalWatch } from '../schemas/signals.js';
import type { GatewayServices } from '../services.js';

const maxWatchers = 100;
const maxWaiting = 1_000;
const heartbeatMs = 15_000;

/** Signals speak of what people do in their sessions, so they take the permission to read those. */
export function signalRoutes(services: GatewayServices): readonly ApiRoute[] {
  const { audit, signalling } = services;
  return [
    route({
      method: 'GET',
      path: '/v1/signals',
      access: 'readSession',
      summary: 'Signals that were raised, newest first',
      params: nothing,
      query: signalFilter,
      body: nothing,
      response: signalListDocument,
      async handle({ principal }, { query: { since, ...filter } }) {
        audit.record(principal, 'signal.list', 'signals', {});
        const from = since === undefined ? undefined : Date.parse(since);
        return ok('sluice.signals/v1', { signals: signalling.book.list({ ...filter, since: from }).map(view) });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/signals/watch',
      access: 'readSession',
      summary:
        'Signals as they are raised, one JSON object a line, until the client leaves or `timeout_ms` have passed',
      params: nothing,
      query: signalWatch,
      body: nothing,
      response: null,
      async handle(call, { query }) {
        if (signalling.watching >= maxWatchers)
          throw new SluiceError('unavailable', 'too many are watching signals now', { retryable: true });
        audit.record(call.principal, 'signal.watch', 'signals', {});
        const stream = Readable.from(raised(services, call, query.timeout_ms ?? null));
        return { kind: 'stream', type: 'application/x-ndjson; charset=utf-8', fileName: 'signals.jsonl', stream };
      },
    }),
  ];
}

/** Ends when the watcher leaves, its token expires, policy takes the right away, or the gateway stops. */
async function* raised(
  services: GatewayServices,
  call: Call,
  timeoutMs: number | null,
): AsyncGenerator<string, void, undefined> {
  const { signalling, connections, clock, configuration, refreshPrincipal } = services;
  const signal = AbortSignal.any([
    call.signal,
    connections.drainSignal,
    ...(timeoutMs === null ? [] : [AbortSignal.timeout(timeoutMs)]),
  ]);
  const waiting: Signal[] = [];
  let wake: (() => void) | null = null;
  const leave = signalling.watch((one) => {
    if (waiting.length >= maxWaiting) waiting.shift();
    waiting.push(one);
    wake?.();
  });
  const onAbort = (): void => wake?.();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    yield `${JSON.stringify({ event: 'watching' })}\n`;
    while (!signal.aborted) {
      if (waiting.length === 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, heartbeatMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      const mayWatch =
        clock() < call.token.expiresAt &&
        decideOnGateway(configuration.current().policies, refreshPrincipal(call.principal), 'readSession').verdict ===
          'allow';
      if (signal.aborted || !mayWatch) return;
      const lines = waiting
        .splice(0)
        .map((one) => JSON.stringify({ schema: 'sluice.signal/v1', ok: true, event: 'signal', ...view(one) }));
      yield lines.length === 0 ? `${JSON.stringify({ event: 'heartbeat' })}\n` : `${lines.join('\n')}\n`;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    leave();
  }
}

function view({ id, kind, severity, at, identity, target, summary, evidence }: Signal) {
  return {
    ...{ id, kind, severity, at, user: identity.name, target, summary },
    evidence: evidence.map(({ session, ...rest }) => ({ ...rest, session_id: session })),
  };
}
