import type { Approvals } from '../approvals/types.js';
import type { Effect } from '../analysis/effects.js';
import type { ShownOperations } from '../masking/shown-operation.js';
import type { DecisionQuery, PolicySet, Principal, SessionFacts, TargetRef } from '../policy/types.js';
import type { SessionRecorder } from '../recording/events.js';
import type { ApprovedRuns } from './approved-runs.js';
import type { ClientOrigin, SessionObserver } from './types.js';

/** What one session's gate works with. */
export interface GateParts {
  readonly recorder: SessionRecorder;
  readonly approvals: Approvals;
  /** Told of every approval that is spent, so that the target's answer becomes the request's. */
  readonly runs: ApprovedRuns;
  readonly policies: () => PolicySet;
  readonly principal: () => Principal;
  readonly target: TargetRef;
  /** Where the target's name leads in this session. */
  readonly place: string;
  readonly origin: ClientOrigin;
  /** What the client's program calls itself. */
  readonly application: string;
  readonly readOnly: boolean;
  readonly facts: () => SessionFacts;
  /** How what was run is written down; absent means as it is. */
  readonly shown?: ShownOperations;
  /** What the identity did in the last hour, and which signals there are of it; absent means that nobody counts. */
  readonly history?: () => Required<Pick<DecisionQuery, 'identity' | 'signals'>>;
  /** A protected column may be seen in clear here; may be told of one again. */
  readonly onReveal?: (op: number, effect: Effect) => void;
  readonly observer: SessionObserver;
  readonly now: () => number;
  /** Told every final verdict and how long deciding took, for metrics. */
  readonly onVerdict: (verdict: 'allow' | 'deny' | 'hold', microseconds: number) => void;
}
