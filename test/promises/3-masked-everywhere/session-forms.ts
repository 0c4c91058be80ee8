import { wire } from '../../support/raw-postgres.js';
import type { Attack } from '../support/leaks.js';

const { parse, bind, execute, sync, query } = wire;

/** A table of the session's own before the protected one, with nothing in it. */
const own = 'create temp table users (id int, ssn text)';
const look = 'select reverse(ssn) from users order by id';
/** A view of the session's own before a table in which nothing is protected. */
const shadow = "create temp view archive as select id, reverse(ssn) as name, ''::text as note from public.users";
const seen = 'select upper(name) from archive order by id';
const leaky = 'create or replace view user_names as select id, reverse(ssn) as name from users';
const harmless = 'create or replace view user_names as select id, name from users';
const viewed = 'select upper(name) from user_names order by id';

/** Names in a function that is not inlined are found when it runs. */
const named =
  "create function stolen_fn() returns text language sql stable as 'select 1; select name from archive order by id limit 1'";
/** With a schema for its temporary objects a session does not plan again when one more comes to stand before others. */
const before = 'create temp table before_all (a int)';

/** README.md, B: what a transaction has changed is undone, or dropped with its end, while another follows at once. */
const scripts: Readonly<Record<string, readonly string[]>> = {
  'own table dropped by a chained commit': [
    'begin',
    `${own} on commit drop`,
    look,
    'commit and chain',
    look,
    'rollback',
  ],
  'own table undone by a chained rollback': ['begin', own, look, 'rollback and chain', look, 'rollback'],
  'own table undone and a transaction begun in one query': ['begin', own, look, 'rollback; begin', look, 'rollback'],
  'own table undone in the query that reads': ['begin', own, look, `rollback; ${look}`],
  'own table undone to a savepoint': ['begin', 'savepoint s', own, look, 'rollback to s', look, 'rollback'],
  'own table undone to a savepoint in the query that reads': [
    ...['begin', 'savepoint s', own, look],
    ...[`rollback to s; ${look}`, 'rollback'],
  ],
  'own table undone under a prepared statement': [
    ...['begin', own, `prepare p as ${look}`, 'execute p'],
    ...['rollback and chain', 'execute p', 'rollback'],
  ],
  'own table undone before a copy': ['begin', own, look, 'rollback and chain', `copy (${look}) to stdout`, 'rollback'],
  'own view dropped and back': [
    ...['begin', shadow, 'savepoint s', 'drop view archive', seen],
    ...['rollback to s', seen, 'rollback'],
  ],
  'own table before that of a prepared statement': [before, `prepare p as ${look}`, own, 'execute p'],
  'own view before what a function of a cursor reads': [
    ...[before, named, 'begin', 'declare c cursor for select stolen_fn() from orders', shadow],
    ...['fetch 3 from c', 'rollback'],
  ],
  'view replaced twice and back once': [
    ...['begin', leaky, 'savepoint s', harmless, viewed],
    ...['rollback to s', viewed, 'rollback'],
  ],
};

/** A statement by the extended protocol, without its Sync. */
const now = (sql: string): readonly Buffer[] => [parse('', sql), bind('', ''), execute('')];
/** Answered by the gateway once the server has told it how the transaction stands. */
const wait = query('execute nothing');

const wired: Readonly<Record<string, readonly Buffer[]>> = {
  'own table undone in a pipeline': [query('begin'), query(own), query(look), ...now('rollback'), ...now(look), sync],
  'own view in a failed transaction, read in the pipeline that mends it': [
    ...[query('begin'), query(shadow), query(seen), query('savepoint s'), query('select 1/0'), wait],
    ...[...now('rollback to s'), ...now(seen), sync, query('rollback')],
  ],
  'own view in a failed transaction, read behind what mends it': [
    ...[query('begin'), query(shadow), query(seen), query('savepoint s'), query('select 1/0'), wait],
    ...[query('rollback to s'), query(seen), query('rollback')],
  ],
  'own table before that of a prepared statement of the wire': [
    ...[query(before), parse('a', look), sync, query(own), bind('', 'a'), execute(''), sync],
  ],
  'own view made between Bind and Execute before what a function reads': [
    ...[query(before), query(named), query('begin'), parse('a', 'select stolen_fn() from orders'), bind('p', 'a')],
    ...[...now(shadow), execute('p'), sync, query('rollback')],
  ],
  'own view made between Bind and Execute of a copy': [
    ...[query('begin'), parse('a', `copy (${seen}) to stdout`), bind('p', 'a')],
    ...[...now(shadow), execute('p'), sync, query('rollback')],
  ],
  'own table dropped between Bind and Execute of a copy': [
    ...[query('begin'), query(own), query(look), parse('a', `copy (${look}) to stdout`), bind('p', 'a')],
    ...[...now('drop table pg_temp.users'), execute('p'), sync, query('rollback')],
  ],
  'own table dropped between Bind and Execute of a copy into a table': [
    ...[query('begin'), query(own), query(look), parse('a', `create table stolen as ${look}`), bind('p', 'a')],
    ...[...now('drop table pg_temp.users'), execute('p'), sync, query('select * from stolen'), query('rollback')],
  ],
  'own view made between Bind and Execute, in a failed transaction that was mended': [
    ...[query('begin'), parse('a', `copy (${seen}) to stdout`), bind('p', 'a'), ...now(shadow), sync],
    ...[query('savepoint s'), query('select 1/0'), wait],
    ...[...now('rollback to s'), execute('p'), sync, query('rollback')],
  ],
};

const isReady = (message: Buffer): boolean => message[0] === 0x53 || message[0] === 0x51;

export const sessionForms: readonly Attack[] = [
  ...Object.entries(scripts),
  ...Object.entries(wired).map(
    ([name, messages]) => [name, { messages, ready: messages.filter(isReady).length }] as const,
  ),
].map(([name, script]) => ({ name, script, ownTransaction: true, cleanup: 'drop function if exists stolen_fn()' }));
