import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { type GatewayUnderTest, type Role, startTestGateway } from './gateway-harness.js';
import { pgClient } from './open-gateway.js';

/** Everybody may copy; nobody sees values; admins may say that a copy needs no protection any more. */
const bundle = ({ port, superuser }: TestPostgres): ReadonlyMap<string, string> =>
  new Map([
    [
      'targets.yaml',
      `targets:
  - { name: app, kind: postgres, address: "127.0.0.1:${port}", database: app, username: ${superuser}, secret: "vault:app", tls: { mode: disable }, labels: {} }
  - { name: twin, kind: postgres, address: "127.0.0.1:${port}", database: app, username: ${superuser}, secret: "vault:app", tls: { mode: disable }, labels: {} }
`,
    ],
    [
      'classification.yaml',
      'classes: { ssn: { mask: last4 } }\ncolumns: [{ column: public.people.ssn, class: ssn }]\ndetectors: {}\n',
    ],
    ['bindings.yaml', 'groups: { reviewers: { claims: { groups: [reviewers] } } }\n'],
    [
      'policies/test.cedar',
      `@id("all") permit (principal, action, resource) unless { action == Action::"reveal" };
@id("admins") forbid (principal, action in [Action::"apply", Action::"readSession"], resource)
unless { principal in Group::"reviewers" };
`,
    ],
  ]);

interface Copy {
  readonly id: string;
  readonly column: string;
  readonly class: string;
  readonly derived: boolean;
  readonly made_by: readonly { readonly user: string; readonly session_id: string; readonly op: number }[];
}

let dir: string;
let postgres: TestPostgres;
let running: GatewayUnderTest;
const clients: pg.Client[] = [];
const enter = async (role: Role, database = 'app'): Promise<pg.Client> => {
  const password = await running.token(role);
  const client = await pgClient({ port: running.gateway.postgresPort ?? 0, user: 'x', password, database });
  clients.push(client);
  return client;
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-copies-'));
  postgres = await startPostgres();
  await postgres.query('create database app');
  const direct = await pgClient({
    ...{ port: postgres.port, user: postgres.superuser, password: postgres.password, database: 'app' },
  });
  await direct.query(`create table people (id int primary key, ssn text); create table notes (id int, body text);
    insert into people values (1, 'QXZ-41-7W93'); create table other (body text)`);
  await direct.end();
  running = await startTestGateway({
    bundle: bundle(postgres),
    bootstrap: {
      listeners: { postgres: { host: '127.0.0.1', port: 0, tls: null }, ssh: null },
      audit: { sinks: [{ type: 'file', path: join(dir, 'audit.jsonl') }] },
    },
  });
  await running.gateway.setSecret('app', postgres.password);
}, 120_000);
afterAll(async () => {
  await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  await running.stop();
  await postgres.stop();
  await rm(dir, { recursive: true, force: true });
});

const shown = async (client: pg.Client, sql = 'select body from notes'): Promise<unknown> =>
  (await client.query<{ readonly body: string }>(sql)).rows[0]?.body;
const list = async (): Promise<readonly Copy[]> => {
  const answer = await running.call('GET', '/v1/targets/app/copies', { as: 'reviewer' });
  expect(answer.status, answer.text).toBe(200);
  return answer.document['copies'] as readonly Copy[];
};
const only = async (column: string): Promise<Copy> => {
  const [found, ...more] = (await list()).filter((copy) => copy.column === column);
  if (found === undefined || more.length > 0) throw new Error(`not one copy in ${column}`);
  return found;
};
const end = (role: Role, id: string, reason = 'cleaned', target = 'app') =>
  running.call('POST', `/v1/targets/${target}/copies/${id}/end`, { as: role, body: { reason } });
