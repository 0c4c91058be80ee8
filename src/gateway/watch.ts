import { createReadStream } from 'node:fs';
import type { AuditEvent } from '../signals/audit-event.js';
import { decideOnGateway } from './authorise.js';
import type { Call } from './api-route.js';
import type { GatewayServices } from './services.js';

const heartbeatMs = 15_000;
/** Rows make no event of note: growth is looked for this often. */
const growthMs = 200;

export interface WatchFilter {
  readonly session?: string | undefined;
  readonly target?: string | undefined;
  readonly user?: string | undefined;
}

/**
 * The sessions that are live now, then what happens in them, each a line of JSON. Ends when the watcher leaves, its token
 * expires, policy takes the right away, or the gateway stops. Quiet time is broken by heartbeats.
 */
export async function* liveEvents(
  services: GatewayServices,
  call: Call,
  filter: WatchFilter,
): AsyncGenerator<string, void, undefined> {
  const { connections, oversight, clock, sessions } = services;
  const signal = AbortSignal.any([call.signal, connections.drainSignal]);
  const wants = (event: AuditEvent): boolean =>
    (call.scope === 'all' || event.actor?.id === call.principal.id) &&
    (filter.session === undefined || event.session === filter.session) &&
    (filter.target === undefined || event.target === filter.target) &&
    (filter.user === undefined || event.actor?.name === filter.user);
  const subscription = oversight.feed.subscribe(wants);
  try {
    // The first line says that one is heard: an answer without a byte is not sent.
    yield lineOf({ event: 'watching' });
    for (const { id, principal, target, startedAt } of sessions.all()) {
      const event = oversight.liveEvent({ id, principal, target, startedAt });
      if (wants(event)) yield lineOf(event);
    }
    while (!signal.aborted) {
      const { events, missed } = await subscription.take(signal, heartbeatMs);
      const refusal = clock() >= call.token.expiresAt ? 'the token has expired' : refusalOf(services, call);
      if (refusal !== null) {
        yield lineOf({ event: 'end', reason: refusal });
        return;
      }
      if (missed > 0) yield lineOf({ event: 'missed', count: missed });
      if (events.length > 0) yield events.map(lineOf).join('');
      // One session's events end with it.
      if (filter.session !== undefined && events.some(({ event }) => event === 'session.ended')) return;
      if (events.length > 0) continue;
      if (!signal.aborted) yield lineOf({ event: 'heartbeat' });
    }
  } finally {
    subscription.end();
  }
}

/** Whole records of a journal as they are written; ends like `liveEvents` does, and when the session has ended. */
export async function* growingJournal(
  services: GatewayServices,
  call: Call,
  id: string,
): AsyncGenerator<Buffer, void, undefined> {
  const { connections, oversight, clock, sessions, recorder } = services;
  const signal = AbortSignal.any([call.signal, connections.drainSignal]);
  const subscription = oversight.feed.subscribe(({ session }) => session === id);
  let at = 0;
  try {
    for (let isLive = true; isLive;) {
      isLive = sessions.get(id) !== null && !signal.aborted; // what came before this is in the file
      const journal = await recorder.journal(id);
      if (journal === null) return;
      if (journal.bytes > at) {
        for await (const chunk of createReadStream(journal.path, { start: at, end: journal.bytes - 1 })) {
          at += (chunk as Buffer).length;
          yield chunk as Buffer;
        }
      }
      if (clock() >= call.token.expiresAt || refusalOf(services, call) !== null) return;
      if (isLive) await subscription.take(signal, growthMs);
    }
  } finally {
    subscription.end();
  }
}

function refusalOf({ configuration, refreshPrincipal }: GatewayServices, { scope, principal }: Call): string | null {
  if (scope === 'own') return null;
  const { policies } = configuration.current();
  const { verdict } = decideOnGateway(policies, refreshPrincipal(principal), 'readSession');
  return verdict === 'allow' ? null : 'policy permits this no more';
}

function lineOf(event: AuditEvent | { readonly event: string; readonly [field: string]: string | number }): string {
  return `${JSON.stringify({ schema: 'sluice.audit/v1', ...event })}\n`;
}
