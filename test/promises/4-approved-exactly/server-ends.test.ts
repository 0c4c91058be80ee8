import { afterAll, beforeAll, expect, it } from 'vitest';
import { requestDocument } from '../../../src/gateway/schemas/requests.js';
import { type ApprovalLab, errorOf, openApprovalLab, more, patience } from './support.js';

/** A server that knows `transaction_timeout` (PostgreSQL 17 and later). */
let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab('', { major: 18 });
});
afterAll(() => lab.stop());

// The server's clock runs from the beginning, so the time must do for a statement to be held on a busy machine.
it.each([
  ['in a transaction of the client’s', ['begin', "set local transaction_timeout = '5s'", more(1)]],
  ['set for the session', ["set transaction_timeout = '5s'", 'begin', more(1)]],
])('does not outlive a transaction_timeout %s', async (_where, texts) => {
  const before = await lab.stock(1);
  const psql = await lab.psql(
    'engineer',
    texts.flatMap((text) => ['-c', text]),
  );
  const id = await psql.request();
  const { code, err } = await psql.ended;
  expect(code).not.toBe(0);
  expect(err).toMatch(/FATAL: {2}transaction_timeout/);
  expect(err).toContain(`request ${id}, which waited here, is withdrawn`);
  const { state, history } = await lab.request(id);
  expect([state, history.at(-1)?.note]).toEqual(['cancelled', 'target demo-db closed the connection']);
  expect(errorOf(await lab.vote(id, 'approve', 'reviewer')).code).toBe('conflict');
  expect(await lab.stock(1)).toBe(before);
});

it('waits for people in no transaction of the server’s, so that its time is the statement’s alone', async () => {
  const before = await lab.stock(2);
  const psql = await lab.psql('engineer', ['-c', "set transaction_timeout = '700ms'", '-c', more(2)]);
  const id = await psql.request();
  await new Promise((resolve) => setTimeout(resolve, 1_400));
  await lab.vote(id, 'approve', 'reviewer');
  expect(await psql.ended).toMatchObject({ code: 0, out: 'SET\nUPDATE 1\n' });
  expect(await lab.request(id)).toMatchObject({ state: 'executed' });
  expect(await lab.stock(2)).toBe(before + 1);
});

it('counts the rows below a partitioned table as the server of this version keeps them', async () => {
  for (const sql of [
    'create table parts (id int, region text, stock int) partition by list (region)',
    // The server counts when it is told to, not by itself in between.
    "create table parts_n partition of parts for values in ('n') with (autovacuum_enabled = off)",
    "create table parts_s partition of parts for values in ('s') partition by range (id)",
    'create table parts_s1 partition of parts_s for values from (0) to (1000) with (autovacuum_enabled = off)',
    "insert into parts select i, 'n', 0 from generate_series(1, 100) i",
    "insert into parts select i, 's', 0 from generate_series(1, 900) i",
    'grant all on parts to public',
  ])
    await lab.server.query(sql, 'shop');
  // A look at the target that takes too long on a busy machine says nothing, so another is asked for.
  const rowsOf = async (id: number): Promise<string | null | undefined> => {
    const held = await lab.held(`update parts set stock = ${id} where id < 500`);
    const { document } = await lab.running.call('GET', `/v1/requests/${held}`, { token: await lab.token('reviewer') });
    return requestDocument.parse(document).review?.tables.find(({ name }) => name === 'public.parts')?.rows;
  };
  // Never counted is unknown, and part of it counted is no sum.
  await expect.poll(() => rowsOf(1), patience).toBeNull();
  await lab.server.query('analyze parts_n', 'shop');
  await expect.poll(() => rowsOf(2), patience).toBeNull();
  await lab.server.query('analyze parts', 'shop');
  await expect.poll(() => rowsOf(3), patience).toBe('1000');
});
