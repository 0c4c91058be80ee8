import type { ApprovalRequest, RequestState } from './types.js';

/** Where requests live. SQLite now; a second adapter needs the same atomicity. */
export interface RequestStore {
  insert(request: ApprovalRequest): void;
  get(id: string): ApprovalRequest | null;
  list(filter: { readonly state?: RequestState; readonly requester?: string; readonly limit: number }): readonly ApprovalRequest[];
  /** Replaces the request if it is still in `expected` state with as many votes as `next` minus its new ones; false when it moved. */
  replace(next: ApprovalRequest, expected: { readonly state: RequestState; readonly votes: number }): boolean;
}
