import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Role } from '../../integration/gateway-harness.js';
import { type ApprovalLab, errorOf, openApprovalLab } from './support.js';

/** A budget on a table for each fact that is counted; some deny, some ask people. */
const budget = (table: string, over: string, ask = false): string => `
@id("budget-${table}") @message("Over the budget of ${table}.") ${ask ? '@approval("dba")' : ''}
forbid (principal, action in Action::"read", resource in Label::"env=demo")
when { resource is Table && resource.name == "${table}" && context.${over} }
${ask ? 'unless { context.approvals.contains("dba") }' : ''};`;
const policies = [
  budget('orders', 'session.bytesRead > 200000'),
  budget('products', 'session.seconds > 600'),
  budget('employees', 'identity.statements > 12'),
  budget('order_items', 'identity.seconds > 7200'),
  budget('customers', 'session.statements > 5', true),
  budget('audit_log', 'session.rowsRead > 1000', true),
  budget('payments', 'identity.rowsRead > 3000'),
].join('\n');
const minute = 60_000;

let lab: ApprovalLab;
const clients: pg.Client[] = [];
beforeAll(async () => {
  lab = await openApprovalLab(policies);
});
afterAll(() => lab.stop());
const leave = () => Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)));
afterEach(leave);

async function enter(role: Role): Promise<pg.Client> {
  const port = lab.running.gateway.postgresPort ?? 0;
  const login = { user: 'x', password: await lab.token(role), database: 'demo-db' };
  const client = new pg.Client({ host: '127.0.0.1', port, ...login });
  client.on('error', () => undefined);
  await client.connect();
  clients.push(client);
  return client;
}
const over = (table: string) =>
  expect.objectContaining({ message: expect.stringContaining(`Over the budget of ${table}.`) as string }) as unknown;

it('of bytes ends a result in the middle, and the session with it; another begins anew', async () => {
  const client = await enter('engineer');
  const { rows, error } = await readWhole(
    client,
    `select repeat('x', 1000) from (select id from orders limit 1) o, generate_series(1, 2000)`,
  );
  expect(error).toEqual(over('orders'));
  expect(rows).toBeGreaterThan(0);
  expect(rows).toBeLessThanOrEqual(200);
  await expect(client.query('select 1')).rejects.toThrow();
  expect((await (await enter('engineer')).query('select id from orders limit 1')).rowCount).toBe(1);
});

it('of a session’s time counts from its beginning, idle or not', async () => {
  const client = await enter('engineer');
  expect((await client.query('select id from products limit 1')).rowCount).toBe(1);
  lab.pass(9 * minute);
  expect((await client.query('select id from products limit 1')).rowCount).toBe(1);
  lab.pass(2 * minute);
  await expect(client.query('select id from products limit 1')).rejects.toEqual(over('products'));
  expect((await client.query('select id from orders limit 1')).rowCount).toBe(1);
  expect((await (await enter('engineer')).query('select id from products limit 1')).rowCount).toBe(1);
});

it('of an identity’s statements is one for psql and exec, and is there again after an hour', async () => {
  const client = await enter('reviewer');
  // Prepared or not: what counts is that it runs.
  for (let done = 0; done < 3; done++) await client.query('select id from employees limit 1');
  for (let done = 0; done < 4; done++) await client.query('select id from employees where id = $1', [1]);
  for (let done = 0; done < 5; done++)
    expect((await lab.exec('select id from employees limit 1', {}, 'reviewer')).status).toBe(200);
  await expect(client.query('select id from employees limit 1')).rejects.toEqual(over('employees'));
  const refused = errorOf(await lab.exec('select id from employees limit 1', {}, 'reviewer'));
  expect(refused).toMatchObject({ code: 'denied', policy: 'budget-employees' });
  // Another's is their own.
  expect((await lab.exec('select id from employees limit 1', {}, 'reviewer2')).status).toBe(200);
  await leave();
  lab.pass(61 * minute);
  expect((await lab.exec('select id from employees limit 1', {}, 'reviewer')).status).toBe(200);
});

