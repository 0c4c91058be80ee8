import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApprovalLab, errorOf, openApprovalLab } from './support.js';

/** A server that knows `transaction_timeout` (PostgreSQL 17 and later). */
let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab('', { major: 18 });
}, 120_000);
afterAll(() => lab.stop());

const more = (product: number): string => `update products set stock = stock + 1 where id = ${product}`;

it.each([
  ['in a transaction of the client’s', ['begin', "set local transaction_timeout = '700ms'", more(1)]],
  ['set for the session', ["set transaction_timeout = '700ms'", 'begin', more(1)]],
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
