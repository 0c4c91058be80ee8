import type { Script } from '../support/attack.js';
import type { EffectAttack } from '../support/effects.js';
import type { Attack } from '../support/leaks.js';

const named = (scripts: Readonly<Record<string, Attack['script']>>): readonly Attack[] =>
  Object.entries(scripts).map(([name, script]) => ({ name, script }));

const merge = (source: string, rest: string): string => `merge into archive a using ${source} on a.id = u.id ${rest}`;
const backwards = '(select id, reverse(ssn) as s, name from users) u';
const kept = 'when matched then update set note = a.note';
/** Whether this is a document depends on the first letter alone. */
const digit = "translate(left(ssn, 1), 'Q', '1')";
const ofAda = 'from users where id = 1';

/** Values in the results of what PostgreSQL 16, 17 and 18 have brought. */
export const newestOutputs: readonly Attack[] = named({
  'merge returning *': merge(backwards, `${kept} returning *`),
  'merge returning * of a table': merge('users u', `${kept} returning *`),
  'merge returning old and new': merge(backwards, `${kept} returning merge_action(), old.*, u.s, new.note`),
  'merge returning * behind a cte': `with u as (select id, reverse(ssn) as s from users) ${merge('u', `${kept} returning *`)}`,
  'merge that deletes, returning': merge(backwards, 'when matched then delete returning *, old'),
  'returning old and new': 'update users set name = name where id = 1 returning old.ssn, new.email, reverse(old.card)',
  'returning old and new rows': 'update users set name = name where id = 1 returning old, new::text',
  'returning with names':
    'update users set name = name where id = 1 returning with (old as o, new as n) reverse(o.ssn), n.*',
  'returning old of a table of that name':
    'update archive a set name = a.name from (select id, reverse(ssn) as note from users) old where old.id = a.id returning old.note, new.note',
  'returning old of an upsert':
    "insert into users (id, name) values (1, 'Ada') on conflict (id) do update set name = excluded.name returning old.ssn, reverse(new.ssn)",
  'returning old of a delete': 'delete from users where id = 3 returning reverse(old.ssn), new.ssn',
  'virtual column': 'select id, backwards from users order by id',
  'virtual column of a whole row': 'select users from users order by id',
  'virtual column in copy': 'copy (select backwards from users order by id) to stdout',
  'virtual column, returned': 'update users set name = name where id = 1 returning old.backwards, new.backwards',
  json_value: `select json_value(profile, '$.pin') ${ofAda}`,
  json_query: `select json_query(profile, '$' with wrapper), json_query(profile -> 'pin', '$') ${ofAda}`,
  json_exists: `select json_exists(profile, '$.pin ? (@ starts with "z")') ${ofAda}`,
  json_scalar: `select json_scalar(ssn), json_serialize(json_object('a': ssn)) ${ofAda}`,
  'json constructors': `select json_object('a': ssn), json_array(ssn, email), json_arrayagg(card), json_objectagg(id: email) ${ofAda} group by ssn, email`,
  'json array of a query': 'select json_array(select reverse(ssn) from users order by id)',
  'json aggregates that are strict': `select json_agg_strict(ssn), jsonb_agg_strict(email) ${ofAda}`,
  any_value: `select any_value(ssn), any_value(reverse(card)) ${ofAda}`,
  'arrays in order': `select array_sort(array[ssn, name]), array_reverse(array[email, ssn]), array_shuffle(array[ssn]) ${ofAda}`,
  'text functions': `select casefold(email), xmltext(ssn), unicode_assigned(ssn)::text || reverse(ssn) ${ofAda}`,
  'subquery without an alias': 'select * from (select reverse(ssn) as s from users order by id)',
  'number with underscores': 'select reverse(ssn) from users where id = 0x0_1 limit 1_0',
  'name that an alias takes from json_table, whose nested columns come last':
    "select (select b from json_table('[1]', '$[*]' columns (nested '$' columns (a text path '$'), b text path '$')) as t(c)) from (select reverse(ssn) as b from users order by id) u",
  'xml with indents': `select xmlserialize(content xmlelement(name a, ssn) as text indent) ${ofAda}`,
});

