import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type OpenGateway, pgClient, startOpenGateway } from './open-gateway.js';
import { peopleRules, peopleTables } from './people.js';

/** Statements of the extended protocol that copy protected values: what they protect themselves is no change under their feet. */
const schema = `${peopleTables}
  create table badges (id int primary key, body text, loud text generated always as (upper(body)) stored, place text default 'here');
  insert into badges values (1, 'one'), (2, 'two');
  create view shown as select id, body as b, place from badges;`;

let gateway: OpenGateway;
let direct: pg.Client;
let client: pg.Client;

beforeAll(async () => {
  gateway = await startOpenGateway(['app'], peopleRules);
  direct = await pgClient(gateway.direct('app'));
}, 120_000);
afterAll(async () => {
  await direct.end();
  await gateway.stop();
});
beforeEach(async () => {
  await direct.query(schema);
  client = await pgClient(gateway.through('app'));
  await client.query('create table noticed (n int)'); // the gateway reads the catalog again
});

const before: Readonly<Record<string, readonly string[]>> = {
  'on its own': [],
  'in a transaction': ['begin'],
  'behind DDL of the same transaction': ['begin', 'create table more (n int)'],
  'where the session has temporary tables': ['create temp table mine (n int)'],
};
const statements: Readonly<Record<string, readonly [sql: string, show: string]>> = {
  update: ['update people set name = ssn where id = $1', 'select name from people'],
  'insert of a query': ['insert into notes select id, ssn from people where id = $1', 'select body from notes'],
  'with RETURNING': ['update people set name = ssn where id = $1 returning name', 'select name from people'],
};
/** RETURNING shows what was written to columns that nothing protects yet. */
const returned: Readonly<Record<string, string>> = {
  'a generated column': 'insert into badges select 3, ssn from people where id = 1 returning loud',
  'a whole row': 'update badges set body = ssn from people where people.id = 1 returning badges',
  'a row as JSON': 'update badges b set body = ssn from people p where p.id = 1 returning to_json(b)',
  'all columns of the target': 'update badges b set body = ssn from people p where p.id = 1 returning b.*',
  'what a conflict writes':
    "insert into badges values (1, 'x') on conflict (id) do update set body = (select ssn from people where id = 1) returning body",
  'what a conflict would have inserted':
    'insert into badges select id, ssn from people on conflict (id) do update set body = excluded.body returning body',
  'several columns at once':
    'update badges set (body, place) = (select name, ssn from people where id = 1) returning place',
  'a column of a view': 'update shown set b = (select ssn from people where id = 1) returning b',
  'an expression': 'update badges set body = ssn from people where people.id = 1 returning lower(body)',
  'a statement inside another':
    'with w as (update badges set body = ssn from people where people.id = 1 returning body) select * from w',
  'a temporary table': 'insert into mine select ssn from people where id = 1 returning body',
};

it.each(Object.entries(returned))('RETURNING masks %s', async (_, sql) => {
  try {
    await client.query('create temp table mine (body text)');
    const { rows } = await client.query(sql);
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toMatch(/QXZ|41-7/i);
    const later = await client.query('select * from badges, mine');
    expect(JSON.stringify(later.rows)).not.toMatch(/QXZ|41-7/i);
  } finally {
    await client.end();
  }
});

it('RETURNING shows what nothing protected was written to', async () => {
  const sql = 'update badges set body = ssn from people where people.id = 1 returning badges.id, place, people.name';
  const { rows } = await client.query(sql);
  expect(rows[0]).toEqual({ id: 1, place: 'here', name: 'Ada' });
  await client.end();
});

it('a copy in a temporary table is masked for its session from the next statement on', async () => {
  await client.query('create temp table mine (body text)');
  await client.query('select * from mine');
  await client.query('insert into mine select ssn from people');
  expect(JSON.stringify((await client.query('select body from mine')).rows)).not.toMatch(/QXZ|41-7|RBN/);
  await client.end();
});

it('a copy that another session makes is masked in one with temporary tables at once', async () => {
  await client.query('create temp table mine (body text)');
  await client.query('select * from mine');
  const other = await pgClient(gateway.through('app'));
  await other.query('insert into notes select id, ssn from people');
  await other.end();
  expect(JSON.stringify((await client.query('select body from notes')).rows)).not.toMatch(/QXZ|41-7|RBN/);
  await client.end();
});

const cases = Object.entries(before).flatMap(([where, steps]) =>
  Object.entries(statements).map(([what, [sql, show]]) => ({ where, what, steps, sql, show })),
);

it.each(cases)('$what, $where: runs, and what it wrote is protected', async ({ steps, sql, show }) => {
  try {
    for (const step of steps) await client.query(step);
    const { rowCount, rows } = await client.query(sql, [1]);
    expect(rowCount).toBe(1);
    const shown = await client.query(show);
    expect(shown.rowCount).toBeGreaterThan(0);
    expect(JSON.stringify([rows, shown.rows])).not.toMatch(/QXZ|41-7/);
  } finally {
    await client.end();
  }
});

it('runs again where it reads the column that it has protected', async () => {
  const sql = 'update people set name = ssn where name <> $1';
  for (const { length } of ['first', 'second']) {
    const { rowCount } = await client.query(sql, ['x'.repeat(length)]);
    expect(rowCount).toBe(2);
  }
  await client.end();
});
