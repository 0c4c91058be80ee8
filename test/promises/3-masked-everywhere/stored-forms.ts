import type { Attack } from '../support/leaks.js';

const restore = `do $$ begin
    if exists (select from pg_inherits where inhrelid = 'users'::regclass) then alter table users no inherit stolen_s.t; end if;
    if exists (select from pg_inherits where inhrelid = 'wallets'::regclass) then alter table stolen_s.t detach partition wallets; end if;
  end $$;
  do $$ begin if to_regclass('staff_free') is not null then alter table staff_free rename to staff_south; end if;
    if not exists (select from pg_inherits where inhrelid = 'staff_south'::regclass) then alter table staff attach partition staff_south for values in ('south'); end if; end $$;
  drop event trigger if exists stolen_event; drop trigger if exists stolen on users;
  drop schema if exists stolen_s cascade; drop table if exists cards_early; drop table if exists cards_some`;

const yes = "create function stolen_s.f(int) returns boolean language sql immutable as 'select true'";
const guess = `create or replace function stolen_s.f(int) returns boolean language sql immutable
  as $$ select ssn like 'Q%' from public.users where id = $1 $$`;
const parts = 'create table stolen_s.t (id int, kind text, card text) partition by list (kind)';
const attach = "alter table stolen_s.t attach partition wallets for values in ('kind')";
const read = 'select id from stolen_s.v order by id';

/** Bodies of functions that are replaced once something is made of them. */
const replaced: Readonly<Record<string, readonly string[]>> = {
  'condition of a view': [
    yes,
    'create view stolen_s.v as select id from orders where stolen_s.f(user_id)',
    guess,
    read,
  ],
  'condition of a view, in plpgsql': [
    "create function stolen_s.f(int) returns boolean language plpgsql stable as 'begin return true; end'",
    'create view stolen_s.v as select id from orders where stolen_s.f(user_id)',
    `create or replace function stolen_s.f(int) returns boolean language plpgsql stable
      as $$ begin return (select ssn like 'Q%' from public.users where id = $1); end $$`,
    read,
  ],
  'order of a view': [
    "create function stolen_s.f(int) returns text language sql stable as 'select null::text'",
    'create view stolen_s.v as select id from users order by stolen_s.f(id)',
    "create or replace function stolen_s.f(int) returns text language sql stable as 'select ssn from public.users where id = $1'",
    'select id from stolen_s.v',
  ],
  'limit of a view': [
    "create function stolen_s.f() returns int language sql stable as 'select 1'",
    'create view stolen_s.v as select id from orders limit stolen_s.f()',
    "create or replace function stolen_s.f() returns int language sql stable as 'select (salary / 25000)::int from public.users where id = 1'",
    'select id from stolen_s.v',
  ],
  'rows of a view': [
    "create function stolen_s.f(int) returns setof int language sql stable as 'select 1 where false'",
    'create view stolen_s.v as select o.id from orders o, lateral stolen_s.f(o.user_id) f',
    `create or replace function stolen_s.f(int) returns setof int language sql stable
      as $$ select 1 from public.users where id = $1 and ssn like 'Q%' $$`,
    read,
  ],
  'rows of a materialized view': [
    yes,
    'create materialized view stolen_s.v as select id from orders where stolen_s.f(user_id)',
    guess,
    'refresh materialized view stolen_s.v',
    read,
  ],
  'check of a table': [
    yes,
    'create table stolen_s.t (id int check (stolen_s.f(id)))',
    guess,
    'insert into stolen_s.t values (1)',
  ],
  'check of a domain': [
    yes,
    'create domain stolen_s.d as int check (stolen_s.f(value))',
    guess,
    'select 1::stolen_s.d',
  ],
  'index of a table': [
    "create function stolen_s.f(int) returns boolean language sql immutable as 'select exists (select 1)'",
    'create table stolen_s.t (id int)',
    'create index on stolen_s.t (id) where 1 / (case when stolen_s.f(id) then 1 else id - 1 end) > 0',
    guess,
    'insert into stolen_s.t values (1)',
  ],
  'operator of a view': [
    "create function stolen_s.op(int, int) returns boolean language sql stable as 'select true'",
    'create operator stolen_s.=== (leftarg = int, rightarg = int, function = stolen_s.op)',
    'create view stolen_s.v as select id from orders where user_id operator(stolen_s.===) 1',
    `create or replace function stolen_s.op(int, int) returns boolean language sql stable
      as $$ select ssn like 'Q%' from public.users where id = $1 $$`,
    read,
  ],
  'function in a function of a view': [
    yes,
    "create function stolen_s.g(int) returns boolean language sql stable as 'select stolen_s.f($1)'",
    'create view stolen_s.v as select id from orders where stolen_s.g(user_id)',
    guess,
    read,
  ],
};

