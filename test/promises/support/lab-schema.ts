import type { Secrets } from './canaries.js';

/** Columns that the gateway under test must have classified as protected. */
export const protectedColumns: Readonly<Record<string, string>> = {
  'public.users.email': 'email',
  'public.users.ssn': 'ssn',
  'public.users.salary': 'salary',
  'public.users.profile': 'profile',
  'public.users.card': 'card',
  'public.staff.ssn': 'ssn',
  'public.wallets.card': 'card',
  'public.cards.card': 'card',
};

/** The mask of each class. */
export const masks: Readonly<Record<string, string>> = {
  email: 'email',
  ssn: 'last4',
  salary: 'redact',
  profile: 'redact',
  card: 'last4',
};

/** A body that is parsed when the function is made, which PostgreSQL 14 brought. */
const atomic = (major: number, query: string): string => (major < 14 ? `as '${query}'` : `begin atomic ${query}; end`);

/** What an insider finds: tables, and the views, functions, operators, casts and domains that years have left behind. */
export const labSchema = (major: number): string => `
create table users (
  id int primary key, name text not null, email text unique, ssn text constraint users_ssn_form check (length(ssn) < 30),
  salary numeric(10,2) constraint users_salary_positive check (salary > 0), dob date, uid uuid, profile jsonb, tags text[], card text
);
create table orders (id int primary key, user_id int not null references users on delete cascade, status text not null, total numeric(10,2) not null);
create table ledger (id serial primary key, what text not null);
create table lookup (ssn text, note text);
create table named (name text, remark text);
create table archive (id int, name text, note text);
create table staff (id int, dept text, ssn text) partition by list (dept);
create table staff_north (ssn text, id int, dept text);
alter table staff attach partition staff_north for values in ('north');
create table staff_south partition of staff for values in ('south');
create table wallets (id int, kind text, card text);
create table cards (id int, card text) partition by range (card);
create table cards_rest partition of cards default;
create table vip_users (level int) inherits (users);

create view user_names as select id, name from users;
create view users_all as select * from users;
create view users_coded as select u.id, u.name, u.ssn as code, reverse(u.ssn) as backwards from users_all u;
create view users_rich as select id, (salary > 70000) as rich, case when salary > 60000 then 'high' else 'low' end as band from users;
create view order_totals as select user_id, sum(total) as total from orders group by user_id;
create materialized view users_kept as select id, ssn as code, left(email, 3) as mail from users;

create function ssn_of(users) returns text language sql stable as 'select $1.ssn';
create function ssn_by_id(int) returns text language sql stable as 'select ssn from public.users where id = $1';
create function ssn_atomic(int) returns text language sql stable ${atomic(major, 'select u.ssn from public.users u where u.id = $1')};
create function users_like(text) returns setof users language sql stable as 'select * from public.users where name like $1';
create function peek(int) returns text language plpgsql stable as 'begin return (select ssn from public.users where id = $1); end';
create function tell(text) returns text language plpgsql stable as $$ begin raise notice 'told %', $1; return 'told'; end $$;
create function complain(text) returns int language plpgsql stable as $$ begin raise exception 'no' using detail = $1, hint = $1, column = $1, table = $1, constraint = $1; end $$;
create function initials(users) returns text language sql immutable as 'select left($1.name, 1)';
create function last_of(a text, b text default 'q', c text default 'z') returns text language sql immutable as 'select $3';
create function first_of(a text, b text) returns text language sql immutable as 'select a';
create function second_in(a text, variadic xs text[]) returns text language sql immutable as 'select xs[2]';
create function left_out(a text default ssn_by_id(1)) returns text language sql stable as 'select a';
create function left_out_among(a int, b text default ssn_by_id(2), c text default 'z') returns text language sql stable as 'select b';
create function twice(int) returns int language sql immutable as 'select $1 * 2';
create function wipe(orders) returns int language plpgsql volatile as
  $$ begin insert into public.ledger (what) values ('wiped'); delete from public.orders; return 1; end $$;
create function wipe_now() returns int language plpgsql volatile as
  $$ begin insert into public.ledger (what) values ('wiped'); delete from public.orders; return 1; end $$;
create function mark(text) returns text language sql volatile as $$ insert into public.ledger (what) values ($1) returning what $$;
create function mark_true(text) returns boolean language sql volatile as $$ insert into public.ledger (what) values ($1) returning true $$;
create function initcap(varchar) returns text language plpgsql volatile as
  $$ begin insert into public.ledger (what) values ('captured'); return $1; end $$;
create function run_text(text) returns void language plpgsql volatile as 'begin execute $1; end';
create function open_users(refcursor) returns refcursor language plpgsql stable as
  'begin open $1 for select reverse(ssn) as s from public.users; return $1; end';
create procedure purge() language plpgsql as $$ begin insert into public.ledger (what) values ('purged'); delete from public.orders; end $$;
create function mark_op(text, text) returns boolean language sql volatile as $$ insert into public.ledger (what) values ($1 || $2) returning true $$;
create operator <<<! (leftarg = text, rightarg = text, function = mark_op);
create domain marked as text check (mark_true(value));
create domain marked_again as marked;
create type marked_pair as (a marked, b int);
create table checked (id int, a marked);
create function takes_marked(marked) returns text language sql immutable as 'select $1::text';
create type box2 as (label text);
create function to_box2(text) returns box2 language sql volatile as $$ insert into public.ledger (what) values ('cast') returning row(what)::public.box2 $$;
create cast (text as box2) with function to_box2(text);
create aggregate mark_all(text) (sfunc = textcat, stype = text, initcond = '');
create view marking as select mark('view') as m;

-- What the server learns of its rows changes its plans, so it learns when it is told to, not beside a test.
do $$ declare kept regclass; begin
  for kept in select oid from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'm') loop
    execute format('alter %s %s set (autovacuum_enabled = off)',
      case (select relkind from pg_class where oid = kept) when 'm' then 'materialized view' else 'table' end, kept);
  end loop;
end $$;
`;

