import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type ApprovalLab, errorOf, openApprovalLab, patience, resultOf } from './support.js';

let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab();
});
afterAll(() => lab.stop());

/**
 * Each test has names of its own: a gateway sees what others change in a database only when it looks, and it looks when
 * it hears a new name.
 */
let round = 0;
const own = (text: string): string => text.replaceAll('shelf', `shelf${round}`).replaceAll('spare', `spare${round}`);
const update = 'update shelf set stock = stock + 1 where id = 1';

/** As the database's owner, past the gateway. */
const asOwner = async (...statements: readonly string[]): Promise<void> => {
  for (const statement of statements) await lab.server.query(own(statement), 'shop');
};

/** What the tables hold now; every wrong run shows. */
async function stocks(): Promise<unknown> {
  const [row] = await lab.server.query(
    own(`select (select string_agg(stock::text, ',') from shelf) as named,
     (select string_agg(stock::text, ',') from spare) as other, (select string_agg(note, ',') from shelf_log) as log`),
    'shop',
  );
  return row;
}

beforeEach(async () => {
  round++;
  await asOwner(
    'create table shelf (id int primary key, stock int not null)',
    'create table spare (id int primary key, stock int not null)',
    'create table shelf_log (note text)',
    'create view shelf_view as select id, stock from shelf',
    'create function shelf_note() returns trigger language plpgsql as $$ begin return new; end $$',
    'create trigger noted before update on shelf for each row execute function shelf_note()',
    'grant select, insert, update, delete on shelf, spare, shelf_log, shelf_view to public',
    'insert into shelf values (1, 10)',
    'insert into spare values (1, 10)',
  );
});

const asView = ['drop view shelf_view', 'drop table shelf', 'create view shelf as select id, stock from spare'];
const grants = 'grant select, update on shelf, shelf_view to public';

const changes: readonly [string, string, readonly string[]][] = [
  ['a view of the same name over another table', update, [...asView, 'grant select, update on shelf to public']],
  [
    'another table of the same name',
    update,
    [
      'drop view shelf_view',
      'alter table shelf rename to shelf_was',
      'create table shelf (id int primary key, stock int not null)',
      'insert into shelf values (1, 10)',
      'grant select, update on shelf to public',
      'drop table shelf_was',
    ],
  ],
  [
    'a view that shows something else',
    update.replace('shelf', 'shelf_view'),
    ['create or replace view shelf_view as select id, stock from spare', grants],
  ],
  [
    'a trigger function that does something else',
    update,
    [
      `create or replace function shelf_note() returns trigger language plpgsql as
       $$ begin insert into shelf_log values ('ran'); return new; end $$`,
    ],
  ],
  ['a column of another type', update, ['drop view shelf_view', 'alter table shelf alter stock type bigint']],
  ['a child whose rows it would change too', update, ['create table shelf_more (check (id > 5)) inherits (shelf)']],
];

/** The trigger calls a function, which only a DBA may: policy of the lab lets nobody call it, so it goes first. */
const withoutTrigger = (text: string): readonly string[] =>
  text === 'a trigger function that does something else' ? [] : ['drop trigger noted on shelf'];

it.each(changes)('runs no approved exec once the name means %s', async (what, statement, change) => {
  const text = own(statement);
  await asOwner(...withoutTrigger(what));
  const id = await lab.held(text, {}, 'reviewer2');
  await lab.vote(id, 'approve', 'reviewer');
  await asOwner(...change);
  const before = await stocks();
  const refused = errorOf(await lab.exec(text, { request_id: id }, 'reviewer2'));
  expect(refused.code, JSON.stringify(refused)).toBe('denied');
  expect(refused.message).toMatch(/The database has changed since this was approved: \w+ public\.\w+ is not/);
  expect(await stocks()).toEqual(before);
  expect((await lab.request(id)).state).toBe('approved');
  // The control: asked again, the statement runs, and then it shows.
  const again = await lab.held(text, {}, 'reviewer2');
  await lab.vote(again, 'approve', 'reviewer');
  resultOf(await lab.exec(text, { request_id: again }, 'reviewer2'));
  expect(await stocks()).not.toEqual(before);
});

it.each(changes)('runs no held statement of psql once the name means %s', async (what, statement, change) => {
  const text = own(statement);
  await asOwner(...withoutTrigger(what));
  const psql = await lab.psql('reviewer2', ['-c', text]);
  const id = await psql.request();
  await asOwner(...change);
  const before = await stocks();
  await lab.vote(id, 'approve', 'reviewer');
  const { code, err } = await psql.ended;
  expect(code).toBe(1);
  expect(err).toMatch(/the database changed while this waited/);
  expect(await stocks()).toEqual(before);
  expect((await lab.request(id)).state).toBe('failed');
});

it('is not led astray by what others make: other schemas, tables and temporary tables', async () => {
  await asOwner('drop trigger noted on shelf');
  const id = await lab.held(own(update), {}, 'reviewer2');
  await lab.vote(id, 'approve', 'reviewer');
  await asOwner(
    'create schema elsewhere',
    'create table elsewhere.shelf (id int, stock int)',
    'create temp table shelf (id int, stock int)',
    'analyze public.shelf',
    'create index on public.shelf (stock)',
  );
  resultOf(await lab.exec(own(update), { request_id: id }, 'reviewer2'));
  expect(await stocks()).toMatchObject({ named: '11', other: '10' });
  await asOwner('drop schema elsewhere cascade');
});

it('takes a temporary table of the session itself for another object', async () => {
  await asOwner('drop trigger noted on shelf', 'grant temporary on database shop to public');
  const psql = await lab.psql('reviewer2', [
    ...['-c', own('create temp table shelf as select 1 as id, 5 as stock'), '-c', own(update)],
  ]);
  const create = await psql.request();
  // Creating is held as well, and approved here: what matters is the update that comes after it.
  await lab.vote(create, 'approve', 'reviewer');
  const pending = async (): Promise<string | undefined> => {
    const answer = await lab.running.call('GET', '/v1/requests?state=pending', { token: await lab.token('reviewer') });
    return (answer.document['requests'] as { id: string; text: string; effects: string[] }[])
      .find(({ text }) => text === own(update))
      ?.effects.join();
  };
  await expect.poll(pending, patience).toMatch(/pg_temp\/shelf\d+/);
  psql.signal('SIGINT');
  await psql.ended;
  expect(await stocks()).toMatchObject({ named: '10' });
});