const audited = async (event: string): Promise<readonly Readonly<Record<string, unknown>>[]> => {
  const lines = (await readFile(join(dir, 'audit.jsonl'), 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line['event'] === event);
};

it('ends the protection of a copy in sessions that are open, with a record, until it is made again', async () => {
  const engineer = await enter('engineer');
  await engineer.query('insert into notes select id, ssn from people');
  const twin = await enter('robot', 'twin');
  const prepared = { name: 'kept', text: 'select body from notes' };
  const sessions = [engineer, await enter('reviewer2'), twin];
  for (const client of sessions) {
    expect(await shown(client)).not.toContain('QXZ');
    expect(JSON.stringify((await client.query(prepared)).rows)).not.toContain('QXZ');
  }

  const copy = await only('public.notes.body');
  expect(copy).toMatchObject({ class: 'ssn', derived: false, made_by: [{ user: 'engineer@demo.example' }] });
  const [{ session_id, op } = { session_id: '', op: 0 }] = copy.made_by;
  const session = await running.call('GET', `/v1/sessions/${session_id}`, { as: 'reviewer' });
  const operations = session.document['operations'] as readonly { readonly op: number; readonly text: string }[];
  expect(operations.find((operation) => operation.op === op)?.text).toBe(
    'insert into notes select id, ssn from people',
  );

  for (const role of ['engineer', 'robot'] as const) expect((await end(role, copy.id)).status).toBe(403);
  expect((await running.call('GET', '/v1/targets/app/copies', { as: 'engineer' })).status).toBe(403);
  expect((await end('reviewer', copy.id, ' ')).status).toBe(400);
  for (const client of sessions) expect(await shown(client)).not.toContain('QXZ');

  const ended = await end('reviewer', copy.id, 'holds no numbers, INC-42');
  expect(ended.document).toMatchObject({ schema: 'sluice.copy_end/v1', column: 'public.notes.body', class: 'ssn' });
  for (const client of sessions) {
    expect(await shown(client)).toBe('QXZ-41-7W93');
    expect((await client.query(prepared)).rows).toEqual([{ body: 'QXZ-41-7W93' }]);
    expect(await shown(client, 'select ssn as body from people')).not.toContain('QXZ');
  }
  expect((await end('reviewer', copy.id)).status).toBe(404);
  await expect
    .poll(async () => (await audited('copy.end')).filter(({ outcome }) => outcome === 'done'), { timeout: 20_000 })
    .toMatchObject([
      {
        actor: { name: 'reviewer@demo.example' },
        object: `app/${copy.id}`,
        detail: {
          reason: 'holds no numbers, INC-42',
          ...{ column: 'public.notes.body', class: 'ssn', holds: 'exact' },
          made_by: `engineer@demo.example (${session_id}, ${op})`,
        },
      },
    ]);

  await clients.splice(0).reduce(async (before, client) => before.then(() => client.end()), Promise.resolve());
  await running.restart();
  const after = await enter('engineer');
  expect(await shown(after), 'ended for good').toBe('QXZ-41-7W93');
  await after.query('insert into notes select id, ssn from people');
  expect(await shown(after)).not.toContain('QXZ');
  const again = await only('public.notes.body');
  expect(again.id).not.toBe(copy.id);
  expect((await end('reviewer', again.id)).status).toBe(200);
}, 60_000);

it('is refused to whoever has made a copy in that column, also after others have, and says so in the audit trail', async () => {
  await (await enter('reviewer')).query('update other set body = (select ssn from people)');
  await (await enter('engineer')).query("update other set body = 'x' || (select ssn from people)");
  await (await enter('engineer')).query('update other set body = (select ssn from people)');
  const copies = (await list()).filter(({ column }) => column === 'public.other.body');
  expect(copies.filter(({ derived }) => derived)).toHaveLength(1);
  expect(copies).toHaveLength(2);
  for (const { id } of copies) {
    const refused = await end('reviewer', id);
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('You made a copy in this column yourself');
  }
  await expect
    .poll(async () => (await audited('copy.end')).filter(({ outcome }) => outcome === 'refused').length, {
      timeout: 20_000,
    })
    .toBe(2);
  for (const { id } of copies) expect((await end('reviewer2', id, 'empty', 'twin')).status).toBe(200);
  expect((await list()).filter(({ column }) => column === 'public.other.body')).toEqual([]);
}, 60_000);

it('stays while a transaction under way writes it', async () => {
  const engineer = await enter('engineer');
  for (const sql of ['begin', 'insert into notes select id, reverse(ssn) from people']) await engineer.query(sql);
  const { id } = (await list()).find(({ derived }) => derived) ?? { id: '' };
  const early = await end('reviewer', id);
  expect([early.status, early.text]).toEqual([409, expect.stringContaining('A transaction under way writes')]);
  await engineer.query('commit');
  expect((await end('reviewer', id)).status).toBe(200);
}, 60_000);

it('knows no copy of another database, and none where nothing was copied', async () => {
  for (const id of ['cpy_0000000000000000', '3f0c9d3e-0a39-4c6e-9a43-0d2f5d1e4b7a'])
    expect((await end('reviewer', id)).status).toBe(404);
  expect((await running.call('GET', '/v1/targets/none/copies', { as: 'reviewer' })).status).toBe(404);
});
