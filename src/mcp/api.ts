import type * as access from '../client/api-access-types.js';
import type * as requests from '../client/api-request-types.js';
import type * as api from '../client/api-types.js';
import type * as exec from '../client/api-exec-types.js';

interface CallOptions {
  readonly signal?: AbortSignal;
}

/** What the tools ask of a gateway: over HTTPS from a person's machine, or inside the gateway itself. */
export interface McpApi {
  whoami(options?: CallOptions): Promise<api.Whoami>;
  targets(filter: api.TargetFilter, options?: CallOptions): Promise<api.TargetList>;
  target(name: string, options?: CallOptions): Promise<api.TargetDetail>;
  exec(body: exec.ExecBody, options?: CallOptions): Promise<exec.ExecResult>;
  fetchRows(body: exec.FetchBody, options?: CallOptions): Promise<exec.ExecResult>;
  requestAccess(body: access.AccessBody, options?: CallOptions): Promise<access.AccessDocument>;
  grants(filter: access.GrantFilter, options?: CallOptions): Promise<access.GrantList>;
  createRequest(body: requests.CreateRequestBody, options?: CallOptions): Promise<requests.RequestDocument>;
  request(id: string, options?: CallOptions): Promise<requests.RequestDocument>;
  waitRequest(id: string, waitMs: number, options?: CallOptions): Promise<requests.RequestDocument>;
  searchSessions(filter: api.SessionSearchFilter, options?: CallOptions): Promise<api.SessionSearch>;
}
