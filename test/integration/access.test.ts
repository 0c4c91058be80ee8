import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { accessDocument, grantDocument, grantListDocument } from '../../src/gateway/schemas/access.js';
import { errorDocument } from '../../src/gateway/schemas/error.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { seedShop } from '../../src/quickstart/seed.js';
import { smallShop } from '../../src/quickstart/shop-rows.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { type ApiAnswer, type GatewayUnderTest, type Role, startTestGateway } from './gateway-harness.js';

/** For what happens in other processes, on a machine that may be busy. */
const patience = { timeout: 20_000, interval: 20 };

const access = `
access:
  callers:
    for: [engineers]
    approvers: { dba: 1 }
    max: 4h
    emergency: { for: [engineers], max: 30m, reviewers: [reviewers] }
  guests: { for: [machines, engineers], approvers: { dba: 1, reviewers: 1 }, max: 1h, targets: [other-db] }
`;
const policies = `
@id("callers-call")
permit (principal in Group::"callers", action in Action::"call", resource in Label::"env=demo");
@id("guests-connect")
permit (principal in Group::"guests", action in [Action::"session", Action::"read"], resource in Label::"env=guest");
`;

let server: TestPostgres;
let dir: string;
let running: GatewayUnderTest;
let clients: pg.Client[] = [];

function bundle(): ReadonlyMap<string, string> {
  const files = new Map(starterBundle({ pgPort: server.port }));
  const targets = files.get('targets.yaml') ?? '';
  const other = targets
    .slice(targets.indexOf('  - name:'))
    .replace('demo-db', 'other-db')
    .replace('env: demo', 'env: guest');
  const groups = '  callers:\n  guests:\n';
  return files
    .set('targets.yaml', `${targets}${other}`)
    .set('bindings.yaml', `${files.get('bindings.yaml') ?? ''}${groups}${access}`)
    .set('policies/access.cedar', policies);
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-access-'));
  server = await startPostgres();
  const { password } = await seedShop(server, { dir, size: smallShop });
  running = await startTestGateway({
    bundle: bundle(),
    bootstrap: { listeners: { postgres: { host: '127.0.0.1', port: 0, tls: null }, ssh: null } },
  });
  await running.gateway.setSecret('demo-db', password);
}, 120_000);
afterEach(async () => {
  await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  clients = [];
});
afterAll(async () => {
  await running.stop();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

async function connect(role: Role, database: string): Promise<pg.Client> {
  const port = running.gateway.postgresPort ?? 0;
  const password = await running.token(role);
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'me', database, password, ssl: false });
  client.on('error', () => undefined);
  clients.push(client);
  await client.connect();
  return client;
}

function ask(role: Role, body: Readonly<Record<string, unknown>>): Promise<ApiAnswer> {
  return running.call('POST', '/v1/access', { as: role, body: { duration_ms: 3_600_000, reason: 'INC-7', ...body } });
}
function act(role: Role, path: string, comment = 'because'): Promise<ApiAnswer> {
  return running.call('POST', path, { as: role, body: { comment } });
}
async function grants(role: Role, query = '') {
  return grantListDocument.parse((await running.call('GET', `/v1/access${query}`, { as: role })).document);
}
const errorOf = (answer: ApiAnswer) => errorDocument.parse(answer.document).error;

it('gives a live session what the group may do, from the approval to the revocation', async () => {
  const client = await connect('engineer', 'demo-db');
  const call = () => client.query('select pg_try_advisory_lock(7)');
  await expect(call()).rejects.toMatchObject({ code: '42501' });

  const asked = accessDocument.parse((await ask('engineer', { name: 'callers' })).document);
  expect(asked.request).toMatchObject({ state: 'pending', access: { group: 'callers', duration_ms: 3_600_000 } });
  const id = asked.request?.id ?? '';
  expect((await act('engineer', `/v1/requests/${id}/approve`)).status).toBe(403);
  await expect(call()).rejects.toMatchObject({ code: '42501' });
  const approved = await act('reviewer', `/v1/requests/${id}/approve`);
  expect(approved.document).toMatchObject({ request: { state: 'executed', outcome: { ok: true } } });

  await call();
  const [grant] = (await grants('engineer')).grants;
  expect(grant).toMatchObject({ group: 'callers', state: 'active', request_id: id, reason: 'INC-7' });
  expect(errorOf(await ask('engineer', { name: 'callers' })).code).toBe('conflict');
  // Another engineer's session has nothing of it, and another's grant is nothing one sees.
  expect((await grants('robot')).grants).toEqual([]);
  expect(errorOf(await act('robot', `/v1/access/${grant?.id ?? ''}/revoke`)).code).toBe('not_found');

  const revoked = await act('reviewer', `/v1/access/${grant?.id ?? ''}/revoke`, 'done');
  expect(grantDocument.parse(revoked.document).grant).toMatchObject({ state: 'revoked', revoked: { comment: 'done' } });
  await expect(call()).rejects.toMatchObject({ code: '42501' });
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  // The approval was for one window.
  expect(errorOf(await act('reviewer', `/v1/requests/${id}/approve`)).code).toBe('conflict');
  expect(errorOf(await running.call('POST', '/v1/exec', { as: 'engineer', body: { request_id: id } })).code).toBe(
    'usage',
  );
});

