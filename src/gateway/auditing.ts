import { join } from 'node:path';
import { readEvents } from '../recording/read.js';
import type { GatewayRecorder } from '../recording/types.js';
import type { AuditEvent } from '../signals/audit-event.js';
import { AuditStream } from '../signals/audit-stream.js';
import { SessionEvents } from '../signals/session-events.js';
import { createSink, type SinkConfig, type SinkParts } from '../signals/sinks.js';
import type { AuditStore } from '../store/ports.js';
import type { Audit, RecordedEntry } from './audit.js';
import type { Oversight } from './oversight.js';

const pageOfTrail = 500;

export interface AuditingParts {
  readonly stateDir: string;
  readonly gateway: string;
  readonly sinks: readonly SinkConfig[];
  readonly clock: () => number;
  readonly trail: AuditStore;
  readonly audit: Audit;
  readonly oversight: Oversight;
  /** What masks notices, reads credentials and writes to standard output. */
  readonly telling: Pick<SinkParts, 'mask' | 'readSecret' | 'write'>;
  readonly onProblem: (message: string, cause: unknown) => void;
}

/** The gateway's audit events on their way to sinks: sessions as they happen, acts from the audit trail. */
export class Auditing {
  readonly #parts: AuditingParts;
  #stream: AuditStream | null = null;

  constructor(parts: AuditingParts) {
    this.#parts = parts;
  }

  /** Events that some sink has not confirmed. */
  get backlog(): number {
    return this.#stream?.backlog ?? 0;
  }

  /** First tells what a crash kept from being told, then everything new. Without sinks there is nothing to do. */
  async start(recorder: GatewayRecorder): Promise<void> {
    const { stateDir, gateway, sinks, clock, onProblem, trail, audit, oversight, telling } = this.#parts;
    if (sinks.length === 0) return;
    const stream = await AuditStream.open({
      ...{ dir: join(stateDir, 'audit'), gateway, clock, onProblem },
      sinks: sinks.map((sink) => createSink(sink, { ...telling, gateway, onProblem })),
    });
    this.#stream = stream;
    for (const [session, told] of stream.unfinished) await this.#finish(stream, recorder, session, told);
    const since = stream.trail ?? trail.list({ limit: 1 })[0]?.sequence ?? 0;
    stream.tell(this.#ofGateway('gateway.started', { trail: since }), { trail: since });
    this.#pull(stream);
    audit.onRecord(() => this.#pull(stream));
    oversight.shipTo((event) => {
      if (event.session !== null) stream.tell(event, { session: event.session });
    });
  }

  /** Tells the sinks of what the gateway itself found: neither a session's event nor an act of the trail. */
  tell(event: AuditEvent): void {
    this.#stream?.tell(event, null);
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    if (stream === null) return;
    stream.tell(this.#ofGateway('gateway.stopped', {}), null);
    await stream.close();
  }

  /** A session of the process before: what its journal holds beyond what was told, and its end. */
  async #finish(stream: AuditStream, recorder: GatewayRecorder, session: string, told: number): Promise<void> {
    const events = new SessionEvents();
    let count = 0;
    try {
      const journal = await recorder.journal(session);
      for await (const recorded of journal === null ? [] : readEvents(journal.path)) {
        const event = events.of(session, recorded);
        if (event !== null && ++count > told) stream.tell(event, { session });
      }
    } catch (error) {
      this.#parts.onProblem(`what ${session} recorded last cannot be told to the audit sinks`, error);
    }
    if (!stream.unfinished.has(session)) return;
    const at = new Date(this.#parts.clock()).toISOString();
    stream.tell(
      {
        ...{ schema: 'sluice.audit/v1', event: 'session.ended', at, severity: 'warning', outcome: 'done', actor: null },
        ...{ session, target: null, object: null, op: null, detail: { reason: 'interrupted', message: '' } },
      },
      { session },
    );
  }

  /** The trail is on the disk already; here it is only read on from where it was told last. */
  #pull(stream: AuditStream): void {
    for (;;) {
      const entries = this.#parts.trail.after(stream.trail ?? 0, pageOfTrail);
      for (const entry of entries) stream.tell(eventOf(entry), { trail: entry.sequence });
      // What could not be taken now is read again with the next entry.
      if (entries.length < pageOfTrail || stream.trail !== entries.at(-1)?.sequence) return;
    }
  }

  #ofGateway(event: string, detail: AuditEvent['detail']): AuditEvent {
    const { clock, gateway } = this.#parts;
    return {
      ...{ schema: 'sluice.audit/v1', event, at: new Date(clock()).toISOString(), severity: 'info', outcome: 'done' },
      actor: { id: 'gateway', name: gateway, kind: 'gateway' },
      ...{ session: null, target: null, object: null, op: null, detail },
    };
  }
}

/** An act on the gateway as an audit event. */
export function eventOf({ at, actor, action, object, outcome, detail }: RecordedEntry): AuditEvent {
  const { name = actor, ...rest } = detail;
  const isReading =
    outcome === 'done' &&
    (action.startsWith('session.') ||
      action.startsWith('signal.') ||
      action === 'copy.list' ||
      action === 'policy.read' ||
      action === 'policy.replay');
  return {
    ...{ schema: 'sluice.audit/v1', event: action, at: new Date(at).toISOString() },
    ...{
      severity: outcome === 'done' && action !== 'access.emergency' ? (isReading ? 'info' : 'notice') : 'warning',
      outcome,
    },
    actor: { id: actor, name, kind: actor === 'gateway' ? 'gateway' : null },
    ...{ session: object.startsWith('ses_') ? object : null, target: null, object, op: null, detail: rest },
  };
}
