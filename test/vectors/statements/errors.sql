selec 1
select
select * from
select 1 +
select nope
select people.nope from people
select * from nope
select nope()
select max(1, 2)
select 'x'::int
select 1::nope
select * from people where name = 5
select id, count(*) from people
select sum(id) from people group by nope
insert into people (nope) values (1)
insert into people values (1, 2, 3, 4, 5, 6, 7, 8)
select (select id from people)
select 1 where 5
select array[1, $$x$$]
select 'a' || 1 + 2
select -true
select * from people p join orders p on true
select id from people, orders
update people set nope = 1
delete from nope
drop table nope
drop view people
drop type nope
alter table people drop column nope
alter table people add column id int
create table people (x int)
create table bad (x nope)
create table bad (x int, x int)
create index on nope (x)
create view bad as select nope
create function bad() returns int language sql as $$ select nope $$
drop function add_one(text)
grant select on nope to public
comment on table nope is $$x$$
select to_date('x', 'YYYY')
select '1'::int / '0'::int
select 2147483647 + 1
select 9223372036854775807 + 1
select repeat('x', -1)
select substring('x' from -1 for -1)
select regexp_replace('x', '(', '')
select chr(0)
select decode('x', 'hex')
select to_timestamp('99', 'MM')
select 1 limit -1
select interval '1 day' * 'x'
select '{1,2'::int[]
select ('{1,2}'::int[])[1:2][1]
select * from generate_series(1, 3) g(a, b)
select distinct on (id) * from people order by name
select rank() from people
select count(*) over () from people having true
values (1), (1, 2)
select 1 union select 1, 2
select 'unterminated
select "unterminated
select $$unterminated
select /* unterminated
select e'\uD800'
select 1; selec 2; select 3
;;;
 
 -- nothing
select 1 as a, 2 as a
table people limit 1
select 0x1F
select 1_000
select 123abc
select U&'\0041'
select b'101' | b'010', x'1F'
with t as (select 1) select * from t, t as u
with recursive t as (select * from t) select 1
select * from people for update nowait
fetch next from nothing
set nope to 1
show nope
set datestyle to nope
select current_setting('nope')
select current_setting('nope', true)
