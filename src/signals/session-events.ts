import type { DecisionEvent, OpenEvent, OperationEvent, SessionEvent } from '../recording/events.js';
import type { Actor, AuditEvent, SessionEventId } from './audit-event.js';

/** Operations that are under way at a time; of more, only the oldest lose their text in later events. */
const maxUnderWay = 256;
const maxText = 8192;
const maxEffects = 100;

interface Known {
  readonly actor: Actor;
  readonly target: string;
  readonly operations: Map<number, OperationEvent>;
}

type Said = Pick<AuditEvent, 'severity' | 'outcome' | 'detail'> & { readonly op?: number };

/** Turns what sessions record into audit events. What is only of use to playback (rows, notices, output) makes none. */
export class SessionEvents {
  readonly #sessions = new Map<string, Known>();

  /** Null when the event is none of note. When nobody listens only who is in a session is kept up, as cheaply as can be. */
  of(session: string, event: SessionEvent, isHeard = true): AuditEvent | null {
    if (event.type === 'open') return this.#opened(event);
    if (!isHeard && event.type !== 'end') return null;
    const known = this.#sessions.get(session);
    if (known === undefined) return null;
    const tell = (id: SessionEventId, said: Said): AuditEvent => ({
      ...{ schema: 'sluice.audit/v1', event: id, at: new Date(event.at).toISOString() },
      ...{ severity: said.severity, outcome: said.outcome, actor: known.actor, session, target: known.target },
      ...{ object: null, op: said.op ?? null, detail: said.detail },
    });
    switch (event.type) {
      case 'operation':
        this.#remember(known, event);
        return null;
      case 'decision':
        return decided(event, known.operations.get(event.op) ?? null, tell);
      case 'approval': {
        const severity = event.state === 'approved' || event.state === 'executed' ? 'notice' : 'warning';
        const outcome = event.state === 'approved' ? 'allowed' : event.state === 'executed' ? 'done' : 'denied';
        return tell(`approval.${event.state}`, {
          ...{ severity, outcome, op: event.op, detail: { request_id: event.request, by: event.by } },
        });
      }
      case 'result': {
        const { op, tag, rowCount, byteCount, truncated } = event;
        const started = this.#forget(known, op);
        // A portal that is read in parts ends once: with its tag.
        if (tag === '' || started?.kind === 'parse') return null;
        const took = started === null ? null : Math.max(0, event.at - started.at);
        const detail = { tag, row_count: rowCount, byte_count: byteCount, truncated, duration_ms: took };
        return tell('operation.completed', { severity: 'info', outcome: 'done', op, detail });
      }
      case 'error': {
        const { decider, code, message } = event;
        const detail = { decider, code, message: message.slice(0, maxText) };
        if (event.op === null) return tell('session.failed', { severity: 'warning', outcome: 'failed', detail });
        this.#forget(known, event.op);
        return tell('operation.failed', { severity: 'notice', outcome: 'failed', op: event.op, detail });
      }
      case 'end': {
        this.#sessions.delete(session);
        const isExpected = event.reason === 'client closed' || event.reason === 'target closed';
        return tell('session.ended', {
          ...{ severity: isExpected ? 'info' : 'warning', outcome: 'done' },
          detail: { reason: event.reason, message: event.detail },
        });
      }
      default:
        return null;
    }
  }

  #opened({ at, session, identity, client, target, mode, policyVersion, reason }: OpenEvent): AuditEvent {
    const actor = { id: identity.subject, name: identity.name, kind: identity.kind };
    const { onBehalfOf = null } = identity;
    this.#sessions.set(session, { actor, target: target.name, operations: new Map() });
    return {
      ...{ schema: 'sluice.audit/v1', event: 'session.opened', at: new Date(at).toISOString(), severity: 'info' },
      ...{ outcome: 'done', actor, session, target: target.name, object: null, op: null },
      detail: {
        ...{ issuer: identity.issuer, groups: identity.groups, address: client.address, via: client.via },
        on_behalf_of: onBehalfOf === null ? null : { id: onBehalfOf.subject, name: onBehalfOf.name },
        ...{ application: client.application, recording: mode, policy_version: policyVersion, reason },
      },
    };
  }

  #remember({ operations }: Known, event: OperationEvent): void {
    operations.set(event.op, event);
    if (operations.size <= maxUnderWay) return;
    const [oldest] = operations.keys();
    if (oldest !== undefined) operations.delete(oldest);
  }

  #forget({ operations }: Known, op: number): OperationEvent | null {
    const found = operations.get(op) ?? null;
    operations.delete(op);
    return found;
  }
}

function decided(
  { op, verdict, policies, message, policyVersion, request, shadow }: DecisionEvent,
  operation: OperationEvent | null,
  tell: (id: SessionEventId, said: Said) => AuditEvent,
): AuditEvent | null {
  // What was only prepared is judged again, and told, when it runs.
  if (verdict === 'allow' && operation?.kind === 'parse') return null;
  const detail = {
    kind: operation?.kind ?? null,
    text: operation === null ? null : operation.text.slice(0, maxText),
    text_truncated: operation !== null && operation.text.length > maxText,
    effects: operation?.effects.slice(0, maxEffects) ?? [],
    ...{ policies, message, policy_version: policyVersion, request_id: request, shadow: shadow ?? null },
  };
  switch (verdict) {
    case 'allow':
      return tell('operation.allowed', { severity: 'info', outcome: 'allowed', op, detail });
    case 'hold':
      return tell('operation.held', { severity: 'notice', outcome: 'held', op, detail });
    case 'deny':
      return tell('operation.denied', { severity: 'warning', outcome: 'denied', op, detail });
  }
}
