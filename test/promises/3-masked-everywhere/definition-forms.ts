import type { Attack } from '../support/leaks.js';

const restore = `drop trigger if exists stolen_trigger on users; drop trigger if exists stolen_trigger on archive; drop policy if exists stolen_policy on archive;
  alter table archive disable row level security; alter table archive no force row level security; drop rule if exists stolen_rule on archive;
  alter table staff alter ssn type text;
  alter table users drop constraint if exists stolen; drop index if exists stolen_index; do $$ begin execute (select 'drop ' || case typtype when 'd' then 'domain ' else 'type ' end || 'stolen_domain cascade' from pg_type where typname = 'stolen_domain'); exception when others then null; end $$;
  drop materialized view if exists stolen_kept; alter table users drop column if exists extra;
  do $$ begin if exists (select from pg_inherits where inhrelid = 'users'::regclass) then
    if to_regclass('stolen_parts') is not null then alter table stolen_parts detach partition users; else alter table users no inherit stolen; end if; end if; end $$;
  drop table if exists stolen, stolen_parts, stolen_part; alter table users alter id set not null; alter table users reset (toast_tuple_target); alter table users alter profile set storage extended;
  drop publication if exists stolen; drop statistics if exists stolen_statistics; drop view if exists stolen_view; drop function if exists stolen_fn; drop schema if exists stolen_schema cascade`;

