/** What a signal is about. An id is never reused; docs/signals.md says when each is raised. */
export const signalKinds = ['repeated-refusal', 'gateway-tampering', 'unusual-reveal', 'quiet-session'] as const;
export type SignalKind = (typeof signalKinds)[number];

export const signalSeverities = ['low', 'medium', 'high'] as const;
export type SignalSeverity = (typeof signalSeverities)[number];

/** One thing that was seen, with a way to look at it: an operation of a recording, or an act on the gateway. */
export interface Evidence {
  readonly at: string;
  /** The audit event's id. */
  readonly event: string;
  readonly session: string | null;
  readonly op: number | null;
  readonly object: string | null;
}

/** Something about an identity that a person should look at. */
export interface Signal {
  readonly id: string;
  readonly kind: SignalKind;
  readonly severity: SignalSeverity;
  readonly at: string;
  readonly identity: { readonly id: string; readonly name: string };
  readonly target: string | null;
  /** One sentence; names no statement's text and no value. */
  readonly summary: string;
  /** The last ones. */
  readonly evidence: readonly Evidence[];
}
export type SignalDraft = Omit<Signal, 'id' | 'at'>;

/** An open session as the sweep sees it. */
export interface OpenSession {
  readonly id: string;
  readonly identity: Signal['identity'];
  readonly target: string;
  readonly startedAt: number;
  readonly lastOperationAt: number;
}
