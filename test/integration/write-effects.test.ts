import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCatalog } from '../../src/analysis/catalog.js';
import { describeEffect } from '../../src/analysis/effects.js';
import { createPostgresAnalyser } from '../../src/analysis/postgres.js';
import type { CatalogHandle, StatementAnalysis } from '../../src/analysis/postgres-types.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';

const schema = `
create table people (id int primary key, name text, ssn text, shout text generated always as (upper(ssn)) stored,
  soft text generated always as (lower(name)) stored);
create table ledger (what text);
create function note_it() returns trigger language plpgsql as $$ begin insert into ledger values (tg_op); return coalesce(new, old); end $$;
create function drawn() returns int language plpgsql volatile as $$ begin insert into ledger values ('default'); return 1; end $$;
create function first_ssn() returns text language sql stable as 'select ssn from public.people order by id limit 1';
create table watched (id int, body text);
create trigger a after insert on watched for each row execute function note_it();
create trigger b before delete on watched for each row execute function note_it();
create trigger c after truncate on watched for each statement execute function note_it();
create table parts (id int, body text) partition by range (id);
create table part_one partition of parts for values from (0) to (10);
create trigger d after insert on part_one for each row execute function note_it();
create table ruled (id int, body text);
create rule r as on insert to ruled do also insert into ledger values (new.body);
create rule s as on delete to ruled do instead delete from watched where id = old.id;
create table drawing (id int default drawn(), s text default first_ssn(), plain text);
create function on_ddl() returns event_trigger language plpgsql as $$ begin insert into ledger values (tg_tag); end $$;
create table parents (code text primary key);
create table children (code text references parents on delete cascade on update cascade, body text);
create trigger e after delete on children for each row execute function note_it();
create table orphans (code text references parents on delete set null on update cascade);
insert into people values (1, 'Ada', 'QXZ-41-7W93'); insert into watched values (1, 'x'); insert into ruled values (1, 'x');
insert into parents values ('k'); insert into children values ('k', 'x'); insert into orphans values ('k'); delete from ledger;
create event trigger f on ddl_command_end when tag in ('CREATE TABLE', 'ALTER TABLE') execute function on_ddl();`;

let postgres: TestPostgres;
let client: pg.Client;
let catalog: CatalogHandle;
const analyser = createPostgresAnalyser({ workers: 1 });
beforeAll(async () => {
  postgres = await startPostgres();
  await postgres.query(schema);
  const { host, port, superuser: user, password } = postgres;
  client = new pg.Client({ host, port, user, password, database: 'postgres' });
  await client.connect();
  const raw = await readCatalog(async (sql) => (await client.query<{ row: string | null }>(sql)).rows);
  catalog = await analyser.loadCatalog(raw, {
    target: 'db',
    columns: [{ schema: 'public', table: 'people', column: 'ssn', class: 'ssn' }],
  });
}, 60_000);
afterAll(async () => {
  await client.end();
  await postgres.stop();
  await analyser.close();
});

async function analyse(sql: string): Promise<StatementAnalysis> {
  const query = await analyser.analyse(sql, catalog);
  if (!query.ok || query.statements[0] === undefined) throw new Error(JSON.stringify(query));
  return query.statements[0];
}
const effectsOf = async (sql: string): Promise<string> => (await analyse(sql)).effects.map(describeEffect).join('; ');

/** What the statement changes beside its own table, as the server shows it. */
async function changes(sql: string): Promise<string> {
  const mark = `select concat((select count(*) from ledger), (select count(*) from watched), (select count(*) from children),
    (select count(code) from orphans), (select string_agg(code, '') from children)) as mark`;
  await client.query('begin');
  const [before] = (await client.query<{ mark: string }>(mark)).rows;
  await client.query(sql);
  const [after] = (await client.query<{ mark: string }>(mark)).rows;
  await client.query('rollback');
  return before?.mark === after?.mark ? '' : 'changed';
}

const writes: readonly (readonly [what: string, sql: string, named: RegExp])[] = [
  ['a trigger on insert', "insert into watched values (2, 'x')", /note_it/],
  ['a trigger on insert, by COPY', "copy watched from program 'printf 9'", /note_it/],
  ['a trigger on delete', 'delete from watched where id = 1', /note_it/],
  ['a trigger on truncate', 'truncate watched', /note_it/],
  ['a trigger of the partition that is written through its table', "insert into parts values (1, 'x')", /note_it/],
  ['a rule that inserts elsewhere', "insert into ruled values (2, 'x')", /insert[^;]*ledger/],
  [
    'a rule that deletes elsewhere, whose trigger runs',
    'delete from ruled where id = 1',
    /delete[^;]*watched.*note_it/,
  ],
  ['a default that calls', "insert into drawing (plain) values ('x')", /drawn/],
  ['a key that deletes along', "delete from parents where code = 'k'", /delete[^;]*children.*note_it/],
  ['a key that sets null', "delete from parents where code = 'k'", /update[^;]*orphans/],
  ['an event trigger on what is defined', 'create table defined (id int)', /on_ddl/],
  ['an event trigger on what is altered', 'alter table watched add column more int', /on_ddl/],
  ['a key that updates along', "update parents set code = 'l' where code = 'k'", /update[^;]*children/],
];

describe('what a write sets off by itself', () => {
  it.each(writes.map(([what, sql, named]) => ({ what, sql, named })))('is named: $what', async ({ sql, named }) => {
    if (!sql.startsWith('copy')) expect(await changes(sql), 'the control').toBe('changed');
    expect(await effectsOf(sql)).toMatch(named);
  });

  it.each([
    ['a trigger on something else', "update watched set body = 'y' where id = 1", /note_it/],
    ['a key that is not touched', "update children set body = 'y' where code = 'k'", /parents|orphans/],
    ['a default where nothing is inserted', "update drawing set plain = 'y' where id = 1", /drawn/],
    ['an event trigger where nothing is defined', 'select * from watched', /on_ddl/],
    ['a rule on something else', "update ruled set body = 'y' where id = 1", /ledger|watched/],
  ])('is not named: %s', async (_what, sql, named) => {
    expect(await effectsOf(sql)).not.toMatch(named);
  });
});

describe('columns that are filled by themselves', () => {
  const shown = async (sql: string): Promise<readonly boolean[]> => {
    const { output } = await analyse(sql);
    return output === 'unknown' || output === null ? [] : output.map(({ sources }) => sources.length > 0);
  };

  it('are protected when they are generated from a protected one, and not otherwise', async () => {
    expect(await shown('select id, shout, soft, name from people')).toEqual([false, true, false, false]);
    const [origin] = (await client.query<{ oid: number }>("select 'people'::regclass::oid::int as oid")).rows;
    expect(catalog.protectedOrigins.get(`${origin?.oid}.4`)).toMatchObject({ derived: true });
    expect(catalog.protectedOrigins.has(`${origin?.oid}.5`)).toBe(false);
  });

  it('are protected when their default reads a protected value, and not otherwise', async () => {
    expect(await shown('select id, s, plain from drawing')).toEqual([false, true, false]);
  });

  it('take a copy along that a key passes on', async () => {
    const { copies } = await analyse('update parents set code = (select ssn from people where id = 1)');
    expect(copies?.map(({ table, column }) => `${table}.${column}`)).toEqual([
      'parents.code',
      'children.code',
      'orphans.code',
    ]);
  });
});
