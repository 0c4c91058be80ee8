import type { Attack } from '../support/leaks.js';

/** What asks for a value by writing it elsewhere and reading it there: only who may infer gets as far. */
const scripts: Readonly<Record<string, readonly string[]>> = {
  'RETURNING of an update': ['update users set name = ssn returning name'],
  'RETURNING of an update, the whole row': ['update users set name = ssn where id = 1 returning users'],
  'RETURNING of an update, *': ['update archive set note = u.ssn from users u where u.id = 1 returning archive.*'],
  'RETURNING of an insert': ['insert into lookup (note) select ssn from users returning note'],
  'RETURNING of an insert, as an expression': ["insert into lookup (note) select ssn from users returning note || ''"],
  'RETURNING of ON CONFLICT': [
    `insert into orders as o (id, user_id, status, total) select 1, 1, ssn, 1 from users where id = 1
       on conflict (id) do update set status = excluded.status returning o.status`,
  ],
  'RETURNING in a WITH': ['with w as (update users set name = ssn returning name as n) select n from w'],
  'RETURNING through a view': [
    'insert into user_names (id, name) select 90 + id, ssn from users where id < 4 returning name',
  ],
  'RETURNING of a delete, of what was copied before': [
    'insert into lookup (note) select ssn from users',
    'delete from lookup returning note',
  ],
  'a copy in a table': ['insert into lookup (note) select ssn from users', 'select note from lookup'],
  'a copy in a table, by its row': ['insert into lookup (note) select ssn from users', 'select l from lookup l'],
  'a copy of a copy': [
    'insert into lookup (note) select ssn from users',
    'insert into named (remark) select note from lookup',
    'select remark from named',
  ],
  'a copy in a temporary table': ['create temp table zz_copy as select id, ssn as note from users', 'table zz_copy'],
  'a copy in a temporary table, by COPY': [
    'create temp table zz_copy (note text)',
    'insert into zz_copy select ssn from users',
    'copy zz_copy to stdout',
  ],
  'a copy by SELECT INTO': ['select id, ssn as note into temp zz_into from users', 'select note from zz_into'],
  'a copy in a transaction that is undone': [
    'begin',
    'insert into lookup (note) select ssn from users',
    'select note from lookup',
    'rollback',
  ],
  'a copy behind a savepoint': [
    'begin',
    'savepoint s',
    'update users set name = ssn',
    'select name from users',
    'rollback to s',
    'commit',
  ],
  'a prepared statement from before the copy': [
    'prepare zz_names as select name from users',
    'update users set name = ssn',
    'execute zz_names',
  ],
  'a cursor from before the copy': [
    'begin',
    'declare zz_cursor cursor for select note from lookup',
    'close zz_cursor',
    'insert into lookup (note) select ssn from users',
    'declare zz_cursor cursor for select note from lookup',
    'fetch all zz_cursor',
    'rollback',
  ],
  'a condition that holds the value': ["select case when ssn is not null then ssn else '' end from users"],
  'the greatest of it': ['select max(ssn), min(ssn) from users where ssn is not null group by id'],
  'an ordered list of it': ["select string_agg(ssn, ',' order by ssn) from users"],
  'a join that brings it': ['select b.note from users u join lateral (select u.ssn as note) b on b.note = u.ssn'],
  'a generated column whose function is replaced': [
    "create function zz_f(text) returns text immutable language sql as 'select $1'",
    'create temp table zz_made (s text, g text generated always as (zz_f(s)) stored)',
    'insert into zz_made select ssn from users',
    "create or replace function zz_f(text) returns text immutable language sql as 'select null::text'",
    'select g from zz_made',
  ],
  'a default that is dropped': [
    'create temp table zz_made (id int, s text default ssn_by_id(1))',
    'insert into zz_made (id) values (1)',
    'alter table zz_made alter s drop default',
    'select s from zz_made',
  ],
  'grouped by it': ['select ssn, count(*) from users group by ssn order by ssn'],
};

export const inferringForms: readonly Attack[] = Object.entries(scripts).map(([name, script]) => ({
  ...{ name, script },
  ...(name.includes('function') ? { cleanup: 'drop function if exists zz_f cascade' } : {}),
}));
