/**
 * What sinks and watchers are told, each kind by a stable id. An id is never reused and never changes its meaning;
 * docs/audit-events.md says what each one means and carries.
 */
export const sessionEventIds = [
  'session.opened',
  'session.live',
  'session.ended',
  'session.failed',
  'operation.allowed',
  'operation.held',
  'operation.denied',
  'operation.completed',
  'operation.failed',
  'approval.approved',
  'approval.denied',
  'approval.expired',
  'approval.cancelled',
  'approval.executed',
] as const;
export type SessionEventId = (typeof sessionEventIds)[number];

/** Told by the gateway of itself. */
export const gatewayEventIds = ['gateway.started', 'gateway.stopped', 'audit.lost'] as const;

export interface Actor {
  readonly id: string;
  readonly name: string;
  /** Null where the trail does not say. */
  readonly kind: 'human' | 'machine' | 'gateway' | null;
}

/** One event, as it stands on a line of JSON. Absent values are null. */
export interface AuditEvent {
  readonly schema: 'sluice.audit/v1';
  /** A `SessionEventId`, or the action of an act on the gateway itself. */
  readonly event: string;
  /** RFC 3339 UTC. */
  readonly at: string;
  readonly severity: 'info' | 'notice' | 'warning';
  readonly outcome: 'allowed' | 'held' | 'denied' | 'done' | 'refused' | 'failed';
  readonly actor: Actor | null;
  readonly session: string | null;
  readonly target: string | null;
  /** What was acted on, for acts on the gateway. */
  readonly object: string | null;
  /** Number of the operation in its session. */
  readonly op: number | null;
  readonly detail: Readonly<Record<string, unknown>>;
}
