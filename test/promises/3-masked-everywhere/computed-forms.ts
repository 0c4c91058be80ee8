import type { Attack } from '../support/leaks.js';

const asked = 'create materialized view stolen_s.m as';
const view = (shown: string): string =>
  `create or replace view stolen_s.v as select id, ${shown}::text as shown from users`;
const read = 'select shown from stolen_s.m';

/** Rows of a materialized view, which stay when what they were computed by becomes another. */
const scripts: Readonly<Record<string, readonly string[]>> = {
  'a view that is replaced': [view('ssn'), `${asked} select id, shown from stolen_s.v`, view('name'), read],
  'a view that is replaced, in a transaction': [
    'begin',
    view('ssn'),
    `${asked} select id, shown from stolen_s.v`,
    view('name'),
    read,
    'commit',
    read,
  ],
  'a view that was replaced before they were computed again': [
    view('name'),
    `${asked} select id, shown from stolen_s.v`,
    view('ssn'),
    'refresh materialized view stolen_s.m',
    view('name'),
    read,
  ],
  'a view whose rule is replaced': [
    view('ssn'),
    `${asked} select id, shown from stolen_s.v`,
    'create or replace rule "_RETURN" as on select to stolen_s.v do instead select id, name as shown from users',
    read,
  ],
  'a function that is replaced': [
    "create function stolen_s.f(text) returns text immutable language sql as 'select $1'",
    `${asked} select id, stolen_s.f(ssn) as shown from users`,
    "create or replace function stolen_s.f(text) returns text immutable language sql as 'select null::text'",
    read,
  ],
  'a view that a function’s text names': [
    view('ssn'),
    "create function stolen_s.f(int) returns text stable language sql as 'select shown from stolen_s.v where id = $1'",
    `${asked} select id, stolen_s.f(id) as shown from orders`,
    'drop view stolen_s.v',
    view('name'),
    read,
  ],
  'a table that a function’s text names, behind a temporary one': [
    "create function stolen_s.f(int) returns text stable language sql as 'select ssn from users where id = $1'",
    `${asked} select id, stolen_s.f(id) as shown from orders`,
    "create temp table users as select 1 as id, 'x'::text as ssn",
    read,
  ],
  'an operator in a function’s text': [
    "create function stolen_s.f(users, int) returns text stable language sql as 'select $1.ssn'",
    "create function stolen_s.h(users, int) returns text stable language sql as 'select $1.name'",
    'create operator stolen_s.=== (leftarg = users, rightarg = int, function = stolen_s.f)',
    "create function stolen_s.g(users) returns text stable language sql as 'select $1 operator(stolen_s.===) 1'",
    `${asked} select id, stolen_s.g(u) as shown from users u`,
    'drop operator stolen_s.=== (users, int)',
    'create operator stolen_s.=== (leftarg = users, rightarg = int, function = stolen_s.h)',
    read,
  ],
  'a function behind a generated column': [
    "create function stolen_s.f(text) returns text immutable language sql as 'select $1'",
    'alter table users add column stolen text generated always as (stolen_s.f(ssn)) stored',
    "create or replace function stolen_s.f(text) returns text immutable language sql as 'select null::text'",
    'select stolen from users order by id',
  ],
};

/** README.md, D: values that were computed once and are kept, while what they were computed by becomes another. */
export const computedForms: readonly Attack[] = Object.entries(scripts).map(([name, script]) => ({
  name,
  script: ['create schema stolen_s', ...script],
  cleanup: 'alter table users drop column if exists stolen; drop schema if exists stolen_s cascade',
  simpleOnly: true,
}));
