import type { Effect } from '../analysis/effects.js';
import type { ReadBounds } from './bounds.js';

/** Who acts, as policy sees it. Groups are final: claims, bindings and grants have been merged. */
export interface Principal {
  /** Stable id: `${issuer}#${subject}`. */
  readonly id: string;
  readonly name: string;
  readonly kind: 'human' | 'machine';
  readonly issuer: string;
  readonly mfa: boolean;
  readonly groups: readonly string[];
  /** Other names of the same person: e-mail, further accounts, who acts for them. Approvals look at it, policy does not. */
  readonly aliases?: readonly string[];
  /** The person for whom a machine acts, when its token says so; they get no right by it, and may not approve for it. */
  readonly onBehalfOf?: OnBehalfOf;
}

/** A person for whom a machine acts. Verified when the machine showed the person's own token, else named by its platform. */
export interface OnBehalfOf {
  readonly id: string;
  readonly name: string;
}

/** A target's place in the resource tree. */
export interface TargetRef {
  readonly name: string;
  readonly kind: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Facts of the session at the time of decision. */
export interface SessionFacts {
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly statements: number;
  readonly seconds: number;
}

/** Of a session that has not done anything yet. */
export const noFacts: SessionFacts = { rowsRead: 0, bytesRead: 0, statements: 0, seconds: 0 };

/** What is asked of policy: may this principal have all these effects, here and now? */
export interface DecisionQuery {
  readonly principal: Principal;
  readonly target: TargetRef | null;
  readonly effects: readonly Effect[];
  /** Groups whose approval has been given, each by enough people. */
  readonly approvals: readonly string[];
  readonly session: SessionFacts;
  /** The same counts of this identity over the last hour, all its sessions together; absent means nothing yet. */
  readonly identity?: SessionFacts;
  /** Kinds of signals raised of this identity; absent means none. */
  readonly signals?: readonly string[];
  readonly reason: string | null;
}

/** An approval that a hold needs: this many distinct people of this group. */
export interface RequiredApproval {
  readonly group: string;
  readonly count: number;
  /** Id of the policy that asks for it. */
  readonly policy: string;
  /** Id of the policy that wants each of them to say why (`@requires("approver-comment")`); absent where none does. */
  readonly comment?: string;
}

/** What would have been decided, were the policies in shadow mode in force; only where that is another verdict. */
export interface ShadowDecision {
  readonly verdict: 'allow' | 'hold' | 'deny';
  readonly policies: readonly string[];
}

/** The answer for a whole operation: deny wins over hold wins over allow. Any evaluation error is a deny. */
export type Decision = Ruled & { readonly shadow?: ShadowDecision };
type Ruled =
  | { readonly verdict: 'allow'; readonly policies: readonly string[] }
  | {
      readonly verdict: 'deny';
      readonly policies: readonly string[];
      /** For the user: the policy's @message, or which effect no policy permits. */
      readonly message: string;
      readonly refused: readonly Effect[];
    }
  | {
      readonly verdict: 'hold';
      readonly policies: readonly string[];
      readonly message: string;
      readonly approvals: readonly RequiredApproval[];
      /** A policy that wants a reason with the request, or null. */
      readonly needsReason: string | null;
      /** How long reviewers may let an approval stand for the like of it (`@reuse`), in milliseconds; 0: not at all. */
      readonly reuseMs: number;
      readonly refused: readonly Effect[];
    };

/** A validated, immutable set of policies, ready to decide. */
export interface PolicySet {
  /** Changes with any policy, binding or classification. */
  readonly version: string;
  /** Synchronous, cached exactly; throws never (faults deny). */
  decide(query: DecisionQuery): Decision;
  /** At which counts of rows and bytes read the answers may change; null for never. */
  readonly readBounds: ReadBounds | null;
  /** Which of these protected columns may be seen in clear: evaluates `reveal` on each, silently. Same order. */
  reveals(query: Omit<DecisionQuery, 'effects'>, effects: readonly Effect[]): readonly boolean[];
}
