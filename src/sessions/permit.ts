import type { ApprovalRequest, RequestDraft } from '../approvals/types.js';
import type { Effect, Operation } from '../analysis/effects.js';
import type { TextSecrets } from '../analysis/text-secrets.js';
import type { SluiceError } from '../lib/errors.js';
import type { Basis } from './basis.js';

let mint: (op: number, text: string, basis: Basis, approvals: readonly string[]) => Permit;

/**
 * Proof that one operation was recorded, judged and allowed. Only the gate can make one (`npm run boundaries` checks who
 * imports `mintPermit`); a backend's send functions demand one, so an engine that forgets to ask does not compile.
 */
export class Permit {
  readonly #sealed = true;
  readonly op: number;
  /** The text that was judged, and so the only text that may be forwarded under this permit. */
  readonly text: string;
  /** What it was decided on: where that has moved, it says nothing about now. */
  readonly basis: Basis;
  /** Groups whose approval it was given with. */
  readonly approvals: readonly string[];

  private constructor(op: number, text: string, basis: Basis, approvals: readonly string[]) {
    this.approvals = approvals;
    this.op = op;
    this.text = text;
    this.basis = basis;
  }

  static {
    mint = (op, text, basis, approvals) => new Permit(op, text, basis, approvals);
  }

  /** Holds for every real permit; an object that merely looks like one throws. */
  get genuine(): boolean {
    return this.#sealed;
  }
}

/** An operation with what analysis found in it. */
export interface JudgedOperation {
  readonly operation: Operation;
  readonly effects: readonly Effect[];
  /** Why it must be refused whatever policy says (cannot be parsed, pinned setting…), or null. */
  readonly fault: SluiceError | null;
  /** What of its text and parameters may be a protected value; absent or null for nothing. */
  readonly secrets?: TextSecrets | null;
  /** What people are asked about where its text alone does not say it: with what other texts have named. Absent: the text. */
  readonly asked?: Pick<RequestDraft, 'text' | 'secrets'>;
  /** Under what its text is read: types of its parameters, settings of its session. Asked for only where people are. */
  readonly context?: () => readonly string[];
  /** What its names mean; absent where names mean what they say. */
  readonly objects?: readonly string[];
  /** How many statements it is; absent: one. */
  readonly statements?: number;
  /** The engine can look at the target once more before people are asked: what it knows may be out of date. */
  readonly canLook?: boolean;
  /** A hold does not stop this one: it prepares a statement that will be judged again when it runs. */
  readonly preparesOnly?: boolean;
}

export interface Allowed {
  readonly verdict: 'allow';
  readonly permit: Permit;
}
export interface Denied {
  readonly verdict: 'deny';
  readonly op: number;
  readonly error: SluiceError;
}
export interface Held {
  readonly verdict: 'hold';
  readonly op: number;
  readonly request: ApprovalRequest;
  /** Waits for people; resolves with the second decision. Rejects only when the signal aborts (client gone). */
  readonly decided: (signal: AbortSignal) => Promise<Allowed | Denied>;
}

/** People would have to be asked: look at the target again first, then call `judgeSeen`. */
export interface Look {
  readonly verdict: 'look';
  readonly op: number;
}

/** The gate's, and nobody else's. */
export const mintPermit = (op: number, text: string, basis: Basis, approvals: readonly string[]): Permit =>
  mint(op, text, basis, approvals);
