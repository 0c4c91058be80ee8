import { readFileSync } from 'node:fs';
import { createDraw, type Draw } from './draw.js';

/** Statements in the order they run in; names of groups say what is compared. */
export interface StatementGroup {
  readonly name: string;
  readonly statements: readonly string[];
  /** Also sent as Parse, Bind, Describe, Execute, with results in text and in binary. */
  readonly extended?: boolean;
}

const cross = <A, B>(left: readonly A[], right: readonly B[], make: (a: A, b: B) => string): readonly string[] =>
  left.flatMap((a) => right.map((b) => make(a, b)));

/** Literals by type; the last of each is one that the type refuses. */
const literals: Readonly<Record<string, readonly string[]>> = {
  bool: ['t', 'no', '2'],
  int2: ['-32768', ' 7 ', '40000'],
  int4: ['2147483647', '-1', 'x'],
  int8: ['9223372036854775807', '0', '9223372036854775808'],
  float4: ['1.5', 'NaN', '1e400'],
  float8: ['0.1', '-Infinity', '1e309'],
  numeric: ['123456789012345678901234567890.123', 'NaN', '1.2.3'],
  'numeric(6,2)': ['1234.567', '-0.004', '12345'],
  money: ['$1,234.56', '-5', 'abc'],
  text: ['', 'Grüße, 世界 🌍', "it''s"],
  'varchar(3)': ['abc', 'ab ', 'abcd'],
  'char(5)': ['ab', '', 'abcdefg'],
  name: ['n', 'a b', 'x'],
  bytea: ['\\xDEADBEEF', 'abc', '\\xZZ'],
  date: ['2024-02-29', 'infinity', '2023-02-29'],
  time: ['23:59:59.999999', '24:00', '25:00'],
  timetz: ['12:00+02', '00:00:00-08', 'noon'],
  timestamp: ['1999-12-31 23:59:59.5', '-infinity', '2024-13-01'],
  timestamptz: ['2024-06-01 12:00:00+02', 'epoch', 'never'],
  interval: ['1 year 2 months -3 days 04:05:06.7', 'P1Y2M', '1 fortnightx'],
  uuid: ['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '{a0eebc999c0b4ef8bb6d6bb9bd380a11}', 'g'],
  inet: ['192.168.1.5/24', '::1', '1.2.3.4.5'],
  cidr: ['10.0.0.0/8', '2001:db8::/32', '10.0.0.1/8'],
  macaddr: ['08:00:2b:01:02:03', '08002b010203', '08:00'],
  macaddr8: ['08:00:2b:01:02:03:04:05', '08002b0102030405', 'zz'],
  json: ['{"a": [1, 2, {"b": null}]}', ' "x" ', '{a:1}'],
  jsonb: ['{"b": 1, "a": 2, "a": 3}', '[1.0, 1e3]', '{"a":}'],
  jsonpath: ['$.a[*] ? (@ > 1)', '$', '$.'],
  xml: ['<a><b>1</b></a>', 'text', '<a>'],
  point: ['(1.5,-2)', '3,4', '(1)'],
  box: ['((0,0),(2,3))', '1,2,3,4', '(1,2)'],
  circle: ['<(1,2),3>', '((0,0),1)', '<(0,0),-1>'],
  path: ['[(0,0),(1,1)]', '((0,0),(1,0),(1,1))', '[]'],
  polygon: ['((0,0),(1,0),(1,1))', '0,0,1,1', '()'],
  lseg: ['[(0,0),(1,1)]', '1,2,3,4', '(1,2)'],
  line: ['{1,-1,0}', '[(0,0),(1,1)]', '{0,0,0}'],
  'bit(4)': ['1010', '0000', '10'],
  varbit: ['1', '101010101', '2'],
  int4range: ['[1,5)', 'empty', '[5,1]'],
  numrange: ['(1.5,2.5]', '[,]', '[a,b]'],
  tsrange: ['[2024-01-01, 2024-02-01)', '(,)', '[x,]'],
  daterange: ['[2024-01-01,2024-01-03]', 'empty', '['],
  int4multirange: ['{[1,3), [5,9)}', '{}', '{[1}'],
  tsvector: ['a fat cat', 'cat:3 fat:2A', "'"],
  tsquery: ['fat & (rat | cat)', '!cat', '&'],
  pg_lsn: ['16/B374D848', '0/0', 'G/0'],
  xid8: ['42', '0', 'x'],
  '"char"': ['a', '', 'abc'],
  regclass: ['pg_class', 'pg_type', 'no_such_table'],
  regtype: ['int4', 'text[]', 'no_such_type'],
  regproc: ['now', 'pg_sleep', 'no_such_function'],
  oid: ['1', '4294967295', '-1x'],
};
const types = Object.keys(literals);

const castStatements = (): readonly string[] =>
  types.flatMap((type) =>
    (literals[type] ?? []).flatMap((literal) => [
      `select '${literal}'::${type} as v`,
      `select array['${literal}', null]::${type.replace(/^"char"$/, 'text')}[] as list, '${literal}'::${type}::text as t, null::${type} as n`,
    ]),
  );

const texts = ["'Hello World'", "''", "'ÄÖÜ straße'", "'a,b,,c'", 'null', "'x' || repeat('y', 9)"];
const textFunctions = [
  'upper(?)',
  'lower(?)',
  'initcap(?)',
  'length(?)',
  'octet_length(?)',
  'reverse(?)',
  'md5(?)',
  'trim(?)',
  'left(?, 3)',
  'right(?, -2)',
  'substr(?, 2, 3)',
  "split_part(?, ',', 2)",
  "replace(?, 'l', 'L')",
  "strpos(?, 'o')",
  'ascii(?)',
  "translate(?, 'abc', 'xyz')",
  'quote_literal(?)',
  'quote_ident(?)',
  'quote_nullable(?)',
  "lpad(?, 20, '*')",
  "regexp_replace(?, '[aeiou]', '#', 'g')",
  "string_to_array(?, ',')",
  "regexp_match(?, '(\\w)(\\w)')",
  "? like '%o%'",
  "? ~* 'H.*o'",
  "encode(convert_to(?, 'UTF8'), 'base64')",
  "concat_ws('-', ?, 1, null, true)",
  'to_json(?::text)',
  "format('%s|%I|%L', ?, 'q', ?)",
  "coalesce(?, 'none')",
  "nullif(?, '')",
  '? collate "C" < \'b\'',
  'hashtext(?) is null',
  "overlay(? placing 'ZZ' from 2 for 1)",
  "position('b' in ?)",
  "starts_with(?, 'H')",
  "regexp_split_to_array(?, '\\s')",
];
const numbers = ['0', '-7', '42', '2.5', '-0.005', '1e10', 'null::int', "'NaN'::float8"];
const numberFunctions = [
  'abs(?)',
  'sign(?)',
  'ceil(?)',
  'floor(?)',
  'round(?::numeric, 1)',
  'trunc((?)::numeric)',
  'sqrt(?)',
  'ln(?)',
  'exp((?)/10)',
  '? % 3',
  '(?)::numeric % 3',
  'power(?, 2)',
  '? / 0',
  '? / 2',
  '? * 1000000000',
  '(?)::int',
  '(?)::text',
  "to_char(?, 'S999,999.00')",
  'greatest(?, 1)',
  '? between 0 and 50',
  '? is distinct from 42',
  'width_bucket(?, 0, 100, 5)',
  'factorial((?)::bigint)',
  'to_hex((?)::int)',
  '(?)::int & 6',
  '(?)::int::bit(8)',
  'degrees(?)',
  'scale((?)::numeric)',
];
const times = [
  "timestamp '2024-02-29 13:14:15.678'",
  "timestamptz '2001-09-09 01:46:40+00'",
  "timestamp 'infinity'",
  "date '1970-01-01'",
];
const fields = [
  'year',
  'month',
  'day',
  'hour',
  'minute',
  'second',
  'dow',
  'doy',
  'isodow',
  'week',
  'quarter',
  'epoch',
  'century',
  'microseconds',
  'nonsense',
];
const formats = [
  'YYYY-MM-DD HH24:MI:SS.US',
  'Day, DD Mon YYYY',
  'IYYY-IW-ID',
  'HH12:MI AM',
  'J Q WW',
  'FMMonth FMDDth',
];
const units = ['year', 'month', 'week', 'day', 'hour', 'minute', 'decade', 'bogus'];

const documents = [
  `'{"a": {"b": [1, "two", null, {"c": true}]}, "d": 1.50, "e": "x"}'`,
  `'[1, [2, 3], {"k": "v"}]'`,
  `'"scalar"'`,
  `'null'`,
];
const jsonFunctions = [
  "?::json -> 'a'",
  "?::jsonb ->> 'd'",
  "?::jsonb #> '{a,b,1}'",
  "?::jsonb #>> '{a,b,3,c}'",
  "?::jsonb ? 'e'",
  '?::jsonb @> \'{"e": "x"}\'',
  'jsonb_typeof(?)',
  'jsonb_pretty(?)',
  "jsonb_set(?, '{e}', '9')",
  "?::jsonb - 'a'",
  '?::jsonb || \'{"z": 1}\'',
  'jsonb_array_length(?)',
  'jsonb_strip_nulls(?)',
  "jsonb_path_query_array(?, '$.**')",
  "jsonb_path_exists(?, '$.a.b[*] ? (@ == 1)')",
  "jsonb_insert(?, '{a,b,0}', '0')",
  'json_typeof(?)',
  'to_tsvector(?::jsonb)',
  'md5(?::jsonb::text)',
];

const setReturning = [
  'generate_series(1, 5)',
  'generate_series(1, 2, 0.25)',
  "generate_series(date '2024-01-30', '2024-02-02', interval '1 day')",
  'unnest(array[1, null, 3])',
  "unnest('{a,b}'::text[], array[1, 2, 3])",
  "regexp_split_to_table('a b c', ' ')",
  'jsonb_each(\'{"a": 1, "b": null}\')',
  'jsonb_array_elements_text(\'[1, "x", null]\')',
  'json_to_recordset(\'[{"a": 1, "b": "x"}]\') as r(a int, b text)',
  "string_to_table('1,2', ',')",
  "rows from (generate_series(1, 2), unnest(array['x', 'y', 'z'])) with ordinality as t(a, b, n)",
  'generate_subscripts(array[5, 6], 1)',
  "regexp_matches('abcabc', '(b)(c)', 'g')",
  'jsonb_object_keys(\'{"q": 1, "p": 2}\')',
  "pg_options_to_table('{a=b,c}')",
];

/** Operators over every pair of number types, with overflow among them. */
const operators = cross(
  cross(
    ['int2', 'int4', 'int8', 'float8', 'numeric'],
    ['int2', 'int4', 'int8', 'float4', 'numeric'],
    (a, b) => `${a} ${b}`,
  ),
  ['+', '-', '*', '/', '<=', '<>'],
  (pair, operator) => `select 7::${pair.split(' ')[0] ?? ''} ${operator} 3::${pair.split(' ')[1] ?? ''} as v`,
);

/** Queries drawn from a small grammar over the tables above. */
function drawnQueries(draw: Draw, count: number): readonly string[] {
  const columns = [
    'p.id',
    'p.name',
    'p.born',
    'p.score',
    'p.tags',
    'p.info',
    'p.active',
    'o.id',
    'o.total',
    'o.note',
    'o.placed',
  ];
  const expressions = [
    'p.score + 1',
    'upper(p.name)',
    'coalesce(o.note, p.name)',
    'p.born is null',
    "o.total > '$20'::money",
    'array_length(p.tags, 1)',
    "p.info ->> 'k'",
    'case when p.active then 1 else 0 end',
    'add_one(p.id)',
    'row(p.id, p.name)',
    'p.name || o.note',
    'extract(year from p.born)',
    'p.id::text',
    '(select count(*) from parts)',
    'p',
    'row_number() over (order by p.id, o.id)',
    'sum(p.score) over (partition by p.active order by p.id, o.id)',
    'p.missing',
    'lag(p.name) over (order by p.id, o.id)',
    "o.placed at time zone 'UTC'",
  ];
  const joins = [
    'join orders o on o.person = p.id',
    'left join orders o on o.person = p.id',
    'full join orders o on o.person = p.id',
    'cross join (select * from orders order by id limit 2) o',
    'left join lateral (select * from orders where person = p.id limit 1) o on true',
  ];
  const conditions = [
    'p.id < 4',
    'p.score between 1 and 20',
    "p.name like 'A%'",
    'o.id is not null',
    "'math' = any(p.tags)",
    'exists (select from parts where v = p.id)',
    'p.id in (select person from orders)',
    "p.born > '1900-01-01'",
    'not p.active',
    'p.name > 5',
    'p.info @> \'{"k": 1}\'',
  ];
  const aggregates = [
    'count(*)',
    'count(distinct p.active)',
    'avg(p.score)',
    'max(o.note)',
    "string_agg(p.name, ',' order by p.id, o.id)",
    'bool_and(p.active)',
    'json_agg(p.id order by p.id, o.id)',
    'array_agg(o.note order by o.id)',
    'min(p.born) filter (where p.active)',
    'percentile_cont(0.5) within group (order by p.score)',
  ];
  return Array.from({ length: count }, () => {
    const from = `from people p ${draw.pick(joins)}`;
    const where =
      draw.between(0, 2) === 0
        ? ''
        : ` where ${draw.pick(conditions)}${draw.pick(['', ` and ${draw.pick(conditions)}`, ` or ${draw.pick(conditions)}`])}`;
    if (draw.between(0, 3) === 0) {
      const having = draw.pick(['', ' having count(*) > 1']);
      const grouping = draw.pick([
        'p.active',
        'p.active, o.note',
        'rollup (p.active)',
        'grouping sets ((p.active), ())',
      ]);
      return `select p.active, ${draw.pick(aggregates)} as a, ${draw.pick(aggregates)} as b ${from}${where} group by ${grouping}${having} order by 1, 2, 3`;
    }
    const list = Array.from({ length: draw.between(1, 4) }, () => draw.pick([...columns, ...expressions])).map(
      (item, at) => `${item} as c${at}`,
    );
    const more = draw.pick(['', '', ' limit 3', ' offset 2', ' fetch first 1 row only', ' limit 2 for update of p']);
    return `select ${draw.pick(['', '', 'all '])}${list.join(', ')} ${from}${where} order by p.id, o.id${more}`;
  });
}

const setOperations = cross(
  cross(
    ['select 1', 'values (1), (null)', 'select id from people where id < 4'],
    ['select 1', 'select 2 union select 3', "select 'x'"],
    (a, b) => `${a}|${b}`,
  ),
  ['union', 'union all', 'intersect', 'except', 'except all'],
  (pair, operator) => {
    const [left = '', right = ''] = pair.split('|');
    return `(${left}) ${operator} (${right}) order by 1`;
  },
);

/** One statement a line, in the order they run in. */
function vectors(name: string): readonly string[] {
  const file = new URL(`../vectors/statements/${name}.sql`, import.meta.url);
  return readFileSync(file, 'utf8').replace(/\n$/, '').split('\n');
}

/** More than 2,000 statements, the same for a seed. */
export function sqlStatements(seed: number): readonly StatementGroup[] {
  const draw = createDraw(seed);
  const put = (forms: readonly string[], values: readonly string[]): readonly string[] =>
    cross(forms, values, (form, value) => `select ${form.replaceAll('?', value)} as v`);
  const json = cross(jsonFunctions, documents, (form, value) =>
    form.startsWith('?') ? `select ${value}${form.slice(1)} as v` : `select ${form.replace('?', value)} as v`,
  );
  return [
    { name: 'schema', statements: vectors('schema') },
    { name: 'literals and casts', statements: castStatements(), extended: true },
    { name: 'text functions', statements: put(textFunctions, texts) },
    { name: 'number functions', statements: put(numberFunctions, numbers) },
    { name: 'operators', statements: operators },
    {
      name: 'parts of times',
      statements: cross(times, fields, (time, field) => `select extract(${field} from ${time})`),
    },
    {
      name: 'forms of times',
      statements: cross(times, formats, (time, format) => `select to_char(${time}, '${format}')`),
    },
    {
      name: 'arithmetic of times',
      statements: cross(
        times,
        units,
        (time, unit) => `select date_trunc('${unit}', ${time}), ${time} + interval '1 ${unit}'`,
      ),
    },
    { name: 'JSON', statements: json },
    { name: 'functions that return sets', statements: setReturning.map((call) => `select * from ${call}`) },
    { name: 'rows written', statements: vectors('rows') },
    { name: 'drawn queries', statements: drawnQueries(draw, 600), extended: true },
    { name: 'set operations', statements: setOperations, extended: true },
    ...['transactions', 'cursors', 'notices', 'errors', 'settings', 'copies'].map((name) => ({
      name,
      statements: vectors(name),
    })),
    // What GUI clients ask of the catalog; no OIDs are shown, which differ from one database to the next.
    { name: 'catalog', statements: vectors('catalog') },
    { name: 'definitions', statements: vectors('definitions') },
  ];
}
