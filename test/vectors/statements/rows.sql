insert into people (name, born, score, tags, info) values ('ada', '1815-12-10', 9.5, '{math,poetry}', '{"k": 1}'), ('grace', '1906-12-09', 8, null, '{}'), ('linus', null, 7.25, '{}', null) returning *
call fill(5)
insert into people (id, name) values (1, 'again')
insert into people (name) values (null)
insert into people (name, score) values ('bad', -1)
insert into people (name, score) values ('big', 1e9)
insert into people (id, name) values (1, 'upserted') on conflict (id) do update set name = excluded.name || '!' returning id, name
insert into people (id, name) values (2, 'x') on conflict do nothing
insert into orders (person, total, note) select id, id * 10.5::numeric, 'n' || id from people order by id returning id, note
insert into orders (person, note) values (999, 'none')
insert into orders (person, note) values (1, 'far too long a note')
insert into orders (person, note) values (1, 'n1')
insert into odd values (1, 'x', 'happy', 5, row(1, 'b'), 'ä'), (2, null, 'sad', null, null, '') returning "Mixed Case", m, c, (c).b
insert into odd (m) values ('furious')
insert into odd (p) values (-1)
insert into parts select n, case when n % 2 = 0 then 'eu' else 'us' end, n * n from generate_series(1, 10) n
insert into parts_eu values (1, 'us', 1)
insert into adults (name) values ('through view') returning name
update people set score = score * 2, tags = tags || 'new' where id in (1, 2) returning id, score, tags
update people p set name = o.note from orders o where o.person = p.id and p.id = 3 returning p.name, o.id
update people set id = 1 where id = 2
update parts set region = 'eu' where id = 1 returning tableoid::regclass, *
delete from orders where total > '$70' returning id, total
with moved as (delete from parts where id > 8 returning *) select count(*), sum(v) from moved
with recursive t(n) as (values (1) union all select n + 1 from t where n < 10) select sum(n), array_agg(n) from t
merge into people p using (values (1, 'merged'), (77, 'made')) v(id, name) on p.id = v.id when matched then update set name = v.name when not matched then insert (id, name) values (v.id, v.name)
truncate parts_rest
select count(*) from parts
