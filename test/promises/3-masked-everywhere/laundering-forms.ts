import type { Attack } from '../support/leaks.js';

const restore = `drop schema if exists "PG_CATALOG", " pg_catalog" cascade; drop table if exists stolen, heirs; drop view if exists stolen_view; drop materialized view if exists stolen_kept;
  drop statistics if exists stolen; drop rule if exists stolen_rule on archive; drop rule if exists stolen_rule on orders; drop function if exists stolen_fn(int);
  create or replace view user_names as select id, name from users;
  create or replace function twice(int) returns int language sql immutable as 'select $1 * 2';
  alter table archive drop column if exists extra; alter table users drop column if exists extra`;

/** README.md, D: laundering, errors and notices, side channels, catalog. Steps are queries of their own in one session. */
const scripts: Readonly<Record<string, string | readonly string[]>> = {
  'create table as': [
    'create table stolen as select id, ssn as note from users',
    'select note from stolen order by id',
  ],
  'create temp table as': [
    'create temp table stolen as select id, ssn as note from users',
    'select note from stolen order by id',
  ],
  'create temp table that shadows': [
    "create temp table archive as select id, reverse(ssn) as name, '' as note from users",
    'select upper(name) from archive order by id',
  ],
  'select into': ['select id, ssn as note into stolen from users', 'select note from stolen order by id'],
  'select into in a transaction': [
    'begin',
    'select id, ssn as note into stolen from users',
    'select note from stolen order by id',
    'rollback',
  ],
  'view under another name': [
    'create view stolen_view as select id, reverse(ssn) as s from users',
    'select s from stolen_view order by id',
  ],
  'temp view that shadows': [
    "create temp view archive as select id, reverse(ssn) as name, '' as note from users",
    'select lower(name) from archive order by id',
  ],
  'temp view that shadows, in one query':
    "create temp view archive as select id, reverse(ssn) as name, '' as note from users; select lower(name) from archive order by id",
  'temp view that shadows, in a condition': [
    "create temp view archive as select id, reverse(ssn) as name, '' as note from users",
    "select id from archive where name > '39W7-5' order by id",
  ],
  'replaced view in a transaction': [
    'begin',
    'create or replace view user_names as select id, reverse(ssn) as name from users',
    'select name from user_names order by id',
    'rollback',
  ],
  'replaced view in a transaction, in a condition': [
    'begin',
    'create or replace view user_names as select id, ssn as name from users',
    "select id from user_names where name > 'M' order by id",
    'rollback',
  ],
  'replaced view in one query':
    'create or replace view user_names as select id, reverse(ssn) as name from users; select upper(name) from user_names order by id',
  'replaced function in a transaction': [
    'begin',
    "create or replace function twice(int) returns int language sql stable as 'select salary::int from users where id = $1'",
    'select twice(1)',
    'rollback',
  ],
  'replaced function behind a prepared statement': [
    'prepare p as select twice(1)',
    "create or replace function twice(int) returns int language sql stable as 'select salary::int from users where id = $1'",
    'execute p',
  ],
  'shadowed table behind a prepared statement': [
    'prepare p as select upper(name) from archive order by id',
    "create temp view archive as select id, reverse(ssn) as name, '' as note from users",
    'execute p',
  ],
  'new function': [
    "create function stolen_fn(int) returns text language sql stable as 'select reverse(ssn) from users where id = $1'",
    'select stolen_fn(1)',
  ],
  'new function in pg_temp': [
    "create function pg_temp.f() returns text language sql as 'select reverse(ssn) from users where id = 1'",
    'select pg_temp.f()',
  ],
  'materialized view': [
    'create materialized view stolen_kept as select id, reverse(ssn) as s from users',
    'select upper(s) from stolen_kept order by id',
  ],
  'insert select': ["insert into archive select id, ssn, 'x' from users", 'select name from archive order by id, name'],
  'insert select of a whole row': [
    "insert into archive select id, u::text, 'x' from users u",
    'select name from archive order by id, name',
  ],
  'insert from a cte': [
    "with x as (select id, ssn from users) insert into archive select id, ssn, 'x' from x",
    'select name from archive order by id, name',
  ],
  'insert values with a subquery': [
    "insert into archive values (7, (select ssn from users where id = 1), 'x')",
    'select name from archive order by id',
  ],
  'insert returning': "insert into archive values (7, (select ssn from users where id = 1), 'x') returning name",
  'insert derived': [
    'insert into archive select id, md5(ssn), left(ssn, 5) from users',
    'select * from archive order by id, name',
  ],
  'update of another column': ['update users set name = ssn where id = 1', 'select name from users order by id'],
  'update of another table': [
    'update archive set note = (select ssn from users where id = 1) where id = 1',
    'select note from archive',
  ],
  'update from': ['update archive a set note = u.ssn from users u where u.id = a.id', 'select note from archive'],
  'update of two columns': [
    'update archive a set (name, note) = (select ssn, email from users u where u.id = a.id) where a.id = 1',
    'select * from archive',
  ],
  'update returning': 'update archive set note = (select ssn from users where id = 1) where id = 1 returning note',
  'on conflict': [
    "insert into users (id, name) values (1, 'a') on conflict (id) do update set name = users.ssn",
    'select name from users order by id',
  ],
  'on conflict from a subquery': [
    "insert into users (id, name) values (1, 'a') on conflict (id) do update set name = (select email from users u where u.id = 1)",
    'select name from users order by id',
  ],
  'merge update': [
    'merge into archive a using users u on a.id = u.id when matched then update set note = u.ssn',
    'select note from archive',
  ],
  'merge insert': [
    "merge into archive a using users u on a.id = u.id + 100 when not matched then insert values (u.id, u.ssn, 'x')",
    'select name from archive order by id, name',
  ],
  'rule that copies': [
    'create rule stolen_rule as on insert to archive do also insert into ledger (what) select reverse(ssn) from users',
    "insert into archive values (5, 'a', 'b')",
    'select what from ledger order by id',
  ],
  'rule that answers': [
    'create rule stolen_rule as on insert to archive do instead select reverse(ssn) as x from users order by id',
    "insert into archive values (5, 'a', 'b')",
  ],
  'rule that answers a delete': [
    'create rule stolen_rule as on delete to archive do instead select reverse(ssn) as x from users order by id',
    'delete from archive where id = 1',
  ],
  'default that reads': [
    'create table stolen (id int, s text default ssn_by_id(1))',
    'insert into stolen (id) values (1) returning s',
    'select s from stolen',
  ],
  'default added': [
    'create table stolen (id int)',
    'insert into stolen values (1)',
    'alter table stolen add s text default ssn_by_id(1)',
    'select s from stolen',
  ],
  'default set': [
    'alter table archive alter note set default ssn_by_id(1)',
    'insert into archive (id) values (4) returning note',
    'alter table archive alter note drop default',
  ],
  'generated column': [
    'alter table users add extra text generated always as (reverse(ssn)) stored',
    'select extra from users order by id',
  ],
  'column type with using': [
    'alter table users add extra text',
    'alter table users alter extra type text using ssn',
    'select extra from users order by id',
  ],
  'rename of a column': [
    'begin',
    'alter table users rename ssn to open_ssn',
    'select open_ssn from users order by id',
    'rollback',
  ],
  'rename of a table': [
    'begin',
    'alter table users rename to open_users',
    'select ssn from open_users order by id',
    'rollback',
  ],
  'move to another schema': [
    'begin',
    'create schema other9',
    'alter table users set schema other9',
    'select ssn from other9.users order by id',
    'rollback',
  ],
  'rename of the schema': [
    'begin',
    'alter schema public rename to other9',
    'select ssn from other9.users order by id',
    'rollback',
  ],
  'detached partition': [
    'begin',
    'alter table staff detach partition staff_south',
    'alter table staff_south rename to open_staff',
    'select ssn from open_staff order by id',
    'rollback',
  ],
  'child of the table': [
    'create table heirs () inherits (users)',
    'with moved as (delete from users returning *) insert into heirs select * from moved',
    'select ssn from only heirs order by id',
  ],
  'copy in from nothing seen': ["copy archive from program 'echo 1'", 'select * from archive'],
  'large object': [
    'select lo_from_bytea(77001, ssn::bytea) from users where id = 1',
    'select lo_get(77001)',
    'select data from pg_largeobject',
  ],
  'sequence that counts': [
    "select setval('ledger_id_seq', salary::int) from users where id = 1",
    "select nextval('ledger_id_seq')",
  ],
  cursor: [
    'begin',
    'declare c cursor for select reverse(ssn) as name from users order by id',
    'fetch all from c',
    'rollback',
  ],
  'cursor with hold': [
    'declare c cursor with hold for select reverse(ssn) as name from users order by id',
    'fetch 2 from c',
    'fetch backward 1 from c',
    'close c',
  ],
  'cursor of a prepared name': [
    'prepare c as select 1',
    'begin',
    'declare c cursor for select ssn || id from users order by id',
    'execute c',
    'fetch all from c',
    'rollback',
  ],
  'cursor that a function opens': ['begin', "select open_users('c')", 'fetch all from c', 'rollback'],
  'cursor under a forgotten name': [
    'begin',
    'savepoint s',
    'declare c cursor for select name from users',
    'rollback to s',
    "select open_users('c')",
    'fetch all from c',
    'rollback',
  ],
  'cursor under a name undone with its transaction': [
    'begin',
    'declare c cursor with hold for select name from users',
    'rollback',
    'begin',
    "select open_users('c')",
    'fetch all from c',
    'rollback',
  ],
  'cursor under a name that failed': [
    'declare c cursor with hold for select name from users; select 1/0',
    'begin',
    "select open_users('c')",
    'fetch all from c',
    'rollback',
  ],
  'cursor under a closed name': [
    'begin',
    'declare c cursor for select name from users',
    'close c',
    "select open_users('c')",
    'fetch all from c',
    'rollback',
  ],
  'cursor under a private name': ['begin', "select open_users('sluice_refused')", 'drop table archive', 'rollback'],
  cursor_to_xml: [
    'begin',
    'declare c cursor for select ssn from users',
    "select cursor_to_xml('c', 10, true, false, '')",
    'rollback',
  ],
  'prepared statement': ['prepare p as select reverse(ssn) from users order by id', 'execute p'],
  'prepared statement made anew': [
    'prepare p as select name from users',
    'deallocate p',
    'prepare p as select reverse(ssn) as name from users order by id',
    'execute p',
  ],
  'prepared statement after discard': [
    'prepare p as select name from users',
    'discard all',
    'prepare p as select reverse(ssn) as name from users order by id',
    'execute p',
  ],
  'prepared statement with the value as a guess': [
    'prepare p(text) as select id from users where ssn = $1',
    "execute p('QXZ-41-7W93')",
  ],
  'explain execute': [
    "prepare p as select id from users where ssn > 'M'",
    'explain (analyze, costs off, timing off, summary off) execute p',
  ],
  'listen and notify': ['listen lab', "select pg_notify('lab', ssn) from users where id = 1"],
  'notify on a channel of the value': [
    'listen zkqcanaryw',
    "select pg_notify(lower(pin), '') from (select profile ->> 'pin' as pin from users where id = 1) s",
  ],
  application_name: [
    "select set_config('application_name', ssn, false) from users where id = 1",
    'show application_name',
  ],
  'custom parameter': ["select set_config('a.b', ssn, false) from users where id = 1", "select current_setting('a.b')"],
  'timezone of the value': [
    "select set_config('timezone', 'X' || left(salary::text, 1), false) from users where id = 1",
  ],
  'error of a cast': 'select ssn::int from users where id = 1',
  'error of a derived cast': "select (ssn || 'x')::int from users where id = 1",
  'error of a cast to a date': 'select email::date from users where id = 1',
  'error of json': 'select ssn::json from users where id = 1',
  'error of xml': "select ('<' || ssn)::xml from users where id = 1",
  'error of uuid': 'select ssn::uuid from users where id = 1',
  'error of an array': "select ('{' || ssn)::text[] from users where id = 1",
  'error of an enum-like domain': 'select ssn::information_schema.yes_or_no from users where id = 1',
  'error of a limit': 'select id from orders limit (select ssn from users where id = 1)::int',
  'error of a regular expression': "select name ~ ('*' || ssn) from users where id = 1",
  'error of to_number': "select to_number(ssn, 'S9') from users where id = 1",
  'error of to_timestamp': "select to_timestamp(ssn, 'YYYY') from users where id = 1",
  'error of jsonpath': 'select profile @@ email::jsonpath from users where id = 1',
  'error of a table name': 'select ssn::regclass from users where id = 1',
  'error of a collation': 'select pg_collation_for(ssn)::regcollation from users where id = 1',
  'error of a setting': "select set_config(ssn, 'x', false) from users where id = 1",
  'error of a setting read': 'select current_setting(ssn) from users where id = 1',
  'not null constraint': 'update users set id = null where id = 1',
  'not null constraint by default': 'update users set id = default where id = 1',
  'check constraint': 'update users set salary = -salary where id = 1',
  'check constraint with a constant': 'update users set salary = -1 where id = 1',
  'unique constraint': 'update users set email = (select email from users where id = 2) where id = 1',
  'primary key': 'update users set id = 2 where id = 1',
  'constraint of a copied row': 'insert into users select * from users where id = 1',
  'constraint of another table': 'insert into orders select id + 100, salary::int, name, 1 from users',
  'partition constraint': "update staff set dept = 'west' where id = 1",
  'partition constraint by insert':
    "insert into staff_north (id, dept, ssn) select id, 'south', ssn from staff where id = 1",
  'raise notice': 'select tell(ssn) from users where id = 1',
  'raise in every field': 'select complain(ssn) from users where id = 1',
  'do block': "do $$ begin raise notice '%', (select ssn from users where id = 1); end $$",
  'do block that raises names':
    "do $$ begin raise exception 'x' using column = (select ssn from users where id = 1), table = 'x'; end $$",
  'debug output': [
    'set client_min_messages = debug5',
    'set debug_print_plan = on',
    "select id from users where ssn = 'x'",
  ],
  'plan as notice': [
    'set client_min_messages = log',
    'set debug_print_parse = on',
    'select ssn from users where id = 1',
  ],
  'statement statistics': [
    'set client_min_messages = log',
    'set log_statement_stats = on',
    "select count(*) from users where ssn > 'M'",
  ],
  pg_stats: "select most_common_vals, histogram_bounds from pg_stats where tablename = 'users' order by attname",
  pg_statistic: "select stavalues1 from pg_statistic where starelid = 'users'::regclass order by staattnum",
  'pg_stats of a copy': "select histogram_bounds::text from pg_stats where tablename = 'lookup' and attname = 'ssn'",
  'pg_stats through a view': [
    'create view stolen_view as select tablename, attname, histogram_bounds::text as h from pg_stats',
    "select h from stolen_view where tablename = 'users' order by attname",
  ],
  'extended statistics': [
    'create statistics stolen on ssn, email from users',
    'analyze users',
    'select stxdmcv is null from pg_statistic_ext_data',
  ],
  'statistics by function': 'select pg_stats_ext_mcvlist_items(stxdmcv) from pg_statistic_ext_data',
  'large object catalog': 'select data from pg_largeobject',
  'copy of the table': 'copy users to stdout',
  'copy of some columns': 'copy users (id, ssn, salary) to stdout (format csv, header, force_quote *)',
  'copy in binary': 'copy users (ssn, salary) to stdout (format binary)',
  'copy of a derived column': 'copy (select reverse(ssn), salary * 2 from users order by id) to stdout',
  'copy with a null string of choice': "copy (select ssn from users order by id) to stdout (null 'QXZ')",
  'copy of a partition': 'copy staff_north to stdout',
  'copy of a view by query': 'copy (select * from users_coded order by id) to stdout',
  'copy of a write': 'copy (update users set name = name where id = 1 returning ssn, reverse(ssn)) to stdout',
  'copy with another encoding': "copy (select ssn from users order by id) to stdout (encoding 'SJIS')",
  'copy with a delimiter from inside': "copy (select ssn from users order by id) to stdout (delimiter '-')",
  'copy in csv with odd quotes':
    "copy (select ssn from users order by id) to stdout (format csv, quote 'Q', escape 'X', force_quote *)",
  'two results in one query': 'select id from users order by id; select reverse(ssn) from users order by id',
  'search_path that hides': ["set search_path = ''", 'select ssn from public.users order by id'],
  'search_path to a schema that reads as another': [
    'create schema "PG_CATALOG"',
    'create view "PG_CATALOG".orders as select id, ssn as status from users',
    'set search_path = "PG_CATALOG"',
    'select reverse(status) from orders order by id',
  ],
  'search_path to a schema that reads as another but for a space': [
    'create schema " pg_catalog"',
    'create view " pg_catalog".orders as select id, ssn as status from users',
    'set search_path = " pg_catalog"',
    'select reverse(status) from orders order by id',
  ],
  'search_path to pg_temp': [
    "create temp table users as select 1 as id, 'x'::text as ssn",
    'set search_path = public, pg_temp',
    'select ssn from users order by id',
  ],
  'another role': ['set role pg_read_all_data', 'select ssn from users order by id'],
  'another date style': ["set datestyle = 'German'", 'select ssn, dob from users order by id'],
  'bytea as text': ["set bytea_output = 'escape'", 'select ssn::bytea from users order by id'],
  'wide floats': ['set extra_float_digits = 3', 'select salary::float8 from users order by id'],
};