/** README.md, D: what a definition is checked by, or reads, tells of the values that are there already. */
const scripts: Readonly<Record<string, readonly string[]>> = {
  'check constraint': ["alter table users add constraint stolen check (ssn < 'M' or id > 1)"],
  'check constraint that divides': [
    'alter table users add constraint stolen check (1 / (salary::int - 73914) is not null)',
  ],
  'check constraint, validated later': [
    "alter table users add constraint stolen check (ssn < 'M' or id > 1) not valid",
    'alter table users validate constraint stolen',
  ],
  'unique constraint': ['create unique index stolen_index on users ((salary > 60000))'],
  'unique index with a condition': ["create unique index stolen_index on users ((id > 0)) where ssn > 'L'"],
  'index that divides': ['create index stolen_index on users ((1 / (salary::int - 73914)))'],
  'index with a condition that divides': [
    'create index stolen_index on users (id) where 1 / (salary::int - 73914) > 0',
  ],
  'number of rows of an index': [
    "create index stolen_index on users (id) where ssn like 'Q%'",
    'analyze users',
    "select reltuples from pg_class where relname = 'stolen_index'",
  ],
  'exclusion constraint': ['alter table users add constraint stolen exclude using btree ((salary > 60000) with =)'],
  'exclusion of a column': [
    "update users set ssn = 'same' where id > 1",
    'alter table users add constraint stolen exclude using btree (ssn with =)',
  ],
  'exclusion under a condition': [
    "alter table users add constraint stolen exclude using btree ((1) with =) where (ssn > 'L')",
  ],
  'bound of a partition': [
    'create table stolen (ssn text) partition by list (ssn)',
    'create table stolen_part partition of stolen for values in (ssn_by_id(1))',
    "select pg_get_expr(relpartbound, oid) from pg_class where relname = 'stolen_part'",
  ],
  'range of a partition': [
    'create table stolen (ssn text) partition by range (ssn)',
    'create table stolen_part partition of stolen for values from (minvalue) to (ssn_by_id(1))',
    "select pg_get_expr(relpartbound, oid) from pg_class where relname = 'stolen_part'",
  ],
  'bound of a partition that is attached': [
    'create table stolen (ssn text) partition by list (ssn)',
    'create table stolen_part (ssn text)',
    'alter table stolen attach partition stolen_part for values in (ssn_by_id(1))',
    "select pg_get_expr(relpartbound, oid) from pg_class where relname = 'stolen_part'",
  ],
  'foreign key to guesses': [
    'create table stolen (ssn text primary key)',
    "insert into stolen values ('QXZ-41-7W93'), ('RBN-52-1L60'), ('TMK-63-9D22')",
    'alter table users add constraint stolen foreign key (ssn) references stolen',
  ],
  'foreign key to a protected column': [
    'create table stolen (guess text)',
    "insert into stolen values ('wq7canary@vaultmail.test')",
    'alter table stolen add foreign key (guess) references users (email)',
  ],
  'foreign key to a protected column, asked row by row': [
    'create table stolen (guess text references users (email))',
    "insert into stolen values ('wq7canary@vaultmail.test')",
  ],
  'not null': ["alter table users add extra text generated always as (nullif(ssn, 'QXZ-41-7W93')) stored not null"],
  'generated column that divides': [
    'alter table users add extra int generated always as (1 / (salary::int - 73914)) stored',
  ],
  'type with a domain': [
    "create domain stolen_domain as text check (value like 'Q%' or value like 'R%' or value like 'TMK%')",
    'alter table staff alter ssn type stolen_domain',
  ],
  'type with a limit': ['alter table staff alter ssn type varchar(11)'],
  'cast to a domain': [
    "create domain stolen_domain as text check (value like 'Q%')",
    'select id, ssn::stolen_domain from users where id = 1',
  ],
  'cast to a domain that was made stricter': [
    'create domain stolen_domain as text',
    'select id, ssn::stolen_domain from users where id = 1',
    'alter table staff alter ssn type stolen_domain',
    "alter domain stolen_domain add check (value like 'Q%' or value like 'R%')",
  ],
  'cast to an enumeration of guesses': [
    "create type stolen_domain as enum ('QXZ-41-7W93')",
    'select id, ssn::stolen_domain from users where id = 1',
  ],
  'cast to an array of a domain': [
    "create domain stolen_domain as text check (value like 'Q%')",
    'select id, array[ssn]::stolen_domain[] from users where id = 1',
  ],
  'cast to a domain with the name of the server’s own type': [
    "create domain pg_temp.text as varchar check (value like 'Q%')",
    'select id, ssn::text from users where id = 1',
  ],
  'cast to a type renamed to the name of the server’s own': [
    "create type pg_temp.guess as enum ('QXZ-41-7W93')",
    'alter type pg_temp.guess rename to uuid',
    'select id, ssn::uuid from users where id = 1',
  ],
  'cast to a domain of that name in a schema': [
    'create schema stolen_schema',
    "create domain stolen_schema.text as varchar check (value like 'Q%')",
    'select id, ssn::stolen_schema.text from users where id = 1',
  ],
  'record of a domain': [
    "create domain stolen_domain as text check (value like 'Q%')",
    'select r.ssn from users u, jsonb_to_record(to_jsonb(u)) as r(ssn stolen_domain) where u.id = 1',
  ],
  'xml table of a domain': [
    "create domain stolen_domain as text check (value like 'Q%')",
    "select x.v from users u, xmltable('/r' passing xmlelement(name r, u.ssn) columns v stolen_domain path '.') x where u.id = 1",
  ],
  'json populated of a domain': [
    "create domain stolen_domain as text check (value like 'Q%')",
    'create table stolen (ssn stolen_domain)',
    'select (jsonb_populate_record(null::stolen, to_jsonb(u))).ssn from users u where u.id = 1',
  ],
  'function with a default that reads': [
    "create function stolen_fn(a text default (ssn_by_id(1))) returns text language sql stable as 'select $1'",
    'select stolen_fn()',
  ],
  'function with a default that reads by a query': [
    "create function stolen_fn(i int, a boolean default ssn_by_id(1) like 'Q%') returns boolean language sql stable as 'select $2'",
    'select stolen_fn(1)',
  ],
  'function of a domain': [
    "create domain stolen_domain as text check (value like 'Q%')",
    "create function stolen_fn(stolen_domain) returns int language sql immutable as 'select length($1)'",
    'select stolen_fn(ssn) from users where id = 1',
  ],
  'function that gives a domain': [
    "create domain stolen_domain as text check (value like 'Q%')",
    "create function stolen_fn(text) returns stolen_domain language sql immutable as 'select $1'",
    'select stolen_fn(ssn) from users where id = 1',
  ],
  'implicit cast to a domain': [
    "create domain stolen_domain as text check (value like 'Q%')",
    'create table stolen (s stolen_domain)',
    'insert into stolen select ssn from users where id = 1',
  ],
  'using that divides': [
    "alter table staff alter ssn type text using case when ssn like 'Q%' then (1 / (id - id))::text else ssn end",
  ],
  'materialized view that divides': [
    'create materialized view stolen_kept as select 1 / (salary::int - 73914) as x from users',
  ],
  'trigger with a condition': [
    "create trigger stolen_trigger before update on users for each row when (old.ssn like 'Q%') execute function suppress_redundant_updates_trigger()",
    'update users set name = name where id > 0',
  ],
  'trigger that copies words': [
    'alter table users add extra tsvector',
    "create trigger stolen_trigger before update on users for each row execute function tsvector_update_trigger('extra', 'pg_catalog.simple', 'ssn')",
    'update users set ssn = ssn where id > 0',
    'select extra from users order by id',
  ],
  'trigger that copies words, asked for': [
    'alter table users add extra tsvector',
    "create trigger stolen_trigger before update on users for each row execute function tsvector_update_trigger('extra', 'pg_catalog.simple', 'ssn')",
    'update users set ssn = ssn where id > 0',
    "select id from users where extra @@ 'qxz'::tsquery",
  ],
  'rule with a condition': [
    "create rule stolen_rule as on update to archive where exists (select from users where ssn like 'Q%') do instead nothing",
    'update archive set note = note where id > 0',
  ],
  'table that inherits': [
    'create table stolen (ssn text)',
    'alter table users inherit stolen',
    'select ssn from stolen order by 1',
  ],
  'table that inherits, in a transaction': [
    'begin',
    'create table stolen (ssn text)',
    'alter table users inherit stolen',
    'select reverse(ssn) from stolen',
    'rollback',
  ],
  'order of a clustered table': [
    'create index stolen_index on users (ssn)',
    'cluster users using stolen_index',
    'select id from users',
  ],
  'order of an index that has it all': [
    'create index stolen_index on users (ssn) include (id)',
    'vacuum users',
    'set enable_seqscan = off',
    'set enable_bitmapscan = off',
    'select id from users',
  ],
  'order of a table made in order': [
    'create table stolen as select id from users order by ssn',
    'select id from stolen',
  ],
  'values out of line': [
    'alter table users alter profile set storage external',
    'alter table users set (toast_tuple_target = 128)',
    `update users set profile = profile || jsonb_build_object('long', repeat('x', 3000)) where id = 1`,
    `select format('select encode(chunk_data, ''escape'') from pg_toast.%I', (select relname from pg_class where oid = (select reltoastrelid from pg_class where relname = 'users')))`,
  ],
  'row security as an oracle': [
    'alter table archive enable row level security',
    'alter table archive force row level security',
    "create policy stolen_policy on archive using (exists (select from users where ssn like 'Q%'))",
    'select count(*) from archive',
  ],
  'publication with a condition': ['create publication stolen for table users where (1 / (salary::int - 73914) > 0)'],
  'statistics of an expression': [
    "create statistics stolen_statistics on (ssn like 'Q%'), id from users",
    'analyze users',
    'select stats_ext::text from (select row_to_json(s) as stats_ext from pg_stats_ext s) x',
  ],
  'view of a view of statistics': [
    'create view stolen_view as select attname, most_common_vals::text as name, histogram_bounds::text as note from pg_stats',
    "select name, note from stolen_view where attname = 'ssn'",
  ],
};

const quiet: Readonly<Record<string, string>> = {
  'row security as an oracle': 'a superuser bypasses it',
  'not null': 'both worlds may pass',
  'values out of line': 'names the table alone',
  'exclusion of a column': 'either way',
  'publication with a condition': 'is not evaluated',
};
const outside = new Set(['order of an index that has it all']);

export const definitionForms: readonly Attack[] = Object.entries(scripts).map(([name, script]) => ({
  name,
  script,
  cleanup: restore,
  ownTransaction: outside.has(name),
  simpleOnly: true,
  since: name === 'statistics of an expression' ? 14 : 0,
  ...(quiet[name] === undefined ? {} : { harmlessDirectly: quiet[name] }),
}));
