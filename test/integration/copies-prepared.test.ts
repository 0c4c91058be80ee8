import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { twoPhase } from '../support/postgres.js';
import { type OpenGateway, pgClient, startOpenGateway } from './open-gateway.js';
import { peopleRules, peopleTables } from './people.js';

/** Copies that a transaction makes which is prepared in one session and committed from another. */
let gateway: OpenGateway;
let direct: pg.Client;
const clients: pg.Client[] = [];
const enter = async (): Promise<pg.Client> => {
  const client = await pgClient(gateway.through('app'));
  clients.push(client);
  return client;
};
const leave = (): Promise<unknown> =>
  Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)));

beforeAll(async () => {
  gateway = await startOpenGateway(['app'], peopleRules, { server: twoPhase });
  direct = await pgClient(gateway.direct('app'));
}, 120_000);
afterAll(async () => {
  await direct.end();
  await gateway.stop();
});
beforeEach(async () => {
  await direct.query(peopleTables);
  await (await enter()).query('create table noticed (n int)'); // the gateway reads the catalog again
});
afterEach(async () => {
  await leave();
  for (const { gid } of (await direct.query<{ gid: string }>('select gid from pg_prepared_xacts')).rows)
    await direct.query(`rollback prepared '${gid}'`);
});

const secret = /QXZ|41-7|RBN|52-1|39W7/i;
const read = async (client: pg.Client, sql: string): Promise<string> => JSON.stringify((await client.query(sql)).rows);
const waiting = async (): Promise<number> => (await direct.query('select from pg_prepared_xacts')).rowCount ?? 0;
const protectedNow = (): Promise<readonly string[]> => gateway.protectedColumns('app');

/** What the transaction does before it is prepared, and the query that shows the copy. */
const copies: Readonly<Record<string, readonly [steps: readonly string[], show: string]>> = {
  'a new table': [['create table c as select ssn as s from people'], 'select s from c'],
  'a new table that is renamed in it': [
    ['create table c as select ssn as s from people', 'alter table c rename to d', 'alter table d rename s to t'],
    'select t from d',
  ],
  'a column that was there': [['update people set name = ssn'], 'select name from people'],
  'rows of a table that was there': [
    ['insert into notes select id, reverse(ssn) from people'],
    'select body from notes',
  ],
  'the column itself under another name': [['alter table people rename ssn to open'], 'select open from people'],
  'a table made anew under an old name': [
    ['drop table notes', 'create table notes as select id, ssn as body from people'],
    'select body from notes',
  ],
  'a view of the copy': [
    ['create table c as select ssn as s from people', 'create view v as select lower(s) as l from c'],
    'select l from v',
  ],
};

const prepare = async (client: pg.Client, steps: readonly string[], gid = 'x'): Promise<void> => {
  for (const step of ['begin', ...steps, `prepare transaction '${gid}'`]) await client.query(step);
  expect(await waiting()).toBeGreaterThan(0);
};

/** Through the gateway, by another session than the one that prepared it; or by somebody past it. */
const committed: Readonly<Record<string, (first: pg.Client) => Promise<unknown>>> = {
  'from another session': async () => (await enter()).query("commit prepared 'x'"),
  'from the same session': (first) => first.query("commit prepared 'x'"),
  'from another session, when the first is gone': async () => {
    await leave();
    await (await enter()).query("commit prepared 'x'");
  },
  'after the catalog was read and others were prepared': async () => {
    const client = await enter();
    await client.query('create table stir (n int)'); // the gateway reads the catalog: nobody sees the copy yet
    await read(client, 'select n from stir');
    await prepare(client, ['insert into stir values (1)'], 'y');
    await client.query("rollback prepared 'y'");
    await read(client, 'select n from noticed');
    await client.query("commit prepared 'x'");
  },
  'after the gateway was started again': async () => {
    await leave();
    await gateway.restart();
    const client = await enter();
    await client.query('create table stir (n int)');
    await read(client, 'select n from stir');
    await client.query("commit prepared 'x'");
  },
  'past the gateway': () => direct.query("commit prepared 'x'"),
};

describe('a copy in a transaction that is prepared', () => {
  const ways = Object.entries(committed).flatMap(([how, commit]) =>
    Object.entries(copies).map(([what, [steps, show]]) => ({ what, how, commit, steps, show })),
  );
  it.each(ways)(
    'is protected: $what, committed $how',
    async ({ commit, steps, show }) => {
      const first = await enter();
      await prepare(first, steps);
      await commit(first);
      expect(await waiting()).toBe(0);
      expect(await read(direct, show), 'the control shows no copy').toMatch(secret);
      const other = await enter();
      for (const client of clients.includes(first) ? [first, other] : [other]) {
        const shown = await client.query(show).catch((error: unknown) => String(error));
        expect(JSON.stringify(typeof shown === 'string' ? shown : shown.rows)).not.toMatch(secret);
      }
      expect((await other.query({ text: show, rowMode: 'array' })).rows.length).toBeGreaterThan(0);
    },
    60_000,
  );

  it('is protected already while it waits, in what was there before', async () => {
    await prepare(await enter(), ['update people set name = ssn where id = 1']);
    expect(await protectedNow()).toContain('public.people.name');
    expect(await read(await enter(), 'select name from people where id = 2')).not.toContain('Ben');
  });

  it('is forgotten with its table when it is rolled back, from whatever session', async () => {
    await prepare(await enter(), ['create table c as select ssn as s from people']);
    await (await enter()).query("rollback prepared 'x'");
    const other = await enter();
    await other.query('create table c (s text)');
    await other.query("insert into c values ('plain')");
    expect(await read(other, 'select s from c')).toBe('[{"s":"plain"}]');
    expect(await protectedNow()).not.toContain('public.c.s');
  });

  it('was undone before that, where a savepoint was rolled back, and is protected no longer than that', async () => {
    const first = await enter();
    await prepare(first, ['savepoint a', 'update people set name = ssn', 'rollback to a']);
    await (await enter()).query("commit prepared 'x'");
    expect(await read(await enter(), 'select name from people where id = 1')).toBe('[{"name":"Ada"}]');
  });

  it('is undone where preparing fails, as the server has it', async () => {
    const first = await enter();
    await first.query('begin');
    await first.query('update people set name = ssn');
    await expect(first.query(`prepare transaction '${'x'.repeat(210)}'`)).rejects.toMatchObject({ code: '22023' });
    await first.query('rollback');
    expect(await waiting()).toBe(0);
    expect(await read(await enter(), 'select name from people where id = 1')).toBe('[{"name":"Ada"}]');
  });

  it('stays protected, where its session is cut as it is prepared', async () => {
    const first = await enter();
    for (const step of ['begin', 'create table c as select ssn as s from people']) await first.query(step);
    first.query("prepare transaction 'x'").catch(() => undefined);
    await expect.poll(waiting, { timeout: 20_000, interval: 20 }).toBe(1);
    (first as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    await leave();
    const other = await enter();
    await other.query("commit prepared 'x'");
    expect(await read(direct, 'select s from c')).toMatch(secret);
    expect(await read(other, 'select s from c')).not.toMatch(secret);
  });
});
