import type { Principal, RequiredApproval } from '../policy/types.js';

export type RequestState = 'pending' | 'approved' | 'denied' | 'expired' | 'cancelled' | 'executed' | 'failed';

/** What a request is about: one identity, one target, one text with its parameters, its effects. */
export interface RequestSubject {
  readonly principal: Principal;
  readonly target: string;
  readonly text: string;
  readonly parameters: readonly (string | null)[];
  /** describeEffect() of every effect, in order. */
  readonly effects: readonly string[];
}

export interface RequestDraft extends RequestSubject {
  readonly approvals: readonly RequiredApproval[];
  readonly policies: readonly string[];
  readonly message: string;
  readonly reason: string | null;
  readonly session: string | null;
}

export interface ApprovalVote {
  readonly by: string; // principal id
  readonly name: string;
  /** Required groups this person belonged to when deciding. */
  readonly groups: readonly string[];
  readonly decision: 'approve' | 'deny';
  readonly comment: string;
  readonly at: number;
}

export interface ApprovalRequest extends RequestDraft {
  readonly id: string;
  readonly state: RequestState;
  /** SHA-256 over identity, target, text, parameters and effects; any difference is another request. */
  readonly digest: string;
  readonly votes: readonly ApprovalVote[];
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly decidedAt: number | null;
}

/** The life of requests. Every transition is atomic in the store; two racing callers cannot both win. */
export interface Approvals {
  /** Opens a request (or returns the caller's own pending one of the same digest and session). */
  open(draft: RequestDraft): ApprovalRequest;
  get(id: string): ApprovalRequest | null;
  /** Newest first. */
  list(filter: {
    readonly state?: RequestState;
    readonly requester?: string;
    readonly limit?: number;
  }): readonly ApprovalRequest[];
  /** Resolves when the request is no longer pending (also by expiry), or rejects with the signal's reason. */
  settled(id: string, signal: AbortSignal): Promise<ApprovalRequest>;
  /** One person's vote. Throws denied for the requester and non-members, conflict when already decided, usage for a deny without a comment. */
  vote(id: string, by: Principal, decision: 'approve' | 'deny', comment: string): ApprovalRequest;
  cancel(id: string, by: Principal | 'gateway'): ApprovalRequest;
  /**
   * Spends an approved request exactly once for exactly this subject; returns the groups it satisfies.
   * Throws denied (other subject), request_denied, request_expired, approval_pending, conflict (already executed).
   */
  consume(id: string, subject: RequestSubject): readonly string[];
  /** Records that what was executed failed at the target. */
  fail(id: string): void;
  close(): void;
}