/** Directly they show nothing on this server, or nothing without a second session; the gateway must hold all the same. */
const quiet: Readonly<Record<string, string>> = {
  'cursor under a private name': 'the server has no such refusals',
  'copy in from nothing seen': 'the program knows nothing',
  'search_path to pg_temp': 'the temporary table stands first',
  'extended statistics': 'too few rows',
  'statistics by function': 'too few rows',
  'debug output': 'plans hold no values',
  'plan as notice': 'plans hold no values',
  'statement statistics': 'times differ by themselves',
  'large object catalog': 'there is none',
  'pg_stats of a copy': 'the copy is not protected, yet its statistics are withheld with all others',
  'timezone of the value': 'depends on the value',
  'error of an enum-like domain': 'says the same of every value',
  'error of a collation': 'says the same of every value',
  'partition constraint by insert': 'depends on the partition',
  'check constraint': 'may say the same',
  pg_statistic: 'few rows',
  'constraint of another table': 'depends on the order',
  'error of a regular expression': 'says the same of every value',
  'error of to_number': 'says nothing',
  'error of jsonpath': 'says the same of every value',
  'primary key': 'names the key alone',
  'constraint of a copied row': 'names the key alone',
  'partition constraint': 'names the partition key alone',
};

const committing = new Set([
  'prepared statement after discard',
  'listen and notify',
  'notify on a channel of the value',
  'cursor under a name that failed',
]);

const since: Readonly<Record<string, number>> = { 'another role': 14, 'merge update': 15, 'merge insert': 15 };

export const launderingForms: readonly Attack[] = Object.entries(scripts).map(([name, script]) => ({
  name,
  script,
  cleanup: restore,
  ownTransaction: committing.has(name),
  simpleOnly: typeof script !== 'string',
  since: since[name] ?? 0,
  ...(quiet[name] === undefined ? {} : { harmlessDirectly: quiet[name] }),
}));
