/** What name-generator.ts draws from: the tables and functions of names.sql, with the columns that they have. */

export interface Shape {
  readonly sql: string;
  readonly columns: readonly string[];
}

export interface FromFunction extends Shape {
  /** Its column goes by its alias. */
  readonly scalar?: true;
  /** Wants a list of column definitions, which are these. */
  readonly defined?: readonly string[];
  /** Takes no WITH ORDINALITY. */
  readonly plain?: true;
  /** The first major that has it. */
  readonly since?: number;
}

export const pool = ['a', 'b', 'c', 'd', 'f1', 'f2', 'column1', 'column2', 'unnest', 'one'] as const;

/** `?column?` and what else is no plain name. */
export const quoted = (name: string): string => (/^[a-z_0-9]+$/.test(name) ? name : `"${name}"`);

/** No WITH follows another. */
export const withBefore = (ctes: string, query: string): string =>
  query.startsWith('WITH') ? query : `${ctes}${query}`;

export const aliases = ['x', 'y', 'z', 'w', 'n1', 'a', 'b', 'c', 'one'] as const;

export const tables: readonly Shape[] = [
  { sql: 'n1', columns: ['a', 'b', 'c'] },
  { sql: 'n1', columns: ['a', 'b', 'c'] },
  { sql: 'n2', columns: ['b', 'a', 'd'] },
  { sql: 'n2', columns: ['b', 'a', 'd'] },
  { sql: 'n3', columns: ['unnest', 'f1', 'column1', 'one', 'c'] },
  { sql: 'n4', columns: ['ctid', 'tableoid', 'b', 'a'] },
  { sql: 'n5', columns: ['d', 'b', 'f2'] },
  { sql: 'n6', columns: ['t', 'u', 'b'] },
  { sql: 'n7', columns: ['a', 'b', 'd'] },
  { sql: 'n8', columns: ['a', 'b', 'd', 'c'] },
];

const scalar = (sql: string, name: string): FromFunction => ({ sql, columns: [name], scalar: true });