/** The same by asking: nothing protected is in the result, which depends on it. */
export const newestInference: readonly Attack[] = [
  ...named({
    'virtual column in where': "select id from users where backwards > '39W7-3' order by id",
    'virtual column in order': 'select id from users order by right(backwards, 3)',
    'json_serialize of no document': `select json_serialize(${digit}) ${ofAda}`,
    'json_value of no document': `select json_value(${digit}, '$') ${ofAda}`,
    'json_exists of no document': `select json_exists(${digit}, '$') ${ofAda}`,
    'json_query of no document': `select json_query(${digit}, '$') ${ofAda}`,
    'json_object with format': `select json_object('a': ${digit} format json) ${ofAda}`,
    'json_array with format': `select json_array(${digit} format json) ${ofAda}`,
    'json_array of a query with format': `select json_array(select ${digit} ${ofAda} format json)`,
    'json_arrayagg with format': `select json_arrayagg(${digit} format json) ${ofAda}`,
    'json_objectagg with format': `select json_objectagg(id: ${digit} format json) ${ofAda}`,
    'json of too short a type': `select json_array(email returning varchar(28)) ${ofAda}`,
    'json_exists in where': `select id from users where json_exists(profile, '$.pin ? (@ starts with "z")') order by id`,
    'is json in where': `select id from users where ${digit} is json order by id`,
    'error on error': `select json_value(profile, '$.pin' returning int error on error) is null from users where json_value(profile, '$.pin') like 'z%'`,
    json_table: `select t.n from users u, json_table(u.profile, '$ ? (@.pin starts with "z")' columns (n for ordinality)) t`,
    'array_sample of a length': `select array_sample(array[ssn], ascii(ssn) - 80) is null from users order by id`,
    'merge by source':
      "merge into archive a using (select id from users where ssn like 'Q%') u on a.id = u.id when not matched by source then update set note = 'x' returning merge_action(), a.id",
    'merge when': merge(
      'users u',
      "when matched and u.ssn like 'Q%' then update set note = 'x' returning merge_action()",
    ),
    'returning what old was':
      "update users set name = name where id = 1 returning case when old.ssn like 'Q%' then 1 else 0 end",
    'plan with serialized sizes': `explain (analyze, serialize text, costs off, timing off, summary off, buffers off) select replace(ssn, 'Q', repeat('x', 9000)) ${ofAda}`,
  }),
  {
    name: 'not null that is not validated',
    script: [
      'alter table users add constraint stolen not null ssn not valid',
      'alter table users validate constraint stolen',
    ],
    cleanup: 'alter table users drop constraint if exists stolen',
    harmlessDirectly: 'both worlds pass',
  },
  {
    name: 'virtual column that divides',
    script: [
      'alter table users add column stolen int generated always as (1 / (salary::int - 73914)) virtual',
      'select id from users where stolen is null',
    ],
    cleanup: 'alter table users drop column if exists stolen',
  },
  {
    name: 'key that is not enforced, then is',
    script: [
      'create table stolen (guess text, constraint asks foreign key (guess) references users (email) not enforced)',
      "insert into stolen values ('wq7canary@vaultmail.test')",
      'alter table stolen alter constraint asks enforced',
    ],
    cleanup: 'drop table if exists stolen',
  },
];

const changing: Readonly<Record<string, string | readonly string[]>> = {
  'domain by pg_input_is_valid': "select pg_input_is_valid('x', 'marked')",
  'domain by pg_input_error_info': "select * from pg_input_error_info('{x}', 'public.marked[]')",
  'domain in json_table': `select * from json_table('{"a": "x"}', '$' columns (a marked path '$.a')) t`,
  'domain returned by json_value': `select json_value('"x"', '$' returning marked)`,
  'domain returned by json_query': `select json_query('"x"', '$' returning marked)`,
  'domain returned by json_serialize': `select json_serialize('"x"' returning marked)`,
  'domain in jsonb_populate_record_valid': `select jsonb_populate_record_valid(null::marked_pair, '{"a": "x"}')`,
  'function in a default of json_table': `select * from json_table('{}', '$' columns (a int path '$.a' default wipe_now() on empty)) t`,
  'function in a default of json_value': `select json_value('{}', '$.a' returning int default wipe_now() on empty)`,
  'function in returning old': 'update archive set note = note returning old.note, wipe_now()',
  'delete by merge, by source':
    'merge into orders o using (select 0 as id) s on o.id = s.id when not matched by source then delete',
  'delete by merge, of a view':
    'merge into user_names n using (select 3 as id) s on n.id = s.id when matched then delete',
  'delete by merge in a cte':
    'with d as (merge into orders o using users u on o.user_id = u.id when matched then delete returning o.id) select count(*) from d',
  'delete behind explain serialize': 'explain (analyze, serialize) delete from orders returning *',
  'add virtual column': "alter table archive add column x text generated always as ('x') virtual",
  'drop virtual column': 'alter table users drop column shout',
  'key that is not enforced': 'alter table archive add constraint c check (id > 0) not enforced',
  'key over time':
    'alter table archive add column during daterange, add column room int4range, add unique (room, during without overlaps)',
  'grant maintain': 'grant maintain on users to public',
  'grant a role without inheritance': 'grant pg_read_all_data to pg_monitor with inherit false, set true',
};
const working: Readonly<Record<string, string | readonly string[]>> = {
  'event triggers off': 'set event_triggers = off',
  'statistics by hand': "select pg_restore_relation_stats('schemaname', 'public', 'relname', 'archive', 'relpages', 9)",
  'statistics gone': "select pg_clear_relation_stats('public', 'archive')",
  'values by statistics':
    "select pg_restore_attribute_stats('schemaname', 'public', 'relname', 'archive', 'attname', 'note', 'inherited', false, 'null_frac', 0.1::real)",
  'files of the summarizer': 'select * from pg_ls_summariesdir()',
  'loaded modules': 'select count(*) from pg_get_loaded_modules()',
  'snapshot in the log': 'select pg_log_standby_snapshot()',
  'grant of maintenance': 'grant pg_maintain to lab_owner',
  'default privileges of large objects': 'alter default privileges grant select on large objects to public',
  'copy from a file that skips errors': "copy lookup (note) from '/etc/hostname' (on_error ignore, reject_limit 9)",
};
/** Their effects do not show in the rows and objects that are compared. */
const unseen = new Set(['key that is not enforced', 'grant a role without inheritance']);

