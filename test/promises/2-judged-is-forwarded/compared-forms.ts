import type { EffectAttack } from '../support/effects.js';

const marks = (name: string, parameters: string, returns: string, gives: string): string =>
  `create function ${name}(${parameters}) returns ${returns} language plpgsql volatile as
    $$ begin insert into public.ledger (what) values ('${name}'); return ${gives}; end $$;`;
const operator = (name: string, fn: string): string =>
  `create function size_${fn}(size, size) returns boolean language sql immutable as 'select ($1).cm ${name} ($2).cm';
   create operator ${name} (leftarg = size, rightarg = size, function = size_${fn}${name === '=' ? ', hashes' : ''});`;

/** A type with an order of its own, an order of numbers, and a cast that is applied unasked; each writes down that it ran. */
export const comparedSchema = (major: number): string => `
create type size as (cm int);
${operator('<', 'lt')} ${operator('<=', 'le')} ${operator('=', 'eq')} ${operator('>=', 'ge')} ${operator('>', 'gt')}
${marks('size_order', 'size, size', 'int', '($1).cm - ($2).cm')}
${marks('size_hash', 'size', 'int', '($1).cm')}
${marks('size_hash_long', 'size, bigint', 'bigint', '($1).cm')}
create operator class size_order default for type size using btree as operator 1 <, operator 2 <=, operator 3 =,
  operator 4 >=, operator 5 >, function 1 size_order(size, size);
create operator class size_hash default for type size using hash as operator 1 =, function 1 size_hash(size), function 2 size_hash_long(size, bigint);
create table shirts (id int, size size);
insert into shirts values (1, row(48)), (2, row(52)), (3, row(48));
create table hats (size size unique);
create table coats (size size) partition by hash (size);
create table coats_all partition of coats for values with (modulus 1, remainder 0);
${marks('number_order', 'int, int', 'int', '$1 - $2')}
create operator class number_order for type int using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >,
  function 1 number_order(int, int);
create table numbers (n int);
create index on numbers (n number_order);
create table ranges (n int) partition by range (n number_order);
create table ranges_low partition of ranges for values from (1) to (100);
create type label as (word text);
${marks('label_text', 'label', 'text', '($1).word')}
create cast (label as text) with function label_text(label) as implicit;
create table labels (id int, label label);
insert into labels values (1, row('x'));
create domain pocket as text check (mark_true(value));
create type pockets as range (subtype = pocket, subtype_opclass = text_ops${major < 14 ? '' : ', multirange_type_name = many_pockets'});`;

const scripts: Readonly<Record<string, string>> = {
  order: 'select id from shirts order by size',
  'order by an output': 'select size as x from shirts order by x',
  'order of a whole row': 'select s from (select size as z from shirts) s order by s',
  'order of a subquery': 'select * from (select size from shirts) s order by 1',
  'order of a view': 'select id from shirts_in_order',
  distinct: 'select distinct size from shirts',
  'distinct rows': 'select distinct * from shirts',
  group: 'select size, count(*) from shirts group by size',
  union: 'select size from shirts union select size from shirts',
  window: 'select rank() over (order by size) from shirts',
  'count of distinct': 'select count(distinct size) from shirts',
  mode: 'select mode() within group (order by size) from shirts',
  'comparison of rows': 'select s < t from (select size from shirts) s, (select size from shirts) t',
  'comparison of arrays': 'select array[a.size] < array[b.size] from shirts a, shirts b',
  greatest: 'select greatest(a.size, b.size) from shirts a, shirts b',
  'bucket of an array': 'select width_bucket(size, array[size]) from shirts',
  'hash of an array': 'select hash_array(array[size]) from shirts',
  'hash of a row': 'select hash_record(s) from shirts s',
  'unique index': 'insert into hats values (row(1)), (row(2))',
  'conflict with an index': 'insert into hats values (row(1)), (row(2)) on conflict do nothing',
  'hash partition': 'insert into coats values (row(1))',
  'index of numbers': 'insert into numbers values (1), (2), (3)',
  'range partition': 'insert into ranges values (5)',
  'range partition that is read': 'explain (costs off) select * from ranges where n = 2',
  'cast of an argument': 'select length(label) from labels',
  'cast of an argument of a result': 'select upper((array[label])[1]) from labels',
  'cast of an operand': "select label ~ 'x' from labels",
  'cast of what is written': "insert into archive select id, label, 'x' from labels",
  'domain in a multirange': "select '{[a,b)}'::many_pockets",
};

const since: Readonly<Record<string, number>> = { 'hash of a row': 14, 'domain in a multirange': 14 };

/** README.md, C: calls without a call node, by the types of what is compared. */
export const comparedForms: readonly EffectAttack[] = Object.entries(scripts).map(([name, script]) => ({
  ...{ name, script },
  since: since[name] ?? 0,
}));
