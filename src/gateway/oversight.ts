import type { Principal } from '../policy/types.js';
import type { SessionEvent } from '../recording/events.js';
import type { AuditEvent } from '../signals/audit-event.js';
import { SessionEvents } from '../signals/session-events.js';
import { SessionFeed } from './session-feed.js';
import type { Signalling } from './signalling.js';

/** Every session's events, as watchers and audit sinks hear them. Neither ever holds up a session. */
export class Oversight {
  readonly feed = new SessionFeed();
  readonly #events = new SessionEvents();
  #ship: ((event: AuditEvent) => void) | null = null;
  #signalling: Signalling | null = null;

  /** Where events go beside the watchers. */
  shipTo(ship: (event: AuditEvent) => void): void {
    this.#ship = ship;
  }

  /** Whose rules hear what is refused, and how sessions begin and end. */
  signalTo(signalling: Signalling): void {
    this.#signalling = signalling;
  }

  observe(session: string, recorded: SessionEvent): void {
    this.#signalling?.noteActivity(session, recorded);
    const forAll = this.#ship !== null || this.feed.size > 0;
    // Most events are of statements that ran: nobody needs those put into words unless somebody listens.
    const forSignals = this.#signalling !== null && isTelling(recorded);
    const event = this.#events.of(session, recorded, forAll || forSignals);
    if (event === null) return;
    if (forAll) {
      this.feed.publish(event);
      this.#ship?.(event);
    }
    if (forSignals) this.#signalling?.hear(event);
  }

  /** Resolves when the session's record is closed, with false when that takes longer. */
  async untilEnded(id: string, waitMs: number): Promise<boolean> {
    const subscription = this.feed.subscribe(({ event, session }) => event === 'session.ended' && session === id);
    try {
      return (await subscription.take(new AbortController().signal, waitMs)).events.length > 0;
    } finally {
      subscription.end();
    }
  }

  /** A session that began before one watched. */
  liveEvent(live: { id: string; principal: Principal; target: string; startedAt: number }): AuditEvent {
    const { id, name, kind } = live.principal;
    return {
      ...{ schema: 'sluice.audit/v1', event: 'session.live', at: new Date(live.startedAt).toISOString() },
      ...{ severity: 'info', outcome: 'done', actor: { id, name, kind }, session: live.id, target: live.target },
      ...{ object: null, op: null, detail: {} },
    };
  }
}

function isTelling(recorded: SessionEvent): boolean {
  return recorded.type === 'end' || (recorded.type === 'decision' && recorded.verdict === 'deny');
}
