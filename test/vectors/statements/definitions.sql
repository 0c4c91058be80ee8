alter table people add column extra int default 5, add constraint few check (extra < 10)
update people set extra = 20
alter table people alter extra type bigint, alter extra drop default
alter table people rename extra to more
comment on column people.more is 'said'
select col_description('people'::regclass, 8)
create materialized view totals as select active, count(*) n from people group by 1
refresh materialized view totals
select * from totals order by 1
create temp table scratch as select id, name from people limit 2
select count(*) from scratch
select id, name into kept from people where id = 1
drop table kept
select nextval('counter'), currval('counter'), setval('counter', 50), lastval()
alter sequence counter restart 1
select nextval('counter')
create schema side
create table side.t as select 1 as one
select * from side.t
drop schema side
drop schema side cascade
create rule quiet as on delete to adults do instead nothing
delete from adults
create or replace view adults as select id, name, score, born from people
create table child () inherits (people); insert into child (name) values ('kid'); select tableoid::regclass, name from people where name = 'Kid' or name = 'kid'
drop table people
analyze people
create statistics st on id, name from people
reindex table people
alter type mood add value $$great$$
select enum_range(null::mood)
drop domain positive
create collation mine from "C"
select 'b' < 'A' collate mine
create aggregate total_of (int) (sfunc = int4pl, stype = int, initcond = 0)
select total_of(id) from people where id < 4
create operator === (leftarg = int, rightarg = int, function = int4eq)
select 1 === 1
create cast (text as mood) with inout as implicit
drop cast (text as mood)
create policy p on people using (true)
alter table people enable row level security
alter table people disable row level security
drop role nobody_at_all
create extension if not exists no_such_extension
select has_table_privilege($$people$$, $$select$$)
