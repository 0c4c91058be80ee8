begin
select 1
savepoint a
select 1/0
select 2
rollback to a
select 3
release a
commit
commit
rollback
begin; select 4; select bad; select 5
select 6
rollback
begin isolation level serializable read only
insert into people (name) values ($$no$$)
rollback
start transaction
set local statement_timeout = 1000
show statement_timeout
end
show statement_timeout
begin
begin
abort
savepoint outside
release nothing
begin
create table gone (x int)
insert into gone values (1) returning x
rollback
select * from gone
begin; create temp table t1 (x int) on commit drop; insert into t1 values (1); select * from t1; commit
select * from t1
begin
lock table people in share mode
select pg_advisory_xact_lock(1)
set constraints all deferred
commit and chain
select 7
rollback and chain
rollback
set transaction isolation level repeatable read
vacuum people
begin
vacuum people
rollback
select 8; select 9; select 10
prepare transaction 'x'
