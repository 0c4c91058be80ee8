import type { Reuse } from './reuse.js';
import type { TextSecrets } from '../analysis/text-secrets.js';
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
  /** Under what the text is read: types of its parameters, settings of its session. Absent for nothing. */
  readonly context?: readonly string[];
  /** What the names in it mean at the target: which objects, and what they are made of. */
  readonly objects?: readonly string[];
  /** Where the target's name leads; absent of what runs nowhere, and of requests of older gateways. */
  readonly place?: string;
}

export interface RequestDraft extends RequestSubject {
  readonly approvals: readonly RequiredApproval[];
  readonly policies: readonly string[];
  readonly message: string;
  readonly reason: string | null;
  readonly session: string | null;
  /** From where it was sent; absent of requests that know no such thing. */
  readonly client?: RequestClient | null;
  /** What of text and parameters may be a protected value, and so is not for every reviewer's eyes. */
  readonly secrets?: TextSecrets | null;
  /** How long policy lets an approval of it stand for further runs (`@reuse`); absent or 0: it is good for one. */
  readonly reuseMs?: number;
  /** Set when membership in a group is asked for, and not that an operation may run. */
  readonly access?: AccessAsked | null;
}

/** The program that asked, as it names itself, and where the gateway saw it. */
export interface RequestClient {
  readonly application: string;
  readonly address: string;
  readonly via: 'tunnel' | 'listener' | 'exec' | 'api';
}

/** A group, for a while from the moment of approval. */
export interface AccessAsked {
  readonly group: string;
  readonly durationMs: number;
}

export interface ApprovalVote {
  readonly by: string; // principal id
  readonly name: string;
  /** Other names of this person, so that another account of theirs is known for one. */
  readonly aliases?: readonly string[];
  /** Required groups this person belonged to when deciding. */
  readonly groups: readonly string[];
  readonly decision: 'approve' | 'deny';
  readonly comment: string;
  readonly at: number;
  /** For how long the voter lets the approval stand; absent or 0: for one run. */
  readonly forMs?: number;
  /** The bot that brought it, when the person said it elsewhere. */
  readonly via?: string;
}

/** Who decides, and through which bot when not by a login of their own. */
export interface Voter extends Principal {
  readonly via?: string;
}

/** One step in the life of a request. Steps are only ever added; their number is the request's revision. */
export interface Transition {
  readonly at: number;
  /** Null for the first. */
  readonly from: RequestState | null;
  readonly to: RequestState;
  /** Principal id, or `gateway` for what time or the target decided. */
  readonly by: string;
  readonly name: string;
  /** The voter's comment, the target's answer, why it was cancelled. */
  readonly note: string;
  /** A step that leaves the state as it is: the approval was used again, or may be no more. */
  readonly act?: 'reuse' | 'revoke';
  /** The bot that brought it. */
  readonly via?: string;
}

/** What the target answered to what was approved. */
export interface Outcome {
  readonly ok: boolean;
  /** The target's command tag or error; never a value. */
  readonly detail: string;
  readonly at: number;
  /** The prepared transaction that it waits in, by its `preparedId`. */
  readonly prepared?: string;
}

export interface ApprovalRequest extends RequestDraft {
  readonly id: string;
  readonly state: RequestState;
  /** SHA-256 over identity, target, text, parameters and effects; any difference is another request. */
  readonly digest: string;
  /** The gateway's version that read the text when this was opened; absent where an older one did not say. */
  readonly gatewayVersion?: string;
  readonly votes: readonly ApprovalVote[];
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly decidedAt: number | null;
  readonly history: readonly Transition[];
  /** Set when the approval stands for a while. */
  readonly reuse?: Reuse | null;
  /** The request whose standing approval let this one run. */
  readonly reuseOf?: string | null;
  /** Null until the target has answered; of an executed request, that nobody knows (the gateway was killed meanwhile). */
  readonly outcome: Outcome | null;
}

/** The life of requests. Every transition is atomic in the store; two racing callers cannot both win. */
export interface Approvals {
  /**
   * Opens a request, or returns the caller's own pending one of the same digest and session. Where an earlier approval
   * stands for the very same, the new one is approved at once, and says by which.
   */
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
  vote(id: string, by: Voter, decision: 'approve' | 'deny', comment: string, forMs?: number): ApprovalRequest;
  /** Ends an approval, used or not: nothing more runs by it. For those who could have decided, and the requester. */
  revoke(id: string, by: Principal, comment: string): ApprovalRequest;
  cancel(id: string, by: Principal | 'gateway', why?: string): ApprovalRequest;
  /** The votes that count now: of who may still decide, each with the groups that it still speaks for. */
  readonly votesNow: (request: ApprovalRequest) => readonly ApprovalVote[];
  /**
   * Spends an approved request exactly once for exactly this subject; returns the groups it satisfies.
   * Throws denied (other subject), request_denied, request_expired, approval_pending, conflict (already executed).
   */
  consume(id: string, subject: RequestSubject): readonly string[];
  /**
   * Records how what was executed ended at the target. A failure makes the request `failed`, also after a success (a
   * later statement of the same text, a check at commit), and what went well may turn out to wait in a prepared
   * transaction; nothing else changes what is known.
   */
  finish(id: string, outcome: { readonly ok: boolean; readonly detail: string; readonly prepared?: string }): void;
  /** A prepared transaction was committed, was rolled back, or (null) is gone, nobody knows how: so is what waited in it. */
  preparedEnded(prepared: string, kept: boolean | null): void;
  close(): void;
}
