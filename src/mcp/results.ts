import type { z } from 'zod';
import type { GrantList } from '../client/api-access-types.js';
import type { ApiRequest } from '../client/api-request-types.js';
import type { ExecBody, ExecResult } from '../client/api-exec-types.js';
import { isSluiceError } from '../lib/errors.js';
import {
  type accessListOutput,
  type ranOutput,
  type requestOutput,
  type rowsOutput,
  untrustedNotice,
} from './schemas.js';
import type { ToolCall } from './tool.js';

type Ran = z.output<typeof ranOutput>;

/** A result as an agent gets it: bounded by the gateway, and marked as what it is. */
export function rowsOf(result: ExecResult): z.output<typeof rowsOutput> {
  const { session_id, target, columns, rows, row_count, truncated, next_cursor, masked_columns } = result;
  return {
    status: 'done',
    result: {
      notice: untrustedNotice,
      untrusted: true,
      session_id,
      target,
      columns: columns.map((column) => ({ ...column })),
      rows: rows.map((row) => [...row]),
      row_count,
      truncated,
      next_cursor,
      masked_columns: [...masked_columns],
    },
  };
}

/** What sessions call the program that asks. */
export const application = 'sluice mcp';

/** Runs something; one that is held is no failure, but a request that people decide. */
export async function runOrHold({ api, signal }: ToolCall, body: ExecBody): Promise<Ran> {
  try {
    const ran = rowsOf(await api.exec({ ...body, application, cursor: true, wait: false }, { signal }));
    return { ...ran, request_id: body.request_id ?? null, message: null, expires_at: null };
  } catch (error) {
    if (!isSluiceError(error, 'approval_pending')) throw error;
    const { requestId, expiresAt } = error.details;
    return {
      status: 'held',
      result: null,
      request_id: requestId ?? null,
      message: `${error.message} Nothing has run. Call wait_request, and run_approved once it is approved.`,
      expires_at: expiresAt ?? null,
    };
  }
}

export function requestOf(request: ApiRequest): z.output<typeof requestOutput> {
  return {
    request_id: request.id,
    state: request.state,
    target: request.target,
    effects: [...request.effects],
    message: request.message,
    required: request.required.map(({ group, count, have }) => ({ group, count, have })),
    votes: request.votes.map(({ name, decision, comment }) => ({ name, decision, comment })),
    expires_at: request.expires_at,
    outcome: request.outcome?.detail ?? null,
  };
}

export function accessOf({ grants, can_request }: GrantList): z.output<typeof accessListOutput> {
  return {
    grants: grants.map(({ id, group, state, ends_at, request_id }) => ({ id, group, state, ends_at, request_id })),
    can_request: can_request.map(({ group, targets, max_ms, approvers }) => ({
      ...{ group, targets: [...targets], max_minutes: Math.floor(max_ms / 60_000) },
      approvers: approvers.map((approver) => ({ ...approver })),
    })),
  };
}
