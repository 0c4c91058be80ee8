begin
declare c scroll cursor for select id, name from people order by id
fetch 2 from c
fetch backward 1 from c
move 1 in c
fetch all from c
fetch first from c
fetch absolute 3 from c
close c
fetch c
rollback
declare outside cursor for select 1
begin
declare h cursor with hold for select generate_series(1, 3)
commit
fetch 1 from h
fetch 5 from h
close h
close h
prepare q (int) as select $1 + 1 as v
execute q (41)
execute q (null)
execute q ('x')
execute q
prepare q as select 1
deallocate q
execute q (1)
deallocate all
prepare w as insert into people (name) values ($1) returning name
execute w ('prepared')
deallocate w
explain (costs off) select * from people where id = 1
explain (costs off, format json) select 1
explain (costs off) execute nothing
begin
declare b binary cursor for select 258::int4, $$x$$::text
fetch all from b
commit
discard plans
create function open_one(refcursor) returns refcursor language plpgsql as $$ begin open $1 for select id, name from people order by id limit 2; return $1; end $$
begin
select open_one('mine')
fetch all from mine
close mine
fetch all from mine
rollback
