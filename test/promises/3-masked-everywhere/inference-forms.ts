import type { Attack } from '../support/leaks.js';

/** README.md, D: no protected value in the result, yet the result depends on one. One statement each. */
const statements: Readonly<Record<string, string>> = {
  where: "select id from users where ssn > 'M' order by id",
  'where like': "select count(*) from users where ssn like 'Q%'",
  'where in a subquery': "select id from orders where user_id in (select id from users where ssn > 'M') order by id",
  exists:
    'select id from orders o where exists (select from users u where u.id = o.user_id and u.salary > 60000) order by id',
  'not exists':
    "select id from orders o where not exists (select from users u where u.id = o.user_id and u.ssn like 'Q%') order by id",
  'scalar subquery in where': 'select id from orders where (select salary from users where id = 1) > 60000 order by id',
  'all rows compared': 'select id from orders where total < all (select salary - 6200 from users) order by id',
  'json field in where': "select id from users where profile ->> 'pin' > 'm' order by id",
  'cast in where': 'select id from users where salary::int % 2 = 1 order by id',
  'whole row in where': "select id from users u where u::text like '%QXZ%' order by id",
  'row to json in where': "select id from users u where to_jsonb(u) ->> 'ssn' like 'Q%' order by id",
  'row comparison in where': "select id from users where (ssn, id) > ('M', 0) order by id",
  'regular expression': "select id from users where ssn ~ '^[A-P]' order by id",
  'similar to': "select id from users where ssn similar to '[A-P]%' order by id",
  'in a list': "select id from users where ssn in ('QXZ-41-7W93', 'AHG-29-9D22') order by id",
  between: 'select id from users where salary between 50000 and 75000 order by id',
  'is distinct from': "select id from users where ssn is distinct from 'QXZ-41-7W93' order by id",
  'function in where': "select id from users where left(ssn, 1) = 'Q' order by id",
  'sql function in where': "select id from orders where ssn_by_id(user_id) > 'M' order by id",
  'plpgsql function in where': "select id from orders where peek(user_id) > 'M' order by id",
  'attribute notation in where': "select id from users u where u.ssn_of > 'M' order by id",
  having: "select id from users group by id having max(ssn) > 'M' order by id",
  'group by': "select count(*) from users group by left(ssn, 1) > 'M' order by 1",
  'group by position': "select substr(ssn, 1, 1) > 'M', count(*) from users group by 1 order by 2",
  'group by alias': "select ssn > 'M' as early, count(*) from users group by early order by count(*)",
  rollup: 'select count(*) from users group by rollup (salary > 90000) order by 1',
  'order by': 'select id from users order by ssn',
  'order by number': 'select id from users order by salary desc limit 1',
  'order by position': 'select ssn, id from users order by 1',
  'order by alias': 'select id, reverse(ssn) as r from users order by r',
  'order by expression': "select id from users order by (profile ->> 'pin')",
  'order by whole row': 'select id from (select ssn, id from users) s order by s',
  'order by row constructor': 'select id from users order by row(ssn)',
  'order by subquery': 'select o.id from orders o order by (select ssn from users u where u.id = o.user_id), o.id',
  'order by in a subquery with limit': 'select id from (select id from users order by ssn limit 1) s',
  'order by in array_agg': 'select array_agg(id order by ssn) from users',
  'order by in string_agg': "select string_agg(name, ',' order by salary) from users",
  'within group': 'select percentile_disc(0.5) within group (order by salary) > 60000 from users',
  'hypothetical set': 'select rank(60000) within group (order by salary) from users',
  'order by in a window': 'select id, rank() over (order by ssn) from users order by id',
  row_number: 'select row_number() over (order by salary), id from users order by id',
  'partition by': 'select id, count(*) over (partition by salary > 90000) from users order by id',
  'named window': 'select id, rank() over w from users window w as (order by ssn) order by id',
  'range frame':
    'select id, count(*) over (order by salary range between unbounded preceding and 9000 preceding) from users order by id',
  'filter clause': "select count(*) filter (where ssn > 'M') from users",
  'aggregate of a comparison': "select bool_or(ssn like 'Q%') from users",
  'count distinct': "select count(distinct left(ssn, 1) > 'M') from users",
  distinct: 'select distinct salary > 90000 from users',
  'distinct on': 'select distinct on (salary > 60000) id from users order by salary > 60000, id',
  limit: 'select id from orders order by id limit (select (salary / 25000)::int from users where id = 1)',
  offset: 'select id from orders order by id offset (select (salary / 25000)::int from users where id = 1)',
  'fetch first':
    'select id from orders order by id fetch first ((select (salary / 25000)::int from users where id = 1)) rows only',
  'join condition': 'select o.id from orders o join users u on u.salary > 60000 and u.id = o.user_id order by o.id',
  'join with guesses': "select v.x from (values ('QXZ-41-7W93'), ('KVJ-86-7W93')) v(x) join users u on u.ssn = v.x",
  'natural join':
    "select note from users natural join (values ('QXZ-41-7W93', 'a'), ('KVJ-86-7W93', 'b')) v(ssn, note)",
  'join using with guesses':
    "select note from users join (values ('QXZ-41-7W93', 'a'), ('KVJ-86-7W93', 'b')) v(ssn, note) using (ssn)",
  'self join': 'select a.id from users a join users b on a.salary > b.salary and a.id <> b.id order by a.id, b.id',
  'full join':
    "select coalesce(v.x, 'none') from users u full join (values ('QXZ-41-7W93')) v(x) on u.ssn = v.x order by u.id",
  'outer join that finds or not':
    "select v.x is null from users u left join (values ('QXZ-41-7W93')) v(x) on u.ssn = v.x order by u.id",
  'lateral with where':
    "select o.id, l.n from orders o, lateral (select count(*) as n from users u where u.id = o.user_id and u.ssn > 'M') l order by o.id",
  union:
    "select id from users where id = 9 union select case when exists (select ssn from users where ssn > 'U') then 1 else 0 end",
  'union removes equals': "select count(*) from (select ssn from users union select 'QXZ-41-7W93') s",
  intersect: "select count(*) from (select ssn from users intersect select 'QXZ-41-7W93') s",
  'intersect of literals': "select 'QXZ-41-7W93' intersect select ssn from users",
  except: "select 'QXZ-41-7W93' except select ssn from users",
  'intersect through a cte':
    "with s as (select ssn from users) select 'KVJ-86-7W93'::text intersect all select ssn from s",
  'recursive cte removes equals':
    "with recursive r(x) as (select 'QXZ-41-7W93' union select ssn from users, r) select count(*) from r",
  'recursive cte by condition':
    'with recursive r(n) as (select 1 union all select n + 1 from r, users u where u.id = 1 and n < u.salary / 10000) select count(*) from r',
  'cycle clause':
    "with recursive r(id, x) as (select 1, ssn from users where id = 1 union all select id + 1, x from r where id < 3) cycle x set looped using way select count(*), bool_or(looped) from r, users u where u.ssn > 'R'",
  case: "select case when ssn like 'Q%' then 1 else 2 end from users order by id",
  'case with error': "select case when ssn like 'Q%' then 1 / (id - id) else 0 end from users order by id",
  'case operand': "select case ssn when 'QXZ-41-7W93' then 'yes' else 'no' end from users order by id",
  'and with error': "select ssn like 'Q%' and 1 / (id - id) > 0 from users where id = 1",
  'coalesce with error': "select coalesce(nullif(ssn, 'QXZ-41-7W93'), (1 / (id - id))::text) from users where id = 1",
  'division by zero': 'select 1 / (salary::int - 73914) from users where id = 1',
  overflow: 'select (salary * 1e300 * 1e300)::float8 * 1e8 from users where id = 1',
  'overflow of int': 'select salary::int * 40000 from users where id = 1',
  'cast that fails':
    "select substr(ssn, 5, 1)::int / (case when id = 1 then 1 else 1 end), (substr(ssn, 4, 1) || '1')::int from users order by id",
  'malformed pattern': "select 'QXZ-41-7W93' ~ ssn from users where id = 1",
  'square root of negative': 'select sqrt(salary - 50000) from users where id = 1',
  'subquery with two rows': "select (select id from users where ssn > 'L' limit 2) from orders limit 1",
  'array subscript': 'select (array[1, 2, 3, 4])[(salary / 25000)::int] from users where id = 1',
  generate_series: 'select count(*) from generate_series(1, (select salary::int from users where id = 1))',
  'generate_series in the list': 'select generate_series(1, (salary / 10000)::int) from users where id = 1',
  'repeat length':
    "select count(*) from regexp_split_to_table(repeat('a', (select (salary / 1000)::int from users where id = 1)), '')",
  'unnest length': 'select count(*) from users u, unnest(string_to_array(u.email, null)) x where u.id = 1',
  'json array elements count': "select count(*) from users u, jsonb_each(u.profile) j where j.value::text > '\"m'",
  tablesample:
    'select id from users tablesample bernoulli ((select salary / 1000 from users where id = 1)) repeatable (1) order by id',
  'tablesample seed':
    'select id from users tablesample bernoulli (50) repeatable ((select salary from users where id = 1)) order by id',
  'setseed and random': 'select setseed(least(salary / 100000, 1)::float8), random() from users where id = 1',
  pg_sleep: "select pg_sleep(case when ssn like 'Q%' then 0.01 else 0 end) from users where id = 1 and ssn like 'Q%'",
  'view that compares in where': 'select id from users_rich where rich order by id',
  'view that compares in order': 'select id from users_rich order by band, id',
  'view over protected in where': "select id from users_coded where code > 'M' order by id",
  'materialized view in where': "select id from users_kept where code > 'M' order by id",
  'partition in where': "select id from staff_north where ssn > 'M' order by id",
  'update count': "update users set name = name where ssn like 'Q%'",
  'delete count': "delete from orders using users u where u.id = user_id and u.ssn > 'M'",
  'insert count': "insert into archive select id, name, '' from users where ssn > 'R'",
  'on conflict':
    "insert into users (id, name, email) values (91, 'x', 'wq7canary@vaultmail.test') on conflict (email) do nothing",
  'on conflict without target':
    "insert into users (id, name, email) values (91, 'x', 'wq7canary@vaultmail.test') on conflict do nothing",
  'on conflict where':
    "insert into users (id, name) values (1, 'x') on conflict (id) do update set name = users.name where users.ssn like 'Q%'",
  'merge matched':
    "merge into archive a using users u on u.ssn = 'QXZ-41-7W93' and a.id = u.id when matched then do nothing when not matched and u.ssn > 'M' then insert values (u.id, 'x', 'y')",
  'merge when':
    "merge into archive a using users u on a.id = u.id when matched and u.ssn like 'Q%' then update set note = a.note",
  'update from': "update archive a set note = a.note from users u where u.id = a.id and u.ssn like 'Q%'",
  'returning a comparison':
    "update archive set note = note where id = 1 returning (select ssn like 'Q%' from users where id = 1)",
  'for update': "select id from users where ssn > 'M' order by id for update",
  'explain analyze rows': "explain (analyze, timing off, costs off, summary off) select id from users where ssn > 'L'",
  'copy of a query': "copy (select id from users where ssn > 'M' order by id) to stdout",
  'copy in order': 'copy (select id from users order by salary) to stdout',
  'values in where': "values ((select count(*) from users where ssn > 'M'))",
  'row in a list': "select id from users u where u in (select v from users_all v where v.ssn > 'M') order by id",
  'any of an array': "select id from users where ssn = any (array(select ssn from users where ssn > 'M')) order by id",
  'operator any': "select id from users where 'QXZ-41-7W93' = any (array[ssn, name]) order by id",
  'range containment': 'select id from users where salary <@ numrange(50000, 75000) order by id',
  'text search': "select id from users where to_tsvector('simple', ssn) @@ 'qxz'::tsquery order by id",
  'xml that is a document or not':
    "select xmlserialize(document xmlconcat(xmlelement(name b), xmlforest(nullif(ssn, 'QXZ-41-7W93') as a)) as text) from users where id = 1",
  'comparison in the output of exists': "select exists (select 1 from users where ssn like 'Q%')",
  'count of nullif': "select count(nullif(ssn, 'QXZ-41-7W93')) from users",
  'bool_and in a case': "select case when (select bool_and(ssn > 'B') from users) then 1 else 0 end",
  'greatest row': 'select id from users where salary = (select max(salary) from users)',
};

const since: Readonly<Record<string, number>> = { 'cycle clause': 14, 'merge matched': 15, 'merge when': 15 };

export const inferenceForms: readonly Attack[] = Object.entries(statements).map(([name, script]) => ({
  ...{ name, script },
  since: since[name] ?? 0,
}));
