import type { Attack } from '../support/leaks.js';

/** README.md, A and D: names and places that mean another column to the server than they seem to. One statement each. */
const statements: Readonly<Record<string, string>> = {
  'column of a star in a subquery':
    "select (select ssn from (select (select * from (select x.ssn from users x where id = 1) z)) s) from (select 'a' as ssn) o",
  'column of a set operation in a subquery':
    "select (select ssn from (select (select ssn from users where id = 1 union all select 'z' where false)) s) from (select 'a' as ssn) o",
  'column of values in a subquery':
    "select (select column1 from (select (values (u.ssn))) s) from users u, (select 'a' as column1) o order by id",
  'cast of a subquery without a name':
    'select (select "?column?" from (select (select u.ssn || \'\')::text) s) from users u, (select 1 as "?column?") o order by id',
  'column that a natural join merges':
    "select h || '' from (select * from (select (select * from (select 1 as id) z)) a natural join users u) as s(a, b, c, h)",
  'alias of a function that gives rows':
    'select (select ssn from unnest(array[o]) as ssn limit 1) from users u, orders o where o.id = 1 order by u.id',
  'alias of a row in FROM':
    'select (select ssn from coalesce(o, o) as ssn limit 1) from users u, orders o where o.id = 1 order by u.id',
  'places behind a function that gives rows':
    "select h || '' from (select * from unnest(array(select o from orders o where id = 1)) x cross join users u) as s(a, b, c, d, e, f, g, h) order by e",
  'places behind words of a text':
    "select h || '' from (select * from unnest(to_tsvector('simple', 'a')) x cross join (select id, dob, uid, ssn, tags from users) u) as s(a, b, c, d, e, f, h) order by d",
  'places behind a row in FROM':
    "select h || '' from (select * from orders o cross join lateral coalesce(o, o) x cross join users u where o.id = 1) as s(o1, o2, o3, o4, a, b, c, d, e, f, g, h) order by e",
  'places behind elements that are rows':
    "select h || '' from (select (unnest(array[o])).*, u.* from orders o, users u where o.id = 1) s(a, b, c, d, e, f, g, h) order by e",
  'places behind a populated record':
    "select h || '' from (select * from jsonb_populate_record(null::orders, '{}') x cross join users u) as s(a, b, c, d, e, f, g, h) order by e",
  'places in a common table expression':
    "with s(a, b, c, d, e, f, g, h) as (select * from unnest(array(select o from orders o where id = 1)) x cross join users u) select h || '' from s order by e",
  'places in a row with a star':
    "select (row(o.*, u.ssn, 1, 2, 3, 4)).f5 || '' from users u, orders o where o.id = 1 order by u.id",
  'places in VALUES with a star':
    "select v.column5 || '' from users u, orders o, lateral (values (o.*, u.ssn, 1, 2, 3, 4)) v where o.id = 1 order by u.id",
  'places of a row with a star that is taken apart':
    "select h || '' from (select (row(o.*, u.ssn, 1, 2, 3, 4)).* from users u, orders o where o.id = 1) s(a, b, c, d, h) order by h",
  'column of a function whose body calls it otherwise':
    "select (select ssn_by_id from ssn_by_id(1)) from (select 'x' as ssn_by_id) o",
  'column of a function under its alias': "select (select x from ssn_by_id(1) x) from (select 'x' as x) o",
  'system column of a view':
    'select (select ctid from user_names limit 1) from (select ssn as ctid from users order by id) o',
  'system column of a join':
    'select (select ctid from users a join orders b on true limit 1) from (select ssn as ctid from users order by id) o',
  'field of a row that stood under other names':
    "select (q.t).ssn || '' from (select t from users as t(a, ssn, b, name)) q",
  'fields of a row that stood under other names':
    "select z.ssn || '' from (select (q.t).* from (select t from users as t(a, ssn, b, name)) q) z",
  'field of a row from a subquery, which stood under other names':
    "select ((select t)).ssn || '' from users as t(a, ssn, b, name) order by a",
  'name that an alias list has taken away':
    "select (select ssn from (select * from unnest(array(select o from orders o where id = 1)) x cross join (select 'x' as ssn) y) as s(a, b, c, d, e)) from users order by id",
  'name that a column list of a common table expression has taken away':
    "select (with s(a, b, c, d, e) as (select * from unnest(array(select o from orders o where id = 1)) x cross join (select 'x' as ssn) y) select ssn from s) from users order by id",
  'ON that does not see what stands before':
    "select (select count(*) from (select 'x' as ssn) a, orders b join orders c on b.id = c.id and ssn like 'Q%') from users order by id",
  'GROUP BY a name of the level above':
    "select (select count(*) from lateral (select (ssn like 'Q%') as x from (select ssn from users where id = 1 union all select 'QQ') w group by x) s) from (select 1 as x) o",
};

