import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, unknown>;
}
export interface Reply {
  readonly status?: number;
  readonly document: object;
  /** Instead of the document: NDJSON. */
  readonly lines?: readonly object[];
}
export interface ScriptedGateway {
  readonly url: string;
  readonly calls: readonly Call[];
  close(): Promise<void>;
}

/** A real HTTP server that gives prepared answers: for what the command line makes of them, not for what a gateway does. */
export async function startScriptedGateway(answer: (call: Call) => Reply | Promise<Reply>): Promise<ScriptedGateway> {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
      const call = { method: request.method ?? '', path: request.url ?? '', body };
      calls.push(call);
      void Promise.resolve(answer(call)).then(({ status, document, lines = [document] }) => {
        response.writeHead(status ?? 200, { 'content-type': 'application/json' });
        response.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** `sluice.error/v1` as a gateway sends it. */
export function refusal(code: string, status: number, more: object = {}): Reply {
  const error = {
    code,
    exit_code: 0,
    decider: 'gateway',
    policy: null,
    message: `it is ${code}`,
    retryable: false,
    request_id: null,
    expires_at: null,
    target_code: null,
    target_contacted: code === 'denied' ? false : null,
    next: [],
    ...more,
  };
  return { status, document: { schema: 'sluice.error/v1', ok: false, error } };
}

export function request(state: string, more: object = {}): object {
  return {
    id: 'req_1',
    state,
    target: 'demo-db',
    requester: 'engineer',
    requester_kind: 'human',
    text_masked: false,
    reuse: { allowed_ms: 0, until: null, uses: 0, revoked: null },
    reuse_of: null,
    text: 'delete from orders where id = $1',
    parameters: ['7'],
    effects: ['delete on table demo-db/shop/public/orders'],
    policies: ['prod-writes'],
    message: 'Ask a DBA',
    reason: null,
    required: [{ group: 'dba', count: 1, have: 0 }],
    votes: [],
    session_id: null,
    created_at: '2026-11-23T10:00:00Z',
    expires_at: '2026-11-23T10:10:00Z',
    decided_at: null,
    digest: 'd',
    ...more,
  };
}

export const execResult = {
  schema: 'sluice.exec/v1',
  ok: true,
  session_id: 'ses_1',
  target: 'demo-db',
  columns: [
    { name: 'id', type: 'int8' },
    { name: 'note', type: 'text' },
  ],
  rows: [
    ['7', 'tab\there'],
    ['8', null],
  ],
  row_count: 2,
  truncated: false,
  next_cursor: null,
  masked_columns: ['note'],
  duration_ms: 3,
  request_id: null,
  replayed: false,
};

/** The same, streamed. */
export function execStream(): Reply {
  const { columns, masked_columns, rows, ...rest } = execResult;
  const end = { type: 'end', result: { ...rest, columns, masked_columns, rows: [] } };
  return { document: {}, lines: [{ type: 'columns', columns, masked_columns }, { type: 'rows', rows }, end] };
}