/** `%e` is an expression, `%r` a row, `%q` a query, each of what is there to be named. */
export const fromFunctions: readonly FromFunction[] = [
  scalar('one()', 'one'),
  scalar('safe()', 'safe'),
  scalar('many()', 'many'),
  scalar('domained()', 'domained'),
  scalar('arrays()', 'arrays'),
  scalar('moods()', 'moods'),
  scalar('picked(1)', 'picked'),
  scalar('identity(%e)', 'identity'),
  scalar("named('p')", 'named'),
  scalar("named(b => 'p', a => 'q')", 'named'),
  scalar("upper('p')", 'upper'),
  scalar("coalesce(%e, 'k')", 'coalesce'),
  scalar("nullif('p', 'q')", 'nullif'),
  scalar("greatest('p', 'q')", 'greatest'),
  scalar('current_user', 'current_user'),
  scalar("CAST('p' AS text)", 'text'),
  scalar('CAST(%e AS text)', 'text'),
  scalar('same(%e)', 'same'),
  scalar('generate_series(1, 2)', 'generate_series'),
  scalar("unnest(ARRAY[%e, 'p'])", 'unnest'),
  scalar('unnest(ARRAY(%q))', 'unnest'),
  scalar("unnest('{glad}'::mood[])", 'unnest'),
  scalar("elements(ARRAY['p', 'q'])", 'elements'),
  scalar("regexp_split_to_table('p q', ' ')", 'regexp_split_to_table'),
  scalar("string_to_table('p q', ' ')", 'string_to_table'),
  scalar('jsonb_array_elements_text(\'["p"]\')', 'value'),
  { sql: 'out_one()', columns: ['b'] },
  { sql: 'out_two()', columns: ['a', 'b'] },
  { sql: 'out_none()', columns: ['column1', 'column2'] },
  { sql: "out_mixed('p')", columns: ['a', 'column2'] },
  { sql: 'out_row()', columns: ['a', 'b', 'c'] },
  { sql: 'out_set()', columns: ['d'] },
  { sql: 'row_n1()', columns: ['a', 'b', 'c'] },
  { sql: 'row_whole()', columns: ['a', 'b', 'c'] },
  { sql: 'rows_n2()', columns: ['b', 'a', 'd'] },
  { sql: 'rows_n7()', columns: ['a', 'b', 'd'] },
  { sql: 'row_ct()', columns: ['b', 'a'] },
  { sql: 'row_dct()', columns: ['b', 'a'] },
  { sql: 'row_dn1()', columns: ['a', 'b', 'c'] },
  { sql: 'tab()', columns: ['b', 'a'] },
  { sql: 'tab_one()', columns: ['a'] },
  { sql: "picked('p'::text)", columns: ['c', 'b'] },
  { sql: 'sides(1)', columns: ['a', 'b'] },
  { sql: "sides('p'::text)", columns: ['b', 'a'] },
  { sql: 'same(%r)', columns: ['a', 'b', 'c'] },
  { sql: 'same_out(%r)', columns: ['a', 'b', 'c'] },
  { sql: 'same_out(%e)', columns: ['b'] },
  { sql: 'coalesce(%r, %r)', columns: ['a', 'b', 'c'] },
  { sql: 'unnest(ARRAY[%r])', columns: ['a', 'b', 'c'] },
  { sql: 'elements(ARRAY[%r])', columns: ['a', 'b', 'c'] },
  { sql: 'unnest(ARRAY(SELECT x FROM n2 x))', columns: ['b', 'a', 'd'] },
  { sql: 'unnest(ARRAY(SELECT x FROM n7 x))', columns: ['a', 'b', 'd'] },
  { sql: "unnest(ARRAY(SELECT x FROM n7 x), ARRAY['q'])", columns: ['a', 'b', 'd', 'unnest'] },
  { sql: "unnest(ARRAY['p'], ARRAY['q', %e])", columns: ['unnest', 'unnest'] },
  { sql: "unnest(to_tsvector('simple', 'p'))", columns: ['lexeme', 'positions', 'weights'] },
  { sql: "jsonb_populate_record(null::n1, '{}')", columns: ['a', 'b', 'c'] },
  { sql: "json_populate_recordset(null::ct, '[{}]')", columns: ['b', 'a'] },
  { sql: 'jsonb_populate_record(%r, \'{"a": "p"}\')', columns: ['a', 'b', 'c'] },
  { sql: 'jsonb_each_text(\'{"a": "p"}\')', columns: ['key', 'value'] },
  { sql: 'ROWS FROM (one(), tab())', columns: ['one', 'b', 'a'] },
  { sql: 'ROWS FROM (out_none(), many())', columns: ['column1', 'column2', 'many'] },
  { sql: 'ROWS FROM (unnest(ARRAY[%e]), rows_n7())', columns: ['unnest', 'a', 'b', 'd'] },
  { sql: 'ROWS FROM (row_dct(), out_one())', columns: ['b', 'a', 'b'] },
  { sql: 'rec()', columns: [], defined: ['a', 'b'] },
  { sql: 'recs()', columns: [], defined: ['a', 'b'] },
  { sql: 'jsonb_to_recordset(\'[{"a": "p", "b": "q"}]\')', columns: [], defined: ['a', 'b'] },
  { sql: 'json_to_record(\'{"a": "p", "b": "q"}\')', columns: [], defined: ['a', 'b'] },
  { sql: "xmltable('/r/a' PASSING ('<r><a>p</a></r>'::xml) COLUMNS b text PATH '.')", columns: ['b'], plain: true },
  {
    sql: "xmltable('/r/a' PASSING ('<r><a>p</a></r>'::xml) COLUMNS one FOR ORDINALITY, a text PATH '.', d text PATH 'x' DEFAULT (%e))",
    columns: ['one', 'a', 'd'],
    plain: true,
  },
  {
    sql: "json_table('[1, 2]', '$[*]' COLUMNS (a text PATH '$', one FOR ORDINALITY))",
    columns: ['a', 'one'],
    plain: true,
    since: 17,
  },
  {
    sql: "json_table('[{\"a\": \"p\"}]', '$[*]' AS root COLUMNS (NESTED PATH '$' AS deep COLUMNS (b text PATH '$.a'), c text PATH '$.x' DEFAULT 'q' ON EMPTY))",
    columns: ['b', 'c'],
    plain: true,
    since: 17,
  },
];

/** Calls in a select list; those with columns give rows. */
export const scalars: readonly Shape[] = [
  { sql: 'one()', columns: [] },
  { sql: 'safe()', columns: [] },
  { sql: 'domained()', columns: [] },
  { sql: 'out_one()', columns: [] },
  { sql: 'tab_one()', columns: [] },
  { sql: 'out_two()', columns: ['a', 'b'] },
  { sql: 'out_none()', columns: ['column1', 'column2'] },
  { sql: 'out_row()', columns: ['a', 'b', 'c'] },
  { sql: 'row_n1()', columns: ['a', 'b', 'c'] },
  { sql: 'row_ct()', columns: ['a', 'b'] },
  { sql: 'row_dct()', columns: ['a', 'b'] },
  { sql: 'row_dn1()', columns: ['a', 'b', 'c'] },
  { sql: 'rows_n2()', columns: ['a', 'b', 'd'] },
  { sql: 'rows_n7()', columns: ['a', 'b', 'd'] },
  { sql: 'tab()', columns: ['a', 'b'] },
  { sql: "picked('p'::text)", columns: ['c', 'b'] },
];