export const newestEffects: readonly EffectAttack[] = [
  ...Object.entries(changing).map(([name, script]): EffectAttack => ({
    ...{ name, script, control: unseen.has(name) ? 'works' : 'changes' },
  })),
  ...Object.entries(working).map(([name, script]): EffectAttack => ({ name, script, control: 'works' })),
];

/** What must go through as it is. */
export const newestHarmless: Readonly<Record<string, Script>> = {
  'sql/json constructors':
    "select json_object('a': name, 'b': id), json_array(id, name null on null), json_scalar(id) from users order by id",
  'sql/json queries': `select json_value('{"a": 5}', '$.a' returning int), json_query('{"a": [1]}', '$.a' with wrapper), json_exists('{"a": 5}', '$.b')`,
  'sql/json in the standard’s words': `select json('{"a": 1}'), json_serialize('[1]' returning bytea), '{}' is json object, '1' is not json array`,
  json_table: `select t.* from json_table('[{"a": 1, "b": [{"c": 2}]}]', '$[*]' columns (n for ordinality, a int path '$.a', nested path '$.b[*]' columns (c int path '$.c'))) t`,
  'json_table of a column':
    "select t.a from users, json_table(json_object('k': name), '$' columns (a text path '$.k')) t order by 1",
  'functions of arrays':
    'select array_sample(tags, 1) is null, array_shuffle(tags) is null, array_sort(tags, true), array_reverse(tags) from users order by id',
  'functions of texts':
    "select casefold(name), to_bin(id), to_oct(id), crc32(name::bytea), xmltext('<'), unicode_assigned(name) from users order by id",
  any_value: 'select any_value(name) from users where id = 1',
  uuids:
    'select uuid_extract_version(uuidv7()), uuid_extract_version(uuidv4()), uuid_extract_version(uid) from users order by id',
  'what is valid input':
    "select pg_input_is_valid('12', 'numeric(10,2)'), pg_input_is_valid('a', 'integer'), sql_error_code from pg_input_error_info('b', 'integer')",
  'numbers with underscores': 'select 1_000, 0xFF, 0o17, 0b1_01, id from users where id < 1_0 order by id',
  'subquery without an alias': 'select * from (select name from users) order by 1',
  'virtual column': "select shout from users where shout like 'A%'",
  'time without overlaps': [
    "insert into booked values ('[1,2)', '[2020-01-01,2020-02-01)')",
    "insert into booked_tea values ('[1,2)', '[2020-01-03,2020-01-04)')",
    "insert into booked values ('[1,2)', '[2020-01-05,2020-03-01)')",
    'select * from booked_tea',
  ],
  'insert returning old and new': "insert into archive values (9, 'n', 'm') returning old.note, new.note, new.id",
  'insert with the names of old and new':
    "insert into archive values (8, 'n', 'm') returning with (old as o, new as n) o.id, n.*",
  'explain with memory': 'explain (memory, costs off) select 1',
  'explain of a generic plan': 'explain (generic_plan, costs off) select name from users where id = $1',
  'transaction timeout': ["set transaction_timeout = '30s'", 'show transaction_timeout', 'reset transaction_timeout'],
  'input and output counts': 'select count(*) > 0, count(distinct backend_type) > 0 from pg_stat_io',
  'checkpointer and wait events':
    "select num_timed is null from pg_stat_checkpointer; select count(*) > 0 from pg_wait_events where type = 'IO'",
  'constraints of the catalog':
    "select conname, contype, conenforced, conperiod from pg_constraint where conrelid = 'booked'::regclass order by 1",
  'who one is': 'select system_user is null, current_user = session_user',
};