/** A name in a function's text gets another meaning. */
const renamed: Readonly<Record<string, readonly string[]>> = {
  'table behind a function of a view': [
    'create table stolen_s.flags (id int, ok boolean)',
    "create function stolen_s.f(int) returns boolean language sql stable as 'select ok from stolen_s.flags where id = $1'",
    'create view stolen_s.v as select id from orders where stolen_s.f(user_id)',
    'alter table stolen_s.flags rename to no_flags',
    "create view stolen_s.flags as select id, ssn like 'Q%' as ok from users",
    read,
  ],
};

const written = ['create table stolen_s.t (id int, note text, at timestamptz)'];
const note = (value: string, column = 'note'): string =>
  `create or replace function stolen_s.g() returns trigger language plpgsql stable as $$ begin new.${column} := ${value}; return new; end $$`;
const before = 'create trigger g before insert on stolen_s.t for each row execute function stolen_s.g()';
const secret = '(select ssn from public.users where id = 1)';
const insert = ['insert into stolen_s.t values (1)', 'select note from stolen_s.t'];

/** Code that runs with a write, made by whoever writes. */
const triggers: Readonly<Record<string, readonly string[]>> = {
  'trigger that copies within a row': [
    "create function stolen_s.g() returns trigger language plpgsql stable as 'begin new.name := new.ssn; return new; end'",
    'create trigger stolen before update on users for each row execute function stolen_s.g()',
    'update users set name = name where id > 0',
    'select name from users order by id',
  ],
  'trigger that reads': [...written, note(secret), before, ...insert],
  'trigger that reads once it is there': [...written, note('now()', 'at'), before, note(secret), ...insert],
  'trigger that calls what is replaced': [
    ...written,
    "create function stolen_s.f() returns text language plpgsql stable as $$ begin return 'x'; end $$",
    note('stolen_s.f()'),
    before,
    `create or replace function stolen_s.f() returns text language plpgsql stable as $$ begin return ${secret}; end $$`,
    ...insert,
  ],
  'trigger that reads what is replaced': [
    ...written,
    'create view stolen_s.v as select id, name::text as shown from users',
    note('(select shown from stolen_s.v where id = 1)'),
    before,
    'create or replace view stolen_s.v as select id, ssn as shown from users',
    ...insert,
  ],
  'trigger that leaves rows out': [
    ...written,
    `create function stolen_s.g() returns trigger language plpgsql stable as
      $$ begin if ${secret} like 'Q%' then return null; end if; return new; end $$`,
    before,
    'insert into stolen_s.t values (1)',
  ],
  'trigger that fails at the end': [
    ...written,
    `create function stolen_s.g() returns trigger language plpgsql stable as
      $$ begin if ${secret} like 'Q%' then raise exception 'x'; end if; return new; end $$`,
    'create constraint trigger g after insert on stolen_s.t deferrable initially deferred for each row execute function stolen_s.g()',
    'insert into stolen_s.t values (1)',
    'set constraints all immediate',
  ],
  'event trigger that fails': [
    `create function stolen_s.g() returns event_trigger language plpgsql stable as
      $$ begin if ${secret} like 'Q%' then raise exception 'x'; end if; end $$`,
    'create event trigger stolen_event on ddl_command_start when tag in ($$COMMENT$$) execute function stolen_s.g()',
    "comment on schema stolen_s is 'x'",
  ],
};

const told = ['select stolen_s.g()', 'show stolen.x', "select current_setting('stolen.x')"];
const tells = (how: string): string =>
  `create function stolen_s.g() returns text language plpgsql stable as $$ begin ${how} return 'x'; end $$`;

