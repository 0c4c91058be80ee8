import type { Attack } from '../support/leaks.js';

/**
 * README.md, D: whether something fails, or is computed at all, hangs on a protected value. Most of them make it null for a
 * chosen value (`nullif`), where the server passes by what fails for all others. One statement each.
 */
const statements: Readonly<Record<string, string>> = {
  'pattern that ends in its escape': "select ssn like 'Q\\' from users where id = 1",
  'pattern that ends in an escape of its own': "select ssn like 'Q#' escape '#' from users where id = 1",
  'length below nothing': "select substr(nullif(left(ssn, 1), 'Q'), 1, -1) from users where id = 1",
  'field number nought': "select split_part(nullif(left(ssn, 1), 'Q'), '-', 0) from users where id = 1",
  'expression that does not compile': "select nullif(left(ssn, 1), 'Q') ~ '(' from users where id = 1",
  'class that ends before it begins': "select nullif(left(ssn, 1), 'Q') ~ '[z-a]' from users where id = 1",
  'replacement by such an expression':
    "select regexp_replace(nullif(left(ssn, 1), 'Q'), '(', '') from users where id = 1",
  'part by such an expression': "select substring(nullif(left(ssn, 1), 'Q') from '(') from users where id = 1",
  'value as an expression': "select 'a' ~ any (select replace(ssn, 'Q', '(') from users where id = 1)",
  'encoding that is not there': "select encode(nullif(left(ssn, 1), 'Q')::bytea, 'none') from users where id = 1",
  'encoding without the letter': "select convert_to(replace(ssn, 'Q', '€'), 'LATIN1') from users where id = 1",
  'format that is none': "select to_char(nullif(salary, 73914.27), '9.9.9') from users where id = 1",
  'padding beyond all bounds': "select lpad(nullif(left(ssn, 1), 'Q'), 2000000000) from users where id = 1",
  'text that grows':
    "select length(replace(replace(ssn, 'Q', repeat('a', 40000)), 'a', repeat('b', 40000))) from users where id = 1",
  'arrays of other dimensions': "select array_remove(array[left(ssn, 1)], 'Q') || '{{{1}}}' from users where id = 1",
  'element behind an array of arrays':
    "select array_append(nullif(array[[left(ssn, 1)]], array[['Q']]), 'x') from users where id = 1",
  'search in an array of arrays':
    "select array_position(nullif(array[[left(ssn, 1)]], array[['Q']]), 'x') from users where id = 1",
  'path through a scalar': `select to_jsonb(nullif(left(ssn, 1), 'Q')) #- '{a}' from users where id = 1`,
  'rows of other columns': "select nullif(row(left(ssn, 1)), row('Q'::text)) = row(1, 2) from users where id = 1",
  'greatest of rows of other columns':
    "select greatest(nullif(row(left(ssn, 1)), row('Q'::text)), row(1, 2))::text from users where id = 1",
  'collation that cannot be told': `select lower(nullif(left(ssn, 1), 'Q') || a || b) from users,
    (select 'x' collate "C" as a) s, (select 'y' collate "POSIX" as b) t where id = 1`,
  'number that is too small for another type, chosen from several':
    'select coalesce((salary - 73914.27) * 1e-60, 1::real) from users where id = 1',
  'number that is too small for another type, the greatest':
    'select greatest((salary - 73914.27) / 1e60, 1::real) from users where id = 1',
  'number that is made smaller again and again':
    'select ((salary - 73914.27) / 1e9 / 1e9 / 1e9 / 1e9 / 1e9 / 1e9)::numeric, array[(salary - 73914.27) / 1e30 / 1e30, 1::real] from users where id = 1',
  'fraction above one':
    "select percentile_disc((select strpos(left(ssn, 1), 'Q') + 0.5 from users where id = 1)) within group (order by id) from users",
  'tiles that are none':
    "select ntile((select strpos(left(ssn, 1), 'Q') from users where id = 1)) over (order by id) from users",
  'character of one byte': `select (ascii(left(ssn, 1)) + 47)::"char" from users where id = 1`,
  'character of one byte, by its function': `select pg_catalog."char"(ascii(left(ssn, 1)) + 47) from users where id = 1`,
  'text that is too long': 'select pg_catalog.varchar(left(email, -18)::varchar, 8, false) from users where id = 1',
  'number of two bytes': 'select (salary / 1)::numeric(10, 2), salary::int2 from users where id = 1',
  'document of one root':
    "select xmlserialize(document xmlconcat(xmlelement(name a), xmlforest(nullif(left(ssn, 1), 'Q') as b)) as text) from users where id = 1",
  'difference to what has no end': `select age(nullif('2000-01-01'::timestamp + salary::int * interval '1 day', '2202-05-16'::timestamp), 'infinity') from users where id = 1`,
  'words beyond all bounds':
    "select to_tsvector('simple', concat(left(ssn, 1), repeat('x', 1048574))) from users where id = 1",
  'second column of a row that decides by its first':
    "select (ssn like 'Q%', 1 / (id - 1)) = (true, 1) from users where id = 1",
  'second of a list that decides by its first':
    "select ssn in ('QXZ-41-7W93', (1 / (id - 1))::text) from users where id = 1",
  'second bound': "select ssn between 'M' and (1 / (id - 1))::text from users where id = 1",
  'pattern behind a condition': "select (ssn like 'K%') or (name like 'A\\') from users where id = 1",
  'expression behind a condition': "select (ssn like 'K%') or (name ~ '(') from users where id = 1",
  'unit behind a condition': "select (ssn like 'K%') or extract(hour from dob) > 0 from users where id = 1",
  'format behind a condition': "select (ssn like 'K%') or format('%s %s', name) is null from users where id = 1",
  'number format behind a condition': "select (ssn like 'K%') or to_char(id, '9.9.9') is null from users where id = 1",
  'rows behind a condition': "select (ssn like 'K%') or (o = u) from users u, orders o where u.id = 1 and o.id = 1",
  'documents behind a condition':
    "select (ssn like 'K%') or xmlserialize(document xmlforest(name as a, id as b) as text) is null from users where id = 1",
  'arrays behind a condition': "select (ssn like 'K%') or (tags || '{{{1}}}') is null from users where id = 1",
};

