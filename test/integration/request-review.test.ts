import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RequestReview, requestDocument } from '../../src/gateway/schemas/requests.js';
import { type ApprovalLab, openApprovalLab, resultOf } from '../promises/4-approved-exactly/support.js';

let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab();
  for (const sql of [
    'analyze orders, products, employees',
    'create sequence planted_seq',
    'create function planted(int) returns int language plpgsql immutable as $$ begin perform nextval($q$planted_seq$q$); return $1; end $$',
    'grant all on sequence planted_seq to public',
  ])
    await lab.server.query(sql, 'shop');
}, 120_000);
afterAll(() => lab.stop());

async function review(id: string, role: 'engineer' | 'reviewer' = 'reviewer'): Promise<RequestReview> {
  const answer = await lab.running.call('GET', `/v1/requests/${id}`, { token: await lab.token(role) });
  const found = requestDocument.parse(answer.document).review;
  if (found === null) throw new Error('no review');
  return found;
}

it('says how much a statement is about, and lays it out, without running it', async () => {
  const before = await lab.stock(1);
  const seen = await review(await lab.held('update products set stock = stock + 1 where id = 1'));
  expect(seen.pretty).toBe('update products\nset stock = stock + 1\nwhere id = 1');
  const [row] = await lab.server.query('select count(*)::text as n from products', 'shop');
  expect(seen.tables).toEqual([{ name: 'public.products', rows: row?.['n'] }]);
  expect(seen.estimated_rows).toBe('1');
  expect(await lab.stock(1)).toBe(before);
});

it('plans nothing with a function of somebody’s, and nothing that would tell of a protected value', async () => {
  const called = async () =>
    (await lab.server.query('select is_called from planted_seq', 'shop'))[0]?.['is_called'] as boolean;
  const functions = await lab.held('update products set stock = 1 where id = planted(1)', {}, 'reviewer2');
  expect(await review(functions)).toMatchObject({ estimated_rows: null, tables: [{ name: 'public.products' }] });
  expect(await called()).toBe(false);
  // The control: the planner itself would run it.
  await lab.server.query('explain select 1 from products where id = planted(1)', 'shop');
  expect(await called()).toBe(true);
  const asking = await lab.held("delete from employees where national_id = 'x'");
  expect(await review(asking)).toMatchObject({ estimated_rows: null, tables: [{ name: 'public.employees' }] });
});

it('shows what came of the like of it, to a requester only their own', async () => {
  const text = (id: number): string => `delete from order_items where order_id = ${id}`;
  const first = await lab.held(text(1));
  await lab.vote(first, 'approve', 'reviewer');
  resultOf(await lab.exec(text(1), { request_id: first }));
  await lab.vote(await lab.held(text(2)), 'deny', 'reviewer');
  const others = await lab.held(text(1), {}, 'reviewer2');
  const id = await lab.held(text(3));
  const { alike } = await review(id);
  expect(alike).toMatchObject({ total: 3, approved: 1, denied: 1 });
  expect(alike.latest.map(({ requester, state }) => `${requester} ${state}`)).toEqual([
    'reviewer2@demo.example pending',
    'engineer@demo.example denied',
    'engineer@demo.example executed',
  ]);
  expect(alike.latest[1]?.votes).toMatchObject([{ name: 'reviewer@demo.example', comment: 'not on a Friday' }]);
  const own = (await review(id, 'engineer')).alike;
  expect(own.total).toBe(2);
  expect(own.latest.some((request) => request.id === others)).toBe(false);
});