/**
 * Rows of everything, the protected values from one world. Keeps every object, so no name changes its meaning. Each text is
 * a transaction: tables are emptied in one that is soon over, since the gateway does not know what a view means whose
 * tables somebody keeps to himself while it reads its definition.
 */
export function fillLab(secrets: readonly Secrets[]): readonly string[] {
  const names = ['Ada', 'Ben', 'Cleo'];
  const rows = secrets.map(({ email, ssn, salary, pin, card }, at) => {
    const id = at + 1;
    const uid = `00000000-0000-4000-8000-00000000000${id}`;
    return `(${id}, '${names[at] ?? ''}', '${email}', '${ssn}', ${salary}, date '1980-01-0${id}', '${uid}', '{"pin": "${pin}"}', '{t${id},common}', '${card}')`;
  });
  const cards = secrets.map(({ card }, at) => `(${at + 1}, '${card}')`);
  const staff = secrets.map(({ ssn }, at) => `(${at + 1}, '${at === 0 ? 'north' : 'south'}', '${ssn}')`);
  return [
    'truncate checked, wallets, cards, users, orders, ledger, lookup, named, archive, staff, vip_users restart identity',
    `insert into users values ${rows.join(', ')};
insert into orders values (1, 1, 'paid', 10.50), (2, 1, 'new', 20), (3, 2, 'paid', 30), (4, 3, 'sent', 40);
insert into lookup select ssn, 'note ' || id from users order by id;
insert into named select name, 'remark ' || id from users order by id;
insert into archive values (1, 'old', 'note');
insert into cards values ${cards.join(', ')};
insert into wallets select id, 'kind', card from cards;
insert into staff (id, dept, ssn) values ${staff.join(', ')}`,
    'refresh materialized view users_kept',
    'analyze users, staff, lookup',
  ];
}