/** Code that leaves what it reads in a setting. */
const settings: Readonly<Record<string, readonly string[]>> = {
  'setting that a function makes': [tells(`perform set_config('stolen.x', ${secret}, false);`), ...told],
  'setting of the name that the server tells': [
    tells(`perform set_config('application_name', ${secret}, false);`),
    'select stolen_s.g()',
  ],
  'setting that a text makes': [
    tells(`execute 'select set_con' || 'fig(''stolen.x'', $1, false)' using ${secret};`),
    ...told,
  ],
  'setting that a function makes through another': [
    "create function stolen_s.f(text) returns text language sql as $$ select set_config('stolen.x', $1, false) $$",
    tells(`perform stolen_s.f(${secret});`),
    ...told,
  ],
  'setting that an aggregate makes': [
    "create aggregate stolen_s.f(text, boolean) (sfunc = set_config, stype = text, initcond = 'stolen.x')",
    tells('perform stolen_s.f(ssn, false) from public.users where id = 1;'),
    ...told,
  ],
};

/** Tables that become parts of others, which something was made of while nothing was in them. */
const joined: Readonly<Record<string, readonly string[]>> = {
  'bound of a partition': [
    'create table stolen_s.t (id int, kind text, card text) partition by range (card)',
    "alter table stolen_s.t attach partition wallets for values from ('CH') to ('CQZ')",
  ],
  'bound beside a default partition': ["create table cards_early partition of cards for values from ('CH') to ('CP')"],
  'bound of a table beside a default partition': [
    'create table cards_some (id int, card text)',
    "alter table cards attach partition cards_some for values from ('CH') to ('CP')",
  ],
  'index of a partitioned table': [
    parts,
    "create index on stolen_s.t ((1 / (case when card like 'CQ%' then 0 else 1 end)))",
    attach,
  ],
  'unique index of a partitioned table': [
    parts,
    "create unique index on stolen_s.t (kind, (case when card < 'CQ' then 0 else id end))",
    attach,
  ],
  'key of a partitioned table': [
    'create table stolen_s.guesses (card text primary key)',
    "insert into stolen_s.guesses values ('CQKXW-7731-5208'), ('CHTRV-1208-7713'), ('CPLMZ-6617-9034')",
    parts,
    'alter table stolen_s.t add foreign key (card) references stolen_s.guesses',
    attach,
  ],
  'view of a partitioned table': [
    parts,
    "create view stolen_s.v as select id from stolen_s.t where card like 'CQ%'",
    attach,
    read,
  ],
  'view of a parent': [
    'create table stolen_s.t (id int, ssn text)',
    "create view stolen_s.v as select id from stolen_s.t where ssn like 'Q%'",
    'alter table users inherit stolen_s.t',
    read,
  ],
  'rows that move to another partition': [
    parts,
    "create table stolen_s.other partition of stolen_s.t for values in ('other')",
    attach,
    "update stolen_s.t set kind = 'other'",
    'select reverse(card) from stolen_s.other order by 1',
  ],
  'rows that moved to another partition, alone': [
    parts,
    "create table stolen_s.other partition of stolen_s.t for values in ('other')",
    attach,
    "update stolen_s.t set kind = 'other'",
    'alter table stolen_s.t detach partition wallets',
    'select reverse(card) from stolen_s.other order by 1',
  ],
  'rows of a partition': [parts, attach, 'select reverse(card) from stolen_s.t order by 1'],
  'rows of a parent': [
    'create table stolen_s.t (id int, ssn text)',
    'alter table users inherit stolen_s.t',
    'select reverse(ssn) from stolen_s.t order by 1',
  ],
  'rows of a detached partition': [
    'alter table staff detach partition staff_south',
    'alter table staff_south rename to staff_free',
    'select reverse(ssn) from staff_free order by 1',
  ],
  'a value that is not there': [
    'update wallets set card = null where id = 1',
    'alter table wallets alter card set not null',
  ],
};

const quiet: Readonly<Record<string, string>> = {
  'a value that is not there': 'none is missing in either',
};

/** README.md, D: definitions that were harmless when they were judged, and read protected values later. */
export const storedForms: readonly Attack[] = Object.entries({
  ...replaced,
  ...renamed,
  ...triggers,
  ...settings,
  ...joined,
}).map(([name, script]) => ({
  name,
  script: ['create schema stolen_s', ...script],
  cleanup: restore,
  simpleOnly: true,
  ...(quiet[name] === undefined ? {} : { harmlessDirectly: quiet[name] }),
}));