it('of an identity’s time counts all sessions that are open beside each other', async () => {
  const [one, two] = [await enter('reviewer2'), await enter('reviewer2'), await enter('reviewer2')];
  expect((await one.query('select order_id from order_items limit 1')).rowCount).toBe(1);
  lab.pass(50 * minute);
  await expect(two.query('select order_id from order_items limit 1')).rejects.toEqual(over('order_items'));
  // Of a session that was left open over night, the last hour counts.
  await leave();
  const left = await enter('reviewer2');
  lab.pass(3 * 60 * minute);
  expect((await left.query('select order_id from order_items limit 1')).rowCount).toBe(1);
});

it('of a session’s statements counts each of a text that holds several, and each part of a result', async () => {
  const read = 'select count(*) from customers';
  expect((await lab.exec(`${'select 1; '.repeat(4)}${read}`)).status).toBe(200);
  expect(errorOf(await lab.exec(`${'select 1; '.repeat(5)}${read}`)).code).toBe('approval_pending');
  let { status, document } = await lab.exec('select id from customers', { limit: 1, cursor: true });
  const seen: number[] = [];
  for (; status === 200 && seen.length < 10; seen.push(status)) {
    const body = { cursor: document['next_cursor'], limit: 1 };
    ({ status, document } = await lab.running.call('POST', '/v1/exec/fetch', {
      token: await lab.token('engineer'),
      body,
    }));
  }
  expect(seen).toHaveLength(5);
  expect(document).toMatchObject({ error: over('customers') });
});

it('that asks people holds the statement in psql, and an approval lets that one run', async () => {
  const read = 'select count(*) from customers';
  const psql = await lab.psql(
    'engineer',
    [...Array.from({ length: 5 }, () => read), `${read} where id < 3`, read].flatMap((text) => ['-c', text]),
  );
  const first = await psql.request();
  expect(await lab.request(first)).toMatchObject({ text: `${read} where id < 3`, policies: ['budget-customers'] });
  await lab.vote(first, 'approve', 'reviewer');
  // The next is over the budget as well: an approval is no budget.
  const second = await psql.request(first);
  await lab.vote(second, 'deny', 'reviewer');
  const { code, out } = await psql.ended;
  expect(code).toBe(1);
  expect(out.trim().split('\n')).toHaveLength(6);
  expect(out.trim().split('\n').at(-1)).toBe('2');
});

it('that asks people cannot ask in the middle of a result: it ends there, and the next is held', async () => {
  const client = await enter('engineer');
  const many = `select a.id from (select id from audit_log limit 1) a, generate_series(1, 5000)`;
  await expect(client.query(many)).rejects.toEqual(over('audit_log'));
  // Rows of anything count; only this table's policy asks.
  const texts = ['select generate_series(1, 1500)', 'select id from audit_log limit 1'];
  const psql = await lab.psql(
    'engineer',
    texts.flatMap((text) => ['-c', text]),
  );
  const id = await psql.request();
  expect((await lab.request(id)).policies).toEqual(['budget-audit_log']);
  await lab.vote(id, 'approve', 'reviewer');
  expect(await psql.ended).toMatchObject({ code: 0 });
  expect(await lab.request(id)).toMatchObject({ state: 'executed' });
});

it('of an identity’s rows binds again after the hour in a session that had been beyond it', async () => {
  const client = await enter('reviewer2');
  await client.query('select generate_series(1, 4000)');
  await expect(client.query('select id from payments limit 1')).rejects.toEqual(over('payments'));
  lab.pass(61 * minute);
  const { rows, error } = await readWhole(
    client,
    'select c.id from (select id from payments limit 1) c, generate_series(1, 50000)',
  );
  expect(error).toEqual(over('payments'));
  expect(rows).toBeLessThanOrEqual(3000);
});

/** How many rows came of a result, and what ended it before its end. */
async function readWhole(
  client: pg.Client,
  sql: string,
): Promise<{ readonly rows: number; readonly error: Error | null }> {
  let rows = 0;
  const query = client.query(new pg.Query(sql));
  query.on('row', () => rows++);
  const error = await new Promise<Error | null>((resolve) => {
    query.on('end', () => resolve(null));
    query.on('error', resolve);
  });
  return { rows, error };
}
