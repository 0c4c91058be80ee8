import { Client } from 'pg';
import type { ApprovalRequest } from '../../approvals/types.js';
import { duplexPair } from '../../lib/duplex-pair.js';
import { SluiceError, isSluiceError } from '../../lib/errors.js';
import type { Classification } from '../../masking/types.js';
import type { Principal } from '../../policy/types.js';
import type { ServeConnection } from '../../sessions/engine.js';
import type { SessionObserver, TargetConfig } from '../../sessions/types.js';
import { within } from '../deadline.js';
import type { EndReason, LiveConnections } from '../live-connections.js';
import type { ExecDocument } from '../schemas/exec.js';
import { BoundedQuery, type BoundedResult, type QueryBounds } from './bounded-query.js';
import { asConnectedSocket } from './socket-like.js';

export interface ExecServices {
  readonly serve: ServeConnection;
  readonly connections: LiveConnections;
  readonly clock: () => number;
}

export interface ExecOrder {
  readonly principal: Principal;
  readonly target: TargetConfig;
  /** Read at each use, for a held statement outlives a bundle. */
  readonly classification: () => Classification;
  readonly text: string;
  readonly parameters: readonly (string | null)[];
  readonly bounds: QueryBounds;
  readonly reason: string | null;
  readonly wait: boolean;
  readonly timeoutMs: number;
  readonly approvedRequest: string | null;
  readonly readOnly: boolean;
  readonly address: string;
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal;
}

/** How long the answer waits for the session's journal to be closed, so that it can be read at once. */
const closingMs = 2_000;

/** Runs one text as a session of its own through the engine: the same gate, masking and journal as any client's. */
export async function runExec(services: ExecServices, order: ExecOrder): Promise<ExecDocument> {
  const heard = new ExecObserver();
  const [near, far] = duplexPair();
  const abort = new AbortController();
  near.on('error', () => undefined);
  far.on('error', () => undefined);
  const served = services.connections.run(
    { target: order.target.name, principal: order.principal, cut: () => near.destroy() },
    abort,
    (signal) =>
      services.serve(
        {
          stream: far,
          principal: order.principal,
          target: order.target,
          get classification() {
            return order.classification();
          },
          origin: {
            address: order.address,
            via: 'exec',
            passwordVerifier: null,
            reason: order.reason,
            approvedRequest: order.approvedRequest,
            waitForApproval: order.wait,
          },
          readOnly: order.readOnly,
          observer: heard,
        },
        signal,
      ),
  );

  let cut: SluiceError | null = null;
  const hangUp = (error: SluiceError, reason: EndReason): void => {
    cut ??= error;
    abort.abort(reason);
    near.destroy();
  };
  const timer = setTimeout(() => hangUp(timeoutError(order, heard.request), 'timeout'), order.timeoutMs);
  const gone = (): void => hangUp(new SluiceError('interrupted', 'the caller is gone'), 'client closed');
  order.signal.addEventListener('abort', gone, { once: true });
  if (order.signal.aborted) gone();
  const started = services.clock();
  try {
    const result = await query(asConnectedSocket(near), order);
    // The engine can end a session by closing it; whatever it refused has not happened, result or not.
    if (heard.refusal !== null) throw heard.refusal;
    return describeResult(order, heard, result, services.clock() - started);
  } catch (error) {
    throw explainFailure(order, heard, cut ?? endedByGateway(abort.signal), error);
  } finally {
    clearTimeout(timer);
    order.signal.removeEventListener('abort', gone);
    await within(
      served.catch(() => undefined),
      closingMs,
      undefined,
    );
    near.destroy();
  }
}

/** What the engine says of the session besides the protocol. */
class ExecObserver implements SessionObserver {
  sessionId: string | null = null;
  request: ApprovalRequest | null = null;
  refusal: SluiceError | null = null;
  readonly maskedColumns = new Set<string>();

  session(id: string): void {
    this.sessionId = id;
  }
  held(request: ApprovalRequest): void {
    this.request = request;
  }
  refused(error: SluiceError): void {
    this.refusal ??= error;
  }
  masked(columns: readonly string[]): void {
    for (const column of columns) this.maskedColumns.add(column);
  }
}

