import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { seedShop, shopDatabase } from '../../src/quickstart/seed.js';
import { smallShop } from '../../src/quickstart/shop-rows.js';
import { runCli, onlyDocument } from '../cli/support/run-cli.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { type GatewayUnderTest, type Role, startTestGateway } from './gateway-harness.js';

const program = fileURLToPath(new URL('../../bin/dev.js', import.meta.url));
const readTools = [
  'describe_target',
  'fetch_rows',
  'list_access',
  'list_targets',
  'run_query',
  'search_sessions',
  'wait_request',
  'whoami',
];
const runOnly = ['request_access', 'request_approval', 'run_approved', 'run_statement'];

let server: TestPostgres;
let dir: string;
let gateway: GatewayUnderTest;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-mcp-'));
  server = await startPostgres();
  const { password } = await seedShop(server, { dir, size: smallShop });
  const bundle = new Map(starterBundle({ pgPort: server.port }));
  const access =
    '  helpers:\naccess:\n  helpers: { for: [engineers], approvers: { dba: 1 }, max: 1h, targets: [demo-db] }\n';
  bundle.set('bindings.yaml', `${bundle.get('bindings.yaml') ?? ''}${access}`);
  gateway = await startTestGateway({ bundle });
  await gateway.gateway.setSecret('demo-db', password);
}, 120_000);
afterAll(async () => {
  await gateway.stop();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

type Connect = (options?: { readonly toolset?: string; readonly as?: Role }) => Promise<Client>;

const overHttp: Connect = async ({ toolset = 'all', as = 'engineer' } = {}) => {
  const client = new Client({ name: 'test', version: '1' });
  const authorization = `Bearer ${await gateway.token(as)}`;
  const url = new URL(`${gateway.url}/mcp?toolset=${toolset}`);
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers: { authorization } } }));
  return client;
};
const overStdio: Connect = async ({ toolset = 'all', as = 'engineer' } = {}) => {
  const client = new Client({ name: 'test', version: '1' });
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: dir,
    SLUICE_GATEWAY: gateway.url,
    SLUICE_TOKEN: await gateway.token(as),
  };
  const args = [program, 'mcp', 'serve', '--toolset', toolset];
  await client.connect(new StdioClientTransport({ command: process.execPath, args, env, cwd: dir }));
  return client;
};

type Fields = Record<string, unknown>;
async function call(client: Client, name: string, input: Fields = {}): Promise<Fields> {
  const answer = await client.callTool({ name, arguments: input });
  expect(answer.isError ?? false, JSON.stringify(answer.content)).toBe(false);
  return answer.structuredContent as Fields;
}
async function refusal(client: Client, name: string, input: Fields): Promise<Fields> {
  const answer = await client.callTool({ name, arguments: input });
  expect(answer.isError).toBe(true);
  const [content] = answer.content as { text: string }[];
  return (JSON.parse(content?.text ?? '') as { error: Fields }).error;
}
const orders = async (where: string): Promise<number> => {
  const [row] = await server.query(`select count(*)::int as n from orders where ${where}`, shopDatabase);
  return Number(row?.['n']);
};