it('ends sessions that may no longer connect when the window closes, by itself', async () => {
  await expect(connect('engineer', 'other-db')).rejects.toMatchObject({ code: '3D000' });
  // The target stands for its group; two groups must agree.
  const asked = accessDocument.parse((await ask('engineer', { name: 'other-db', duration_ms: 3_000 })).document);
  const id = asked.request?.id ?? '';
  await act('reviewer', `/v1/requests/${id}/approve`);
  await expect(connect('engineer', 'other-db')).rejects.toMatchObject({ code: '3D000' });
  await act('reviewer2', `/v1/requests/${id}/approve`);
  const client = await connect('engineer', 'other-db');
  const ended = new Promise<number>((resolve) => client.on('end', () => resolve(Date.now())));
  await client.query('select 1');
  const [grant] = (await grants('engineer', '?mine=true')).grants.filter(({ group }) => group === 'guests');
  const lateMs = (await ended) - Date.parse(grant?.ends_at ?? '');
  expect(lateMs).toBeGreaterThanOrEqual(-50);
  expect(lateMs).toBeLessThan(patience.timeout);
  await expect(connect('engineer', 'other-db')).rejects.toMatchObject({ code: '3D000' });
  const all = (await grants('reviewer', '?all=true')).grants;
  expect(all.find(({ id: known }) => known === grant?.id)).toMatchObject({ state: 'ended', revoked: null });
});

it('gives nothing that configuration does not offer to who asks', async () => {
  expect((await grants('engineer')).can_request.map(({ group }) => group)).toEqual(['callers', 'guests']);
  expect((await grants('robot')).can_request.map(({ group }) => group)).toEqual(['guests']);
  const refusals = await Promise.all([
    ask('robot', { name: 'callers' }),
    ask('engineer', { name: 'dba' }),
    ask('engineer', { name: 'nothing' }),
    ask('robot', { name: 'guests', emergency: true }),
    ask('engineer', { name: 'callers', duration_ms: 5 * 3_600_000 }),
    ask('engineer', { name: 'callers', reason: ' ' }),
    ask('engineer', { name: 'callers', emergency: true, duration_ms: 31 * 60_000 }),
  ]);
  expect(refusals.map((answer) => errorOf(answer).code)).toEqual([
    ...['not_found', 'not_found', 'not_found', 'not_found', 'usage', 'usage', 'usage'],
  ]);
  const misspelt = await Promise.all([ask('engineer', { name: 'calers' }), ask('robot', { name: 'calers' })]);
  expect(misspelt.map((answer) => errorOf(answer).message.includes('did you mean "callers"?'))).toEqual([true, false]);
  expect(refusals.map((answer) => errorOf(answer).next[0]?.command)[4]).toBe(
    'sluice access request callers --for 4h --reason …',
  );
});

it('breaks the glass at once, and leaves it to others to say whether that was right', async () => {
  const client = await connect('engineer', 'demo-db');
  const taken = await ask('engineer', { name: 'callers', emergency: true, duration_ms: 1_800_000 });
  const { grant } = accessDocument.parse(taken.document);
  expect(grant).toMatchObject({ emergency: true, state: 'active', review_due: true, request_id: null });
  await client.query('select pg_try_advisory_lock(7)');
  const path = `/v1/access/${grant?.id ?? ''}/review`;
  expect((await act('engineer', path)).status).toBe(403);
  expect(errorOf(await act('reviewer', path, '')).code).toBe('usage');
  expect((await grants('reviewer', '?review_due=true')).grants.map(({ id }) => id)).toEqual([grant?.id]);
  expect(grantDocument.parse((await act('reviewer', path, 'right')).document).grant).toMatchObject({
    review_due: false,
    review: { by: 'reviewer@demo.example', comment: 'right' },
  });
  expect((await grants('reviewer', '?review_due=true')).grants).toEqual([]);
});
