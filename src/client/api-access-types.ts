import type { ApiRequest } from './api-request-types.js';
import type { Envelope } from './api-types.js';

/** Membership of someone in a group for a while. */
export interface ApiGrant {
  readonly id: string;
  readonly group: string;
  readonly user: string;
  readonly user_kind: 'human' | 'machine';
  readonly reason: string;
  readonly request_id: string | null;
  readonly emergency: boolean;
  readonly state: 'active' | 'ended' | 'revoked';
  readonly starts_at: string;
  readonly ends_at: string;
  readonly ended_at: string | null;
  readonly revoked: GrantNote | null;
  readonly review_due: boolean;
  readonly review: GrantNote | null;
}
export interface GrantNote {
  readonly by: string;
  readonly comment: string;
  readonly at: string;
}
/** POST /v1/access */
export interface AccessDocument extends Envelope<'sluice.access/v1'> {
  readonly request: ApiRequest | null;
  readonly grant: ApiGrant | null;
}
export interface AccessBody {
  readonly name: string;
  readonly duration_ms: number;
  readonly reason?: string;
  readonly emergency?: boolean;
}
/** GET /v1/access */
export interface GrantList extends Envelope<'sluice.grants/v1'> {
  readonly grants: readonly ApiGrant[];
  readonly can_request: readonly {
    readonly group: string;
    readonly targets: readonly string[];
    readonly max_ms: number;
    readonly approvers: readonly { readonly group: string; readonly count: number }[];
    readonly emergency_max_ms: number | null;
  }[];
}
export interface GrantFilter {
  readonly all?: boolean;
  readonly mine?: boolean;
  readonly review_due?: boolean;
}
/** POST /v1/access/:id/revoke, …/review */
export interface GrantDocument extends Envelope<'sluice.grant/v1'> {
  readonly grant: ApiGrant;
}
