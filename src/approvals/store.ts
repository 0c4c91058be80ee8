import type { ApprovalRequest, RequestState } from './types.js';

/** Which open requests: pending ones and approved ones that nobody has used yet. */
export interface OpenFilter {
  readonly requester?: string;
  /** Only those that expire at this time or before. */
  readonly expiresBy?: number;
  /** Only those that wait inside a session. */
  readonly inSession?: boolean;
}

/** Where requests live. SQLite now; a second adapter needs the same atomicity. */
export interface RequestStore {
  insert(request: ApprovalRequest): void;
  get(id: string): ApprovalRequest | null;
  list(filter: {
    readonly state?: RequestState;
    readonly requester?: string;
    readonly limit: number;
  }): readonly ApprovalRequest[];
  /** Requests of this requester and digest whose approval stands, or stood, for further runs; newest first, at most ten. */
  listStanding(filter: { readonly requester: string; readonly digest: string }): readonly ApprovalRequest[];
  /** What was executed in this prepared transaction, and waits with it. */
  listPrepared(prepared: string): readonly ApprovalRequest[];
  /** Oldest first. */
  listOpen(filter: OpenFilter): readonly ApprovalRequest[];
  /** When the next open request expires; null when none is open. */
  nextExpiry(): number | null;
  /** Replaces the request if it still stands at `revision` (its number of transitions): one of two racing writers wins. */
  replace(next: ApprovalRequest, revision: number): boolean;
}
