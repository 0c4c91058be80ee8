create table people (id serial primary key, name text not null, born date, score numeric(8,2) default 1.5, tags text[], info jsonb, active bool default true, check (score >= 0))
create table orders (id int generated always as identity primary key, person int references people on delete cascade, placed timestamptz default '2024-01-01', total money, note varchar(10) unique)
create type mood as enum ('sad', 'ok', 'happy')
create domain positive as int check (value > 0)
create type pair as (a int, b text)
create table odd ("Mixed Case" int, "select" text, m mood, p positive, c pair, "ü" text)
create table parts (id int, region text, v int) partition by list (region)
create table parts_eu partition of parts for values in ('eu')
create table parts_rest partition of parts default
create view adults as select id, name, score from people where active
create function add_one(int) returns int language sql immutable as 'select $1 + 1'
create function complain(t text) returns text language plpgsql as $$ begin raise notice 'told %', t using detail = 'some detail', hint = 'a hint'; raise warning 'warned'; return t; end $$
create function break_it(int) returns int language plpgsql as $$ begin if $1 > 1 then raise exception 'broken by %', $1 using errcode = '22023', detail = 'd', hint = 'h', table = 'people'; end if; return 1 / ($1 - 1); end $$
create procedure fill(n int) language plpgsql as $$ begin insert into people (name) select 'p' || i from generate_series(1, n) i; end $$
create function stamp() returns trigger language plpgsql as $$ begin new.name := initcap(new.name); return new; end $$
create trigger stamped before insert on people for each row execute function stamp()
create index on people (lower(name))
create unique index on people (id, name)
create sequence counter start 10 increment 5
