import type { Attack } from '../support/leaks.js';

const concatenated = `concat(${Array.from({ length: 10 }, () => 'u.email').join(', ')})`;
const restore = 'drop function if exists stolen_fn()';

/** README.md, D: what the planner knows of protected columns, and what running shows of their sizes. */
const scripts: Readonly<Record<string, string | readonly string[]>> = {
  'width of a row': 'explain select * from users where id = 1',
  'width of a row of one table': 'explain (verbose) select * from only users',
  'width as json': 'explain (format json) select * from only users',
  'width as xml': 'explain (format xml) select * from only users',
  'width as yaml': 'explain (format yaml, costs on) select * from only users',
  'width of a joined row': 'explain select u.* from users u join orders o on o.user_id = u.id',
  'width of what a cte holds': 'explain with x as materialized (select * from only users) select id from x',
  'width of what a subquery holds': 'explain select id from (select u.* from only users u offset 0) s',
  'width of what is counted': 'explain select count(*) from (select u.* from only users u offset 0) s',
  'width of what is written':
    'explain insert into archive (id) select id from (select u.* from only users u offset 0) s',
  'width of what a function gives': "explain select * from users_like('%')",
  'width of a cursor': 'explain declare c cursor for select * from only users',
  'width of a table to be': 'explain create table stolen as select * from only users',
  'width of a union': 'explain select email from only users union all select card from only users',
  'width of an array': 'explain select array(select email from only users)',
  'width of a prepared statement': ['prepare p as select * from only users', 'explain execute p'],
  'memory of a sort': `explain (analyze, costs off, timing off, summary off)
    select ${concatenated}, g from users u, generate_series(1, 1500) g where u.id = 1 order by g`,
  'memory of a prepared sort': [
    `prepare p as select ${concatenated}, g from users u, generate_series(1, 1500) g where u.id = 1 order by g`,
    'explain (analyze, costs off, timing off, summary off) execute p',
  ],
  'rows of a condition': "explain select id from only users where ssn > 'M'",
  'rows of a group': 'explain select count(*) from only users group by left(ssn, 1)',
  'rows of a join': 'explain select 1 from only users u, lookup l where u.ssn = l.ssn',
  'what a call was computed to': [
    "create function stolen_fn() returns text language sql immutable as 'select reverse(ssn) from users where id = 1'",
    'explain (verbose, costs off) select id, stolen_fn() from orders',
  ],
  'what a call of a prepared statement was computed to': [
    "create function stolen_fn() returns text language sql immutable as 'select reverse(ssn) from users where id = 1'",
    'prepare p as with x as materialized (select id, stolen_fn() from orders) select id from x',
    'explain (verbose, costs off) execute p',
  ],
};

const quiet: Readonly<Record<string, string>> = {
  'width of what is counted': 'the planner knows nothing needs it',
  'width of what is written': 'the planner knows nothing needs it',
  'width of what a subquery holds': 'the planner knows nothing needs it',
  'width of a union': 'the averages may be the same',
  'width of an array': 'the averages may be the same',
  'width of what a function gives': 'may be taken from the declaration',
  'rows of a group': 'all differ in both',
  'rows of a join': 'each finds one',
};

export const planForms: readonly Attack[] = Object.entries(scripts).map(([name, script]) => ({
  name,
  script,
  cleanup: restore,
  simpleOnly: typeof script !== 'string',
  // 13 counts what it has set aside, in powers of two.
  since: name.startsWith('memory of ') ? 14 : 0,
  ...(quiet[name] === undefined ? {} : { harmlessDirectly: quiet[name] }),
}));
