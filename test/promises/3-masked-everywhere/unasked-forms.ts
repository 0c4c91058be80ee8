import type { Attack } from '../support/leaks.js';

const scripts: Readonly<Record<string, readonly string[]>> = {
  'cast to json, made and used': [
    "create type stolen_mood as enum ('a')",
    "create function stolen_json(stolen_mood) returns json language sql stable as 'select to_json(reverse(ssn)) from users where id = 1'",
    'create cast (stolen_mood as json) with function stolen_json(stolen_mood)',
    "select to_json('a'::stolen_mood)",
  ],
  'cast that is applied unasked, made and used': [
    "create type stolen_mood as enum ('a')",
    "create function stolen_text(stolen_mood) returns text language plpgsql stable as 'begin return (select reverse(ssn) from public.users where id = 1); end'",
    'create cast (stolen_mood as text) with function stolen_text(stolen_mood) as implicit',
    "select upper('a'::stolen_mood), lower((array['a'::stolen_mood])[1])",
  ],
  'cast that is applied unasked, in a condition': [
    "create type stolen_mood as enum ('a')",
    "create function stolen_text(stolen_mood) returns text language sql stable as 'select ssn from public.users where id = 1'",
    'create cast (stolen_mood as text) with function stolen_text(stolen_mood) as implicit',
    "select id from orders where starts_with('a'::stolen_mood, 'Q') order by id",
  ],
  'order of a type, made and used': [
    'create type stolen_mood as (id int)',
    ...['<', '<=', '=', '>=', '>'].flatMap((name, at) => [
      `create function stolen_${at}(stolen_mood, stolen_mood) returns boolean language sql immutable as 'select ($1).id ${name} ($2).id'`,
      `create operator ${name} (leftarg = stolen_mood, rightarg = stolen_mood, function = stolen_${at})`,
    ]),
    `create function stolen_order(a stolen_mood, b stolen_mood) returns int language plpgsql stable as
      $$ begin return (select case when x.ssn < y.ssn then -1 when x.ssn > y.ssn then 1 else 0 end
        from public.users x, public.users y where x.id = a.id and y.id = b.id); end $$`,
    `create operator class stolen_order default for type stolen_mood using btree as operator 1 <, operator 2 <=, operator 3 =,
      operator 4 >=, operator 5 >, function 1 stolen_order(stolen_mood, stolen_mood)`,
    'select id from users order by row(id)::stolen_mood',
  ],
};

/** README.md, C and D: what an attacker makes, and the server calls where it converts or compares. */
export const unaskedForms: readonly Attack[] = Object.entries(scripts).map(([name, script]) => ({
  name,
  script,
  cleanup: 'drop type if exists stolen_mood cascade',
  simpleOnly: true,
}));