/** The same with objects of somebody's own. */
const scripts: Readonly<Record<string, readonly string[]>> = {
  'name of a table that is there': ['create table "qxz-41-7w93" ()', 'select ssn::regclass from users where id = 1'],
  'collations of two columns that cannot be told': [
    'create table stolen_t (a text collate "C", b text collate "POSIX")',
    "insert into stolen_t values ('x', 'y')",
    "select lower(nullif(left(ssn, 1), 'Q') || a || b) from users, stolen_t where users.id = 1",
  ],
  'collations of two arguments that cannot be told': [
    'create table stolen_t (a text collate "C", b text collate "POSIX")',
    "insert into stolen_t values ('x', 'y')",
    "select starts_with(nullif(left(ssn, 1), 'Q') || a, b), array_position(array[nullif(left(ssn, 1), 'Q') || a], b) from users, stolen_t where users.id = 1",
  ],
  'collation of a column by which no part is found': [
    "create collation stolen_c (provider = icu, locale = 'und-u-ks-level1', deterministic = false)",
    'create table stolen_t (a text collate stolen_c)',
    "insert into stolen_t values ('x')",
    "select strpos(nullif(left(ssn, 1), 'Q') || a, 'x') from users, stolen_t where users.id = 1",
  ],
  'collation of a domain by which no pattern is found': [
    "create collation stolen_c (provider = icu, locale = 'und-u-ks-level1', deterministic = false)",
    'create domain stolen_d as text collate stolen_c',
    "select (nullif(left(ssn, 1), 'Q') || 'x'::stolen_d) like 'x' from users where id = 1",
  ],
  'function that is not called for null': [
    "create function stolen_fn(text, int) returns int language sql immutable strict as 'select $2'",
    "select stolen_fn(nullif(left(ssn, 1), 'Q'), 5) from users where id = 1",
  ],
  'function that is not called for null and divides': [
    "create function stolen_fn(text, int) returns int language sql immutable strict as 'select 1 / ($2 - 5)'",
    "select stolen_fn(nullif(left(ssn, 1), 'Q'), 5) from users where id = 1",
  ],
};

const cleanup = `drop table if exists "qxz-41-7w93", stolen_t; drop function if exists stolen_fn;
  drop domain if exists stolen_d; drop collation if exists stolen_c`;
const quiet: Readonly<Record<string, string>> = {
  'text that is too long': 'both worlds have names of one length or are cut alike',
  'number of two bytes': 'one of the worlds is enough',
  'words beyond all bounds': 'one long word is left out with a notice',
};

export const failureForms: readonly Attack[] = [
  ...Object.entries(statements).map(([name, script]) => ({
    name,
    script,
    ...(quiet[name] === undefined ? {} : { harmlessDirectly: quiet[name] }),
  })),
  ...Object.entries(scripts).map(([name, script]) => ({ name, script, cleanup, simpleOnly: true })),
];
