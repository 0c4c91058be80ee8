import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gatewayRole, seedShop, shopDatabase, type SeedResult } from '../../src/quickstart/seed.js';
import { smallShop } from '../../src/quickstart/shop-rows.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';

describe('the seeded shop', () => {
  let server: TestPostgres;
  let dir: string;
  let seed: SeedResult;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sluice-seed-'));
    server = await startPostgres();
    seed = await seedShop(server, { dir, size: smallShop });
  });
  afterAll(async () => {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  });

  async function asGateway(sql: string, database = shopDatabase): Promise<pg.QueryResult> {
    const { host, port } = server;
    const client = new pg.Client({ host, port, user: gatewayRole, password: seed.password, database });
    await client.connect();
    try {
      return await client.query(sql);
    } finally {
      await client.end();
    }
  }

  it('is made once', async () => {
    expect(seed.seeded).toBe(true);
    expect(await seedShop(server, { dir, size: smallShop })).toEqual({ seeded: false, password: seed.password });
  });

  it('starts over when an earlier run was killed half way', async () => {
    await server.query('alter database shop rename to shop_unfinished');
    expect((await seedShop(server, { dir, size: smallShop })).seeded).toBe(true);
    expect(await server.query('select datname from pg_database where datname like $$shop%$$')).toEqual([
      { datname: 'shop' },
    ]);
  });

  it('has views and a function that agree with the tables', async () => {
    const rows = await server.query(
      `select count(*) filter (where order_total(id) = total)::int as right, count(*)::int as all,
              (select count(*)::int from customer_orders) as view from orders`,
      shopDatabase,
    );
    expect(rows).toEqual([{ right: smallShop.orders, all: smallShop.orders, view: smallShop.orders }]);
  });

  it('lets the gateway role work with rows', async () => {
    expect((await asGateway('delete from orders where id = 7')).rowCount).toBe(1);
    expect((await asGateway('select 1 from order_items where order_id = 7')).rowCount).toBe(0);
    expect((await asGateway('create table approved (n int); drop table approved')).rowCount).toBeUndefined();
  });

  it.each([
    ['drop table orders', '42501'],
    ['truncate orders', '42501'],
    ['alter table customers add column x int', '42501'],
    ['create temporary table t (n int)', '42501'],
    ['create role other', '42501'],
    ['create schema other', '42501'],
    ['copy customers to program $$cat$$', '42501'],
    [`select pg_read_file('/etc/passwd')`, '42501'],
  ])('gives the gateway role no more than that: %s', async (sql, code) => {
    await expect(asGateway(sql)).rejects.toMatchObject({ code });
  });

  it('keeps the gateway role out of other databases', async () => {
    await expect(asGateway('select 1', 'postgres')).rejects.toMatchObject({ code: '42501' });
  });

  it('gives the role a new password when the file is gone', async () => {
    await rm(join(dir, 'gateway.password'));
    const again = await seedShop(server, { dir, size: smallShop });
    expect(again.password).not.toBe(seed.password);
    seed = again;
    expect((await asGateway('select 1')).rowCount).toBe(1);
  });
});