describe.each([
  ['stdio', overStdio],
  ['streamable HTTP', overHttp],
])('over %s', (transport, connect) => {
  let client: Client;
  beforeAll(async () => {
    client = await connect();
  });
  afterAll(() => client.close());

  it('offers its tools by set, each with schemas, and none that approves', async () => {
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).toSorted()).toEqual([...readTools, ...runOnly].toSorted());
    for (const { name, outputSchema, annotations } of tools) {
      expect(outputSchema, name).toMatchObject({ type: 'object' });
      expect(annotations?.readOnlyHint, name).toBe(!runOnly.includes(name));
      expect(name).not.toMatch(/approve$|deny|vote/);
    }
    const reading = await connect({ toolset: 'read' });
    expect((await reading.listTools()).tools.map(({ name }) => name).toSorted()).toEqual(readTools);
    await reading.close();
  });

  it('says who one is, what there is, and what is in it without a value', async () => {
    expect(await call(client, 'whoami')).toMatchObject({ kind: 'human', name: 'engineer@demo.example' });
    expect(await call(client, 'list_targets')).toMatchObject({ targets: [{ name: 'demo-db', kind: 'postgres' }] });
    const described = await call(client, 'describe_target', { target: 'demo-db' });
    const tables = described['tables'] as { name: string; columns: Fields[] }[];
    expect(tables.find(({ name }) => name === 'customers')?.columns).toContainEqual({
      name: 'email',
      type: 'text',
      nullable: expect.any(Boolean) as boolean,
    });
    expect(described['protected_columns']).not.toEqual([]);
    const [row] = await server.query('select name, email from customers limit 1', shopDatabase);
    expect(JSON.stringify(described)).not.toContain(String(row?.['email']));
    expect(JSON.stringify(described)).not.toContain(String(row?.['name']));
  });

  it('runs queries whose rows are bounded, masked, and marked as data of strangers', async () => {
    const ran = await call(client, 'run_query', {
      target: 'demo-db',
      text: 'select id, email from customers where id > $1 order by id',
      parameters: ['0'],
      limit: 2,
    });
    const result = ran['result'] as Fields;
    expect(ran['status']).toBe('done');
    expect(result).toMatchObject({ untrusted: true, row_count: 2, truncated: true, masked_columns: ['email'] });
    expect(result['notice']).toContain('UNTRUSTED');
    const next = await call(client, 'fetch_rows', { cursor: result['next_cursor'], limit: 2 });
    expect(next).toMatchObject({
      result: {
        rows: [
          ['3', expect.stringContaining('*')],
          ['4', expect.any(String)],
        ],
      },
    });
  });

  it('lets run_query change nothing, and names who refused', async () => {
    const before = await orders('true');
    const text = 'delete from orders where id = 1';
    expect(await refusal(client, 'run_query', { target: 'demo-db', text })).toMatchObject({ code: 'denied' });
    expect(await refusal(client, 'run_statement', { target: 'demo-db', text: 'drop table orders' })).toMatchObject({
      code: 'denied',
      decider: 'gateway',
      retryable: false,
    });
    expect(await refusal(client, 'run_query', { target: 'hidden', text: 'select 1' })).toMatchObject({
      code: 'not_found',
    });
    expect(await orders('true')).toBe(before);
  });

  it('holds what people must approve, tells of the waiting, and runs it once when they have', async () => {
    const id = transport === 'stdio' ? 11 : 12;
    const text = `delete from orders where id = ${id}`;
    const held = await call(client, 'run_statement', { target: 'demo-db', text, reason: 'INC-42' });
    expect(held).toMatchObject({ status: 'held', result: null });
    expect(await orders(`id = ${id}`)).toBe(1);
    const request_id = String(held['request_id']);
    const { document } = await gateway.call('GET', `/v1/requests/${request_id}`, { as: 'reviewer' });
    expect(document).toMatchObject({ request: { client: { application: 'sluice mcp', via: 'exec' } } });
    const told: unknown[] = [];
    const waiting = await client.callTool(
      { name: 'wait_request', arguments: { request_id, timeout_seconds: 7 } },
      { onprogress: (progress) => told.push(progress) },
    );
    expect(waiting.structuredContent).toMatchObject({ state: 'pending', request_id });
    expect(told).toMatchObject([{ progress: 5_000, total: 7_000 }]);
    const approved = call(client, 'wait_request', { request_id, timeout_seconds: 45 });
    const vote = await gateway.call('POST', `/v1/requests/${request_id}/approve`, {
      as: 'reviewer',
      body: { comment: 'ok' },
    });
    expect(vote.status, vote.text).toBe(200);
    expect(await approved).toMatchObject({ state: 'approved', votes: [{ decision: 'approve', comment: 'ok' }] });
    expect(await call(client, 'run_approved', { request_id })).toMatchObject({ status: 'done' });
    expect(await orders(`id = ${id}`)).toBe(0);
    const again = await client.callTool({ name: 'run_approved', arguments: { request_id } });
    expect(again.isError).toBe(true);
  });

  it('asks ahead of time, and finds in recordings what was run', async () => {
    const asked = await call(client, 'request_approval', {
      target: 'demo-db',
      text: 'delete from orders where id = 13',
      reason: 'clean up',
    });
    expect(asked).toMatchObject({ state: 'pending', target: 'demo-db' });
    const found = async () => {
      const answer = await call(client, 'search_sessions', { query: 'customers', target: 'demo-db' });
      return (answer['sessions'] as unknown[]).length;
    };
    await expect.poll(found, { timeout: 20_000, interval: 100 }).toBeGreaterThan(0);
  });

  it('asks for access that people see and give, waits for it, and has it then', async () => {
    expect(await call(client, 'list_access')).toMatchObject({
      can_request: [{ group: 'helpers', targets: ['demo-db'], max_minutes: 60 }],
    });
    const tooLong = await refusal(client, 'request_access', { name: 'helpers', minutes: 90, reason: 'INC-42' });
    expect(tooLong['message']).toMatch(/1h at most/);
    const asked = await call(client, 'request_access', { name: 'demo-db', minutes: 15, reason: 'INC-42' });
    const id = String(asked['request_id']);
    expect(asked).toMatchObject({ state: 'pending', target: 'helpers', required: [{ group: 'dba', count: 1 }] });
    const waiting = call(client, 'wait_request', { request_id: id, timeout_seconds: 30 });
    await gateway.call('POST', `/v1/requests/${id}/approve`, { as: 'reviewer', body: {} });
    expect(await waiting).toMatchObject({ state: 'executed', outcome: expect.stringMatching(/^grt_/) as unknown });
    expect(await call(client, 'list_access')).toMatchObject({
      grants: [{ group: 'helpers', state: 'active', request_id: id }],
    });
    const listed = await gateway.call('GET', '/v1/access', { as: 'reviewer' });
    const [grant] = listed.document['grants'] as [{ id: string; request_id: string; reason: string }];
    expect(grant).toMatchObject({ request_id: id, reason: 'INC-42' });
    await gateway.call('POST', `/v1/access/${grant.id}/revoke`, { as: 'reviewer', body: {} });
  });

  it('says that its tools stay, and refuses misspelt fields: a lost idempotency key would run twice', async () => {
    expect(client.getServerCapabilities()).toMatchObject({ tools: { listChanged: false } });
    const text = 'insert into orders (id) values (-1)';
    const misspelt = { target: 'demo-db', text, 'idempotency-key': 'once' };
    const answer = await client.callTool({ name: 'run_statement', arguments: misspelt });
    expect(answer.isError).toBe(true);
    expect(JSON.stringify(answer.content)).toContain('idempotency-key');
    expect(await orders('id = -1')).toBe(0);
  });

  it('refuses what the API refuses in the same words, whichever way it is asked', async () => {
    expect(await refusal(client, 'run_query', { target: 'no such', text: 'select 1' })).toMatchObject({
      code: 'usage',
      decider: 'gateway',
      message: 'target: must be letters, digits, dot, underscore or hyphen',
    });
  });

  it('refuses what its schemas do not have', async () => {
    const wait = await client
      .callTool({ name: 'wait_request', arguments: { request_id: 'req_x', timeout_seconds: 46 } })
      .catch((error: unknown) => ({ isError: true, error }));
    expect(wait.isError).toBe(true);
  });
});