async function query(stream: ReturnType<typeof asConnectedSocket>, order: ExecOrder): Promise<BoundedResult> {
  const client = new Client({
    stream: () => stream,
    // All given, so that no PG… variable of the gateway's own environment has a say.
    host: 'gateway',
    port: 5432,
    user: order.principal.name,
    database: order.target.name,
    password: '',
    ssl: false,
    application_name: 'sluice exec',
    keepAlive: false,
  });
  client.on('error', () => undefined);
  await client.connect();
  const result = await new Promise<BoundedResult>((resolve, reject) => {
    client.on('end', () =>
      reject(new SluiceError('target_unreachable', 'the session ended before the result was complete')),
    );
    client.query(
      new BoundedQuery(order.text, order.parameters, order.bounds, (error, bounded) => {
        if (error === null) resolve(bounded);
        else reject(error);
      }),
    );
  }).finally(() => void client.end().catch(() => undefined));
  return result;
}

function describeResult(
  order: ExecOrder,
  heard: ExecObserver,
  result: BoundedResult,
  durationMs: number,
): ExecDocument {
  const shown = new Set(result.columns.map((column) => column.name));
  return {
    schema: 'sluice.exec/v1',
    ok: true,
    session_id: heard.sessionId ?? '',
    target: order.target.name,
    columns: result.columns.map((column) => ({ ...column })),
    rows: result.rows.map((row) => [...row]),
    row_count: result.rowCount,
    truncated: result.truncated,
    next_cursor: null,
    masked_columns: [...heard.maskedColumns].filter((column) => shown.has(column)),
    duration_ms: Math.max(0, Math.round(durationMs)),
    request_id: heard.request?.id ?? order.approvedRequest,
  };
}

function endedByGateway(signal: AbortSignal): SluiceError | null {
  if (!signal.aborted) return null;
  if (signal.reason === 'draining') return new SluiceError('unavailable', 'the gateway is shutting down');
  return new SluiceError('denied', 'the session was ended: you may no longer connect to this target');
}

/** Who decided: what was cut here, then what the engine says it refused, and only then what the target answered. */
function explainFailure(order: ExecOrder, heard: ExecObserver, cut: SluiceError | null, error: unknown): SluiceError {
  if (cut !== null) return cut;
  if (heard.refusal !== null) return heard.refusal;
  if (heard.request !== null && !order.wait) return pendingError(order.target.name, heard.request);
  if (isSluiceError(error)) return error;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code)) {
    // Without a session nothing was ever sent: connection failures are the network's, not the target's SQL.
    if (error.code.startsWith('08') || error.code === '57P03') {
      return new SluiceError('target_unreachable', error.message, { targetCode: error.code, cause: error });
    }
    return new SluiceError('target_rejected', error.message, {
      decider: 'target',
      targetCode: error.code,
      cause: error,
    });
  }
  return new SluiceError('target_unreachable', `the connection to ${order.target.name} broke`, { cause: error });
}

/** The answer to a held operation when nobody waits: how to wait, and how to run it once it is approved. */
export function pendingError(target: string, request: ApprovalRequest): SluiceError {
  return new SluiceError('approval_pending', `Approval required on ${target}: ${request.message}`, {
    decider: 'gateway',
    policy: request.policies[0] ?? null,
    requestId: request.id,
    expiresAt: new Date(request.expiresAt).toISOString(),
    retryable: true,
    next: [
      { command: `sluice requests wait ${request.id} --timeout 10m --json`, when: 'to wait' },
      { command: `sluice exec ${target} --request ${request.id} --json`, when: 'after approval' },
    ],
  });
}

function timeoutError(order: ExecOrder, request: ApprovalRequest | null): SluiceError {
  const seconds = Math.round(order.timeoutMs / 1000);
  if (request === null) return new SluiceError('timeout', `no answer from ${order.target.name} within ${seconds} s`);
  return new SluiceError('timeout', `nobody decided within ${seconds} s; the request was withdrawn`, {
    requestId: request.id,
    policy: request.policies[0] ?? null,
    next: [{ command: `sluice requests create ${order.target.name} …`, when: 'to ask ahead of time, without waiting' }],
  });
}
