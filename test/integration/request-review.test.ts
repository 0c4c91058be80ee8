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

it('names what reads as another name', async () => {
  const seen = await review(await lab.held('update products as "p\u0430y" set stock = 1 where id = 1'));
  expect(seen.look_alikes).toEqual([{ word: 'p\u0430y', reads_as: 'pay', letters: ['U+0430'] }]);
  expect((await review(await lab.held(`update products set name = 'Москва' where id = 1`))).look_alikes).toEqual([]);
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

it('counts the rows below a parent: partitions of partitions, and tables that inherit', async () => {
  for (const sql of [
    'create table parts (id int, region text, stock int) partition by list (region)',
    "create table parts_n partition of parts for values in ('n')",
    "create table parts_s partition of parts for values in ('s') partition by range (id)",
    'create table parts_s1 partition of parts_s for values from (0) to (1000)',
    'create table parts_s2 partition of parts_s for values from (1000) to (2000)',
    "insert into parts select i, 'n', 0 from generate_series(1, 100) i",
    "insert into parts select i, 's', 0 from generate_series(1, 1999) i",
    'create table elders (id int, stock int)',
    'create table heirs () inherits (elders)',
    'insert into elders select i, 0 from generate_series(1, 10) i',
    'insert into heirs select i, 0 from generate_series(1, 1000) i',
    'grant all on parts, elders, heirs to public',
    'analyze parts, parts_n, parts_s1, parts_s2, elders',
  ])
    await lab.server.query(sql, 'shop');
  const parts = await review(await lab.held('update parts set stock = stock + 1 where id < 500'));
  expect(parts.tables).toEqual([{ name: 'public.parts', rows: '2099' }]);
  const [row] = await lab.server.query('select count(*) as n from parts where id < 500', 'shop');
  expect(Math.abs(Number(parts.estimated_rows) - Number(row?.['n']))).toBeLessThan(60);
  // One that was never counted makes the sum unknown, not smaller.
  const text = (id: number): string => `update elders set stock = ${id} where id > 0`;
  const rows = async (id: number) =>
    (await review(await lab.held(text(id)))).tables.find(({ name }) => name === 'public.elders')?.rows;
  expect(await rows(1)).toBeNull();
  await lab.server.query('analyze heirs', 'shop');
  expect(await rows(2)).toBe('1010');
});

it('asks ahead of time about what the target is now, whatever was done past the gateway', async () => {
  const asOwner = (sql: string) => lab.server.query(sql, 'shop');
  const shelf = 'create table shelf (id int, stock int); insert into shelf values (1, 1); grant all on shelf to public';
  const text = 'update shelf set stock = stock + 1 where id = 1';
  const run = async () => {
    const made = await lab.running.call('POST', '/v1/requests', {
      token: await lab.token('engineer'),
      body: { target: 'demo-db', text },
    });
    const { id, effects } = requestDocument.parse(made.document).request;
    expect(effects.filter((effect) => effect.startsWith('infer'))).toEqual([]);
    await lab.vote(id, 'approve', 'reviewer');
    resultOf(await lab.exec(text, { request_id: id }));
    return (await asOwner('select stock from shelf'))[0]?.['stock'];
  };
  await lab.held(text).catch(() => undefined); // the gateway has read the catalog, without the table
  await asOwner(shelf);
  expect(await run()).toBe(2);
  await asOwner(`drop table shelf; ${shelf}`);
  expect(await run()).toBe(2);
});

it('explains what a name means now', async () => {
  const explained = async (path: string, more: Readonly<Record<string, unknown>> = {}) =>
    (
      await lab.running.call('POST', path, {
        token: await lab.token('engineer'),
        body: { target: 'demo-db', text: 'select x from plain', ...more },
      })
    ).document['masked_columns'];
  for (const [path, more] of [
    ['/v1/policy/explain', {}],
    ['/v1/exec', { dry_run: true }],
  ] as const) {
    await lab.server.query('create table plain (x text); grant all on plain to public', 'shop');
    expect(await explained(path, more)).toEqual([]);
    await lab.server.query(
      'drop table plain; create view plain as select email as x from customers; grant select on plain to public',
      'shop',
    );
    expect(await explained(path, more)).toEqual(['x']);
    await lab.server.query('drop view plain', 'shop');
  }
});