describe('/mcp', () => {
  it('tells who has no token where to get one', async () => {
    const answer = await fetch(`${gateway.url}/mcp`, { method: 'POST', body: '{}' });
    expect(answer.status).toBe(401);
    const metadata = /resource_metadata="([^"]+)"/.exec(answer.headers.get('www-authenticate') ?? '')?.[1];
    expect(metadata).toBe(`${gateway.url}/.well-known/oauth-protected-resource`);
    for (const url of [String(metadata), `${metadata}/mcp`]) {
      expect(await (await fetch(url)).json()).toMatchObject({
        resource: gateway.url,
        authorization_servers: [`${gateway.url}/idp`],
      });
    }
  });

  it('takes no token of another audience, no foreign Host, and no other path', async () => {
    const token = await gateway.token('engineer', { audience: 'https://elsewhere.example' });
    const post = (path: string, headers: Record<string, string>) =>
      gateway.call('POST', path, { body: { jsonrpc: '2.0', id: 1, method: 'tools/list' }, headers });
    expect((await post('/mcp', { authorization: `Bearer ${token}` })).status).toBe(401);
    expect((await post('/mcp/other', { authorization: `Bearer ${await gateway.token('engineer')}` })).status).toBe(404);
  });

  it('serves no page of another site, whatever token it has', async () => {
    const list = async (origin?: string) => {
      const headers = {
        authorization: `Bearer ${await gateway.token('engineer')}`,
        accept: 'application/json, text/event-stream',
        ...(origin === undefined ? {} : { origin }),
      };
      const body = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
      const { status, text } = await gateway.call('POST', '/mcp', { body, headers });
      return { status, text };
    };
    for (const origin of ['https://elsewhere.example', 'null', `${gateway.url}.elsewhere.example`]) {
      const { status, text } = await list(origin);
      expect(status, origin).toBe(403);
      expect(text).not.toContain('run_query');
    }
    for (const origin of [undefined, gateway.url]) expect((await list(origin)).status, origin).toBe(200);
  });

  it('serves each caller as who it is, also side by side', async () => {
    const [engineer, robot] = await Promise.all([overHttp(), overHttp({ as: 'robot' })]);
    const [one, other] = await Promise.all([call(engineer, 'whoami'), call(robot, 'whoami')]);
    expect([one['kind'], other['kind']]).toEqual(['human', 'machine']);
    await Promise.all([engineer.close(), robot.close()]);
  });
});

