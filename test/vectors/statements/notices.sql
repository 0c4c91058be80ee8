select complain('hello')
do $$ begin raise notice 'a %', 1; raise info 'info'; raise debug 'unseen'; raise log 'unseen'; end $$
set client_min_messages to warning
select complain('quieter')
reset client_min_messages
drop table if exists never_was
create table if not exists people (x int)
select break_it(1)
select break_it(2)
select break_it(0)
do $$ begin raise exception using message = 'm', errcode = 'P0042', column = 'c', constraint = 'k', datatype = 'd', schema = 's'; end $$
do $$ begin perform 1/0; exception when division_by_zero then raise notice 'caught %', sqlerrm; end $$
listen news
notify news, 'x'
unlisten *
do $$ declare x int; begin x := 'abc'; end $$
call fill(0)
call nothing()
do language sql 'x'
do $$ begin execute 'select bad'; end $$
