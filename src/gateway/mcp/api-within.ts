import { SluiceError } from '../../lib/errors.js';
import type { McpApi } from '../../mcp/api.js';
import type { ApiRoute, Method, RawInput } from '../api-route.js';
import { authorise, type Authorising } from '../authorise-route.js';
import type { Caller } from '../callers.js';
import { showable } from '../http-errors.js';
import type { Logger } from '../log.js';

export interface WithinParts extends Authorising {
  readonly routes: readonly ApiRoute[];
  readonly newRequestId: () => string;
  readonly log: Logger;
}

/**
 * The HTTP API for one caller, without HTTP: the same routes, who may call them, input schemas and audit. So a tool can
 * do nothing that its caller could not, and a failure tells no more than the API would.
 */
export function apiWithin(parts: WithinParts, caller: Caller, address: string): McpApi {
  const call = async <T>(method: Method, path: string, raw: Partial<RawInput>, signal?: AbortSignal): Promise<T> => {
    const route = parts.routes.find((each) => each.method === method && each.path === path);
    if (route === undefined) throw new TypeError(`the API has no ${method} ${path}`);
    const requestId = parts.newRequestId();
    const scope = authorise(route, caller, parts);
    const answer = await route
      .answer(
        { ...caller, scope, requestId, address, signal: signal ?? new AbortController().signal },
        { params: raw.params ?? {}, query: raw.query ?? {}, body: raw.body ?? {} },
      )
      .catch((thrown: unknown) => {
        const error = showable(thrown, requestId);
        if (error.code === 'unexpected' && signal?.aborted !== true)
          parts.log.error({ request: requestId, err: error.cause ?? error }, 'a request failed');
        throw error;
      });
    if (answer.kind !== 'document') throw new SluiceError('unexpected', `${path} answers with no document`);
    return answer.document as T;
  };
  return {
    whoami: (options) => call('GET', '/v1/whoami', {}, options?.signal),
    targets: (query, options) => call('GET', '/v1/targets', { query }, options?.signal),
    target: (name, options) => call('GET', '/v1/targets/:name', { params: { name } }, options?.signal),
    exec: (body, options) => call('POST', '/v1/exec', { body }, options?.signal),
    fetchRows: (body, options) => call('POST', '/v1/exec/fetch', { body }, options?.signal),
    requestAccess: (body, options) => call('POST', '/v1/access', { body }, options?.signal),
    grants: ({ all, mine, review_due }, options) =>
      call('GET', '/v1/access', { query: flags({ all, mine, review_due }) }, options?.signal),
    createRequest: (body, options) => call('POST', '/v1/requests', { body }, options?.signal),
    request: (id, options) => call('GET', '/v1/requests/:id', { params: { id } }, options?.signal),
    waitRequest: (id, waitMs, options) =>
      call('GET', '/v1/requests/:id/wait', { params: { id }, query: { timeout_ms: String(waitMs) } }, options?.signal),
    searchSessions: (query, options) => call('GET', '/v1/sessions/search', { query }, options?.signal),
  };
}

/** Flags as a query string has them. */
function flags(named: Readonly<Record<string, boolean | undefined>>): Readonly<Record<string, string>> {
  const set = Object.entries(named).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set.map(([name, value]) => [name, String(value)]));
}