describe('mcp config', () => {
  const config = (client: string, ...more: string[]) =>
    runCli(dir, ['mcp', 'config', '--client', client, ...more], { input: null });

  it.each([
    ['claude', '.mcp.json', 'mcpServers'],
    ['cursor', '.cursor/mcp.json', 'mcpServers'],
    ['vscode', '.vscode/mcp.json', 'servers'],
  ])('prints for %s, and writes only when told, keeping what is there', async (client, file, list) => {
    const printed = await config(client);
    expect(JSON.parse(printed.stdout)).toMatchObject({
      [list]: { sluice: { command: 'sluice', args: ['mcp', 'serve', '--toolset', 'read'] } },
    });
    await expect(readFile(join(dir, file), 'utf8')).rejects.toThrow('ENOENT');
    expect(onlyDocument(await config(client, '--write', '--json'))).toMatchObject({ written: true, client });
    const first = JSON.parse(await readFile(join(dir, file), 'utf8')) as Record<string, Fields>;
    await writeFile(join(dir, file), JSON.stringify({ other: 1, [list]: { ...first[list], mine: { command: 'x' } } }));
    await config(client, '--write', '--toolset', 'run');
    expect(JSON.parse(await readFile(join(dir, file), 'utf8'))).toMatchObject({
      other: 1,
      [list]: { mine: { command: 'x' }, sluice: { args: ['mcp', 'serve', '--toolset', 'run'] } },
    });
    await writeFile(join(dir, file), '{ // a comment\n}');
    const refused = await config(client, '--write');
    expect(refused.code).toBe(10);
    expect(await readFile(join(dir, file), 'utf8')).toBe('{ // a comment\n}');
  });

  it('adds a table to codex’s TOML once, and leaves another one alone', async () => {
    const file = join(dir, '.codex', 'config.toml');
    expect((await config('codex', '--write')).code).toBe(0);
    await writeFile(file, `model = "x"\n\n${await readFile(file, 'utf8')}`);
    await config('codex', '--write');
    expect(await readFile(file, 'utf8')).toBe(
      'model = "x"\n\n[mcp_servers.sluice]\ncommand = "sluice"\nargs = ["mcp", "serve", "--toolset", "read"]\n',
    );
    expect((await config('codex', '--write', '--toolset', 'all')).code).toBe(10);
  });
});
