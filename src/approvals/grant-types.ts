import type { Principal } from '../policy/types.js';

/** What somebody said when they ended or reviewed a grant. */
export interface GrantNote {
  readonly by: string;
  readonly name: string;
  readonly comment: string;
  readonly at: number;
}

export interface GrantDraft {
  readonly principal: Principal;
  readonly group: string;
  readonly reason: string;
  /** The request that was approved; null for an emergency. */
  readonly request: string | null;
  readonly emergency: boolean;
  /** Whose members review an emergency. */
  readonly reviewers: readonly string[];
}

/** Membership of one login in one group, for a while. */
export interface Grant extends GrantDraft {
  readonly id: string;
  readonly startsAt: number;
  readonly endsAt: number;
  /** When it ended, by its time or before; null while it holds. */
  readonly endedAt: number | null;
  readonly revoked: GrantNote | null;
  /** Of an emergency, afterwards. */
  readonly review: GrantNote | null;
}

export type GrantStep = 'begin' | 'emergency' | 'end' | 'revoke' | 'review';

/** Where grants live. */
export interface GrantStore {
  insert(grant: Grant): void;
  get(id: string): Grant | null;
  /** Newest first. */
  list(filter: {
    readonly principal?: string;
    readonly activeOnly?: boolean;
    readonly limit: number;
  }): readonly Grant[];
  /** Replaces the grant if it has ended and been reviewed as little as `before`: one of two racing writers wins. */
  replace(next: Grant, before: Grant): boolean;
}
