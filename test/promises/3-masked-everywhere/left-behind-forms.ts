import type { Attack } from '../support/leaks.js';

/** What a DBA has left in the database: casts to json, event triggers, other servers. */
export const leftBehind = `
create type mood as enum ('calm', 'cross');
create table moods (id int, felt mood, word text);
insert into moods values (1, 'calm', 'x');
create function mood_json(mood) returns json language sql stable as 'select to_json(ssn) from public.users where id = 1';
create cast (mood as json) with function mood_json(mood);
create function tell_definition() returns event_trigger language plpgsql as
  $$ begin if tg_tag in ('COMMENT', 'REFRESH MATERIALIZED VIEW') then raise notice 'ran %', (select ssn from public.users where id = 1); end if; end $$;
create event trigger tell_definition on ddl_command_end execute function tell_definition();
create view matched as select l.note, u.name from lookup l join users u using (ssn);
create view above as select o.id from orders o, users u where u.id = o.user_id and u.id > 0 and u.salary > o.total * 1000;
create view listed as select id from users where ssn in (select note from archive);
create view like_some as select l.note from lookup l where exists (select from users u where u.ssn like l.ssn);
create extension postgres_fdw;
create server elsewhere foreign data wrapper postgres_fdw;
create user mapping for current_user server elsewhere options (user 'someone', password 'QXZ-41-7W93');`;

const scripts: Readonly<Record<string, string | readonly string[]>> = {
  'cast to json': 'select to_json(felt) from moods',
  'cast to json, binary': 'select to_jsonb(felt) from moods',
  'cast to json of a constant': "select to_json('calm'::mood)",
  'cast to json of a parameter': ['prepare p(mood) as select to_json($1)', "execute p('calm')"],
  'cast to json of a row': 'select row_to_json(m) from moods m',
  'cast to json of a row in a row': 'select to_jsonb(row(m, 1)) from moods m',
  'cast to json of a subquery': 'select to_json(s) from (select felt as f from moods) s',
  'cast to json of an array': 'select array_to_json(array_agg(felt)) from moods',
  'cast to json of an array of rows': 'select to_json(array(select m from moods m))',
  'cast to json, aggregated': 'select json_agg(felt) from moods',
  'cast to json, aggregated rows': 'select jsonb_agg(m) from moods m',
  'cast to json in an object': "select json_build_object('a', felt) from moods",
  'cast to json in a list': 'select jsonb_build_array(1, felt) from moods',
  'cast to json in a list of many': 'select json_build_array(variadic array[felt]) from moods',
  'cast to json in an aggregated object': 'select jsonb_object_agg(id, felt) from moods',
  'cast to json, turned round': 'select reverse(to_json(felt)::text) from moods',
  'cast to json in a condition': `select id from moods where to_json(felt)::text like '"Q%'`,
  'cast to json in an order': 'select name from users, moods order by to_jsonb(felt), 1',
  'cast to json in a view': [
    'create view stolen_view as select to_json(felt) as f from moods',
    'select f from stolen_view',
  ],
  'guesses before a view that compares them': [
    "insert into lookup values ('QXZ-41-7W93', 'guess')",
    "select note from matched where note = 'guess'",
  ],
  'guesses before a view of a list': [
    "insert into archive values (5, 'x', 'QXZ-41-7W93')",
    'select count(*) from listed',
  ],
  'guesses before a view of patterns': [
    "insert into lookup values ('Q%', 'guess')",
    'select note from like_some order by 1',
  ],
  'guesses before a view, by their size': [
    'update orders set total = 60 where id = 1',
    'select id from above order by id',
  ],
  'notice of an event trigger, for a comment': ["comment on table archive is 'x'"],
  'notice of an event trigger, for a refresh': ['refresh materialized view users_kept'],
};

const quiet: Readonly<Record<string, string>> = {
  'cast to json in an order': 'select name from users, moods order by to_jsonb(felt), 1',
};

/** README.md, D: code that is called without a word of it. */
export const leftBehindForms: readonly Attack[] = Object.entries(scripts).map(([name, script]) => ({
  name,
  script,
  cleanup: 'drop view if exists stolen_view; comment on table archive is null',
  simpleOnly: typeof script !== 'string',
  ...(quiet[name] === undefined ? {} : { harmlessDirectly: quiet[name] }),
}));