/** The same with functions of somebody's own. */
const scripts: Readonly<Record<string, readonly string[]>> = {
  'places behind overloads of other shapes': [
    "create function stolen_fn(int) returns table (a int, b int) language sql stable as 'select 1, 2'",
    "create function stolen_fn(text) returns int language sql stable as 'select 1'",
    "select d || '' from (select * from stolen_fn('x'::text) x cross join (select id, email, ssn, tags, dob from users) u) s(a, b, c, d) order by b",
  ],
  'name that only the body of a function gives': [
    "create function stolen_fn() returns int language sql stable as 'select 1 as ssn'",
    'select (select ssn from stolen_fn()) from users order by id',
  ],
  'name that an OUT parameter has': [
    "create function stolen_fn(out stolen_fn text) language sql stable as 'select null::text'",
    'select (select ssn from stolen_fn() as ssn) from users order by id',
  ],
  'names of overloads in another order': [
    "create function stolen_fn(int) returns table (a text, b text) language sql stable as 'select ssn, name from users order by id'",
    "create function stolen_fn(text) returns table (b text, a text) language sql stable as 'select ssn, name from users order by id'",
    "select b || '' from stolen_fn('x'::text)",
  ],
  'alias of a scalar that has an overload with such a column': [
    "create function stolen_fn(int) returns table (a text) language sql stable as 'select name from users order by id'",
    "create function stolen_fn(text) returns text language sql stable as 'select ssn from users order by id limit 1'",
    "select a || '' from stolen_fn('x'::text) as a",
  ],
  'columns of an OUT parameter that is a row': [
    "create function stolen_fn(out c users) language sql stable as 'select u from users u order by id limit 1'",
    "select (select ssn || '' from stolen_fn()) from (select 'x' as ssn) o",
  ],
  'columns of OUT parameters without names': [
    "create function stolen_fn(out text, out text) language sql stable as 'select ssn, name from users order by id limit 1'",
    "select (select column1 || '' from stolen_fn()) from (select 'x' as column1) o",
  ],
  'row for an argument, which stood under other names': [
    "create function stolen_fn(users) returns text language sql stable as 'select $1.ssn'",
    'select stolen_fn(t) from users as t(a, ssn, b, name) order by a',
  ],
  'row of expressions for an argument': [
    'create type stolen_type as (f2 text, f1 text)',
    "create function stolen_fn(stolen_type) returns text language sql stable as 'select $1.f2'",
    "select stolen_fn(row(ssn, 'x')) from users order by id",
  ],
  'row that goes before an argument of its name': [
    "create function stolen_fn(users text) returns text language sql stable as 'select users::text from users order by id limit 1'",
    "select stolen_fn('x')",
  ],
  'places behind a record of a temporary domain': [
    'create type stolen_type as (a int, b int, c int, d int, e int)',
    'create domain pg_temp.orders as stolen_type',
    "select i || '' from (select * from jsonb_populate_record(null::orders, '{}') x cross join users u) as s(a, b, c, d, e, f, g, h, i) order by f",
  ],
  'places behind a function of any type': [
    "create function stolen_fn(anyelement) returns anyelement language sql stable as 'select $1'",
    "select h || '' from (select * from orders o, lateral stolen_fn(o) x, users u where o.id = 1) s(o1, o2, o3, o4, a, b, c, d, e, f, g, h) order by e",
  ],
  'places behind a domain over a row': [
    'create domain stolen_domain as orders',
    "create function stolen_fn() returns stolen_domain language sql stable as 'select row(1, 1, null, 1)::stolen_domain'",
    "select h || '' from (select * from stolen_fn() x, users u) s(a, b, c, d, e, f, g, h) order by e",
  ],
};

const cleanup = `do $$ declare f regprocedure; begin
    for f in select oid from pg_proc where proname = 'stolen_fn' loop execute 'drop function ' || f; end loop; end $$;
  drop domain if exists stolen_domain; drop type if exists stolen_type cascade`;

export const nameForms: readonly Attack[] = [
  ...Object.entries(statements).map(([name, script]) => ({ name, script })),
  ...Object.entries(scripts).map(([name, script]) => ({ name, script, cleanup, simpleOnly: true })),
];
