import type { ApiRequestReview } from './api-review-types.js';
import type { Envelope } from './api-types.js';

export type RequestState = 'pending' | 'approved' | 'denied' | 'expired' | 'cancelled' | 'executed' | 'failed';
/** One request for approval. */
export interface ApiRequest {
  readonly id: string;
  readonly state: RequestState;
  readonly target: string;
  readonly requester: string;
  readonly requester_kind: 'human' | 'machine';
  /** Values of protected columns in text or parameters are not shown to the caller. */
  readonly text_masked: boolean;
  readonly text: string;
  readonly parameters: readonly (string | null)[];
  /** Under what the text is read: types of its parameters, settings of its session. Absent where an older gateway answers. */
  readonly context?: readonly string[];
  readonly effects: readonly string[];
  readonly policies: readonly string[];
  readonly message: string;
  readonly reason: string | null;
  readonly required: readonly {
    readonly group: string;
    readonly count: number;
    readonly have: number;
    /** Only an approval with a comment counts. */
    readonly comment?: boolean;
  }[];
  readonly votes: readonly {
    readonly name: string;
    readonly decision: 'approve' | 'deny';
    readonly comment: string;
    readonly at: string;
    /** The bot that brought it. */
    readonly via: string | null;
  }[];
  readonly session_id: string | null;
  readonly client: {
    readonly application: string;
    readonly address: string;
    readonly via: 'tunnel' | 'listener' | 'exec' | 'api';
  } | null;
  readonly created_at: string;
  readonly expires_at: string;
  readonly decided_at: string | null;
  readonly digest: string;
  readonly access: { readonly group: string; readonly duration_ms: number } | null;
  readonly reuse: {
    readonly allowed_ms: number;
    readonly until: string | null;
    readonly uses: number;
    readonly revoked: { readonly by: string; readonly at: string; readonly comment: string } | null;
  };
  readonly reuse_of: string | null;
  readonly outcome: { readonly ok: boolean; readonly detail: string; readonly at: string } | null;
  readonly history: readonly {
    readonly at: string;
    readonly from: RequestState | null;
    readonly to: RequestState;
    readonly by: string;
    readonly note: string;
    readonly via: string | null;
  }[];
}
/** GET /v1/requests */
export interface RequestList extends Envelope<'sluice.requests/v1'> {
  readonly requests: readonly ApiRequest[];
}
export interface RequestFilter {
  readonly state?: RequestState;
  readonly mine?: boolean;
  readonly limit?: number;
}
/** POST /v1/requests, GET /v1/requests/:id, …/wait, …/approve, …/deny, …/cancel */
export interface RequestDocument extends Envelope<'sluice.request/v1'> {
  readonly request: ApiRequest;
  /** Only where one request is asked for. */
  readonly review: ApiRequestReview | null;
}
/** POST /v1/requests, the body. */
export interface CreateRequestBody {
  readonly target: string;
  readonly text: string;
  readonly parameters?: readonly (string | null)[];
  readonly reason?: string;
}
