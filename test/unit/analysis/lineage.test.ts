import { describe, expect, it } from 'vitest';
import { inferred, only, outputText, shopAnalyser } from './shop.js';

const analyse = await shopAnalyser();
const all =
  'id, name, email<customers.email>, phone<customers.phone>, card_number<customers.card_number>, ' +
  'national_id<customers.national_id>, city, tags<customers.tags>, profile<customers.profile>';
const row =
  '~customers.email+customers.phone+customers.card_number+customers.national_id+customers.tags+customers.profile';

/** Outputs that show protected values and nothing beside them. */
const outputs: readonly (readonly [sql: string, output: string])[] = [
  ['SELECT * FROM customers', all],
  ['SELECT c.* FROM customers AS c', all],
  ['TABLE customers', all],
  ['SELECT id, name, city FROM customers', 'id, name, city'],
  ['SELECT email AS name, name AS email FROM customers', 'name<customers.email>, email'],
  ['SELECT public.customers.email FROM public.customers', 'email<customers.email>'],
  ['SELECT "email" FROM CUSTOMERS', 'email<customers.email>'],
  [`SELECT U&"\\0065mail" FROM customers`, 'email<customers.email>'],
  [`SELECT U&"!0065mail" UESCAPE '!' FROM customers`, 'email<customers.email>'],
  ['SELECT d FROM customers AS u(a, b, c, d)', 'd<customers.phone>'],
  ['SELECT e FROM (SELECT email AS e FROM customers) s', 'e<customers.email>'],
  ['SELECT s.* FROM (SELECT id, email FROM customers) AS s(x, y)', 'x, y<customers.email>'],
  ['WITH w AS (SELECT email e FROM customers) SELECT e FROM w', 'e<customers.email>'],
  ['WITH w(x) AS (SELECT email FROM customers) SELECT x || 1 FROM w', '?column?<~customers.email>'],
  ['WITH a AS (SELECT email e FROM customers), b AS (SELECT e FROM a) TABLE b', 'e<customers.email>'],
  [
    'WITH RECURSIVE t AS (SELECT id, email e FROM customers WHERE id=1 UNION ALL SELECT c.id, t.e FROM customers c JOIN t ON c.id=t.id+1) SELECT * FROM t',
    'id, e<customers.email>',
  ],
  [
    "WITH RECURSIVE t(n, v) AS (SELECT 1, 'a' UNION ALL SELECT n+1, (SELECT phone FROM customers WHERE id = n) FROM t) SELECT v FROM t",
    'v<~customers.phone>',
  ],
  [
    'WITH RECURSIVE a AS (SELECT id FROM orders), orders AS (SELECT email AS id FROM customers) SELECT id FROM a',
    'id<customers.email>',
  ],
  ['SELECT email FROM customers UNION ALL SELECT status FROM orders', 'email<~customers.email>'],
  ['SELECT status FROM orders UNION ALL SELECT email FROM customers', 'status<~customers.email>'],
  ['SELECT email FROM customers UNION ALL SELECT email FROM customers', 'email<customers.email>'],
  ['SELECT contact FROM contacts', 'contact<customers.email>'],
  ['SELECT * FROM contacts', 'id, contact<customers.email>, lowered<~customers.email>'],
  ['SELECT * FROM nested', 'c2<customers.email>, name'],
  ['SELECT contact FROM mat_contacts', 'contact<customers.email>'],
  ['SELECT * FROM order_totals', 'id, total, name'],
  ['SELECT * FROM people', 'id, ssn<people.ssn>, region'],
  ['SELECT * FROM people_eu', 'ssn<people_eu.ssn>, region, id'],
  ['SELECT c FROM customers c', `c<${row}>`],
  ['SELECT c::text FROM customers c', `c<${row}>`],
  ['SELECT (c).* FROM customers c', all],
  ['SELECT (c).email FROM customers c', 'email<customers.email>'],
  ['SELECT (c).name FROM customers c', 'name'],
  ['SELECT c.email FROM (SELECT c AS c FROM customers c) s, LATERAL (SELECT (s.c).*) AS c', 'email<customers.email>'],
  ['SELECT email(c), name(c) FROM customers c', 'email<customers.email>, name'],
  ['SELECT row_to_json(c), to_jsonb(c.*) FROM customers c', `row_to_json<${row}>, to_jsonb<${row}>`],
  ["SELECT format('%s', c) FROM customers c", `format<${row}>`],
  ['SELECT ROW(c.id, c.email) FROM customers c', 'row<~customers.email>'],
  ['SELECT (ROW(c.id, c.email)).f2 FROM customers c', 'f2<customers.email>'],
  [
    'SELECT max(email), min(id), count(email), count(*) FROM customers',
    'max<~customers.email>, min, count<~customers.email>, count',
  ],
  [
    'SELECT lag(email) OVER (ORDER BY id), row_number() OVER (ORDER BY id) FROM customers',
    'lag<~customers.email>, row_number',
  ],
  [
    "SELECT string_agg(email, ',' ORDER BY id), array_agg(phone) FROM customers",
    'string_agg<~customers.email>, array_agg<~customers.phone>',
  ],
  ['SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY salary) FROM employees', 'percentile_cont<~employees.salary>'],
  [
    "SELECT md5(email), encode(email::bytea, 'hex') FROM contacts, customers",
    'md5<~customers.email>, encode<~customers.email>',
  ],
  [
    'SELECT reverse(card_number), substr(card_number, 1, 4) FROM payments',
    'reverse<~payments.card_number>, substr<~payments.card_number>',
  ],
  [
    'SELECT email::text, salary::text, salary::numeric FROM customers, employees',
    'email<~customers.email>, salary<~employees.salary>, salary<~employees.salary>',
  ],
  [
    'SELECT salary * 12, salary / 12, salary + bonus FROM employees',
    '?column?<~employees.salary>, ?column?<~employees.salary>, ?column?<~employees.salary>',
  ],
  ["SELECT coalesce(email, name, 'x') FROM customers", 'coalesce<~customers.email>'],
  ["SELECT CASE WHEN id > 1 THEN email ELSE 'x' END FROM customers", 'case<~customers.email>'],
  [
    'SELECT ARRAY[email, name], tags[1], ARRAY(SELECT phone FROM customers) FROM customers',
    'array<~customers.email>, tags<~customers.tags>, array<~customers.phone>',
  ],
  [
    "SELECT profile->'a', profile->>'b', profile #>> '{c}' FROM customers",
    '?column?<~customers.profile>, ?column?<~customers.profile>, ?column?<~customers.profile>',
  ],
  [
    "SELECT email = 'x', email IS NULL, email LIKE 'a%' FROM customers",
    '?column?<~customers.email>, ?column?<~customers.email>, ?column?<~customers.email>',
  ],
  ["SELECT 'x' IN (SELECT email FROM customers)", '?column?<~customers.email>'],
  ['SELECT (SELECT email FROM customers LIMIT 1)', 'email<customers.email>'],
  [
    'SELECT l.e FROM orders o, LATERAL (SELECT email e FROM customers c WHERE c.id = o.customer_id) l',
    'e<customers.email>',
  ],
  ['SELECT o.id, c.email FROM orders o LEFT JOIN customers c ON c.id = o.customer_id', 'id, email<customers.email>'],
  [
    'SELECT j.email FROM (orders o JOIN customers c ON c.id = o.customer_id) AS j(a, b, c, d, e, f, email)',
    'email<customers.email>',
  ],
  ['SELECT id FROM customers JOIN orders USING (id)', 'id'],
  [
    'SELECT GREATEST(email, name), LEAST(name, city), NULLIF(phone, name) FROM customers',
    'greatest<~customers.email>, least, nullif<~customers.phone>',
  ],
  ['VALUES (1, (SELECT email FROM customers LIMIT 1))', 'column1, column2<customers.email>'],
  ['SELECT customer_email(1), customer_name(1)', 'customer_email<~customers.email>, customer_name'],
  ['SELECT atomic(), plus_one(1)', 'atomic<~customers.phone>, plus_one'],
  ['SELECT identity(email), identity(name) FROM customers', 'identity<~customers.email>, identity'],
  ['SELECT email FROM all_customers()', 'email<customers.email>'],
  ['SELECT * FROM all_customers()', all],
  [
    "UPDATE customers SET name = 'x' WHERE id = 1 RETURNING id, email, lower(phone)",
    'id, email<customers.email>, lower<~customers.phone>',
  ],
  ['DELETE FROM customers WHERE id = 1 RETURNING *', all],
  ["INSERT INTO customers (id, email) VALUES (1, 'a') RETURNING email", 'email<customers.email>'],
  ['WITH d AS (DELETE FROM customers WHERE id = 1 RETURNING email AS e) SELECT e FROM d', 'e<customers.email>'],
  ['COPY customers (id, email) TO STDOUT', 'id, email<customers.email>'],
  ['COPY (SELECT upper(email) FROM customers) TO STDOUT', 'upper<~customers.email>'],
  ['SELECT 1, now(), current_user', '?column?, now, current_user'],
  ['SELECT $1::text', 'text'],
  ['SHOW search_path', 'search_path'],
  ['EXPLAIN SELECT * FROM orders', 'QUERY PLAN'],
];

/** Shapes from which a protected value can be inferred. */
const shapes: readonly (readonly [sql: string, ...columns: string[]])[] = [
  ["SELECT id FROM customers WHERE email = 'x'", 'customers.email'],
  ["SELECT count(*) FROM customers WHERE email LIKE 'a%' AND id < 5", 'customers.email'],
  ['SELECT o.id FROM orders o JOIN customers c ON c.phone = o.status', 'customers.phone'],
  ['SELECT 1 FROM customers JOIN payments USING (card_number)', 'customers.card_number', 'payments.card_number'],
  ['SELECT 1 FROM customers NATURAL JOIN payments', 'customers.card_number', 'payments.card_number'],
  ['SELECT id FROM customers ORDER BY email', 'customers.email'],
  ['SELECT id, email FROM customers ORDER BY 2', 'customers.email'],
  ['SELECT id, email AS e FROM customers ORDER BY e', 'customers.email'],
  ['SELECT count(*) FROM customers GROUP BY email', 'customers.email'],
  ['SELECT email AS e, count(*) FROM customers GROUP BY e', 'customers.email'],
  ['SELECT email, count(*) FROM customers GROUP BY 1', 'customers.email'],
  ['SELECT count(*) FROM customers GROUP BY ROLLUP (city, phone)', 'customers.phone'],
  ['SELECT city FROM customers GROUP BY city HAVING max(email) > $1', 'customers.email'],
  ['SELECT DISTINCT email FROM customers', 'customers.email'],
  ['SELECT DISTINCT ON (phone) id FROM customers', 'customers.phone'],
  ['SELECT id FROM orders LIMIT (SELECT length(email) FROM customers LIMIT 1)', 'customers.email'],
  ['SELECT id FROM orders OFFSET (SELECT salary FROM employees LIMIT 1)', 'employees.salary'],
  ["SELECT email FROM customers INTERSECT SELECT 'x'", 'customers.email'],
  ["SELECT email FROM customers UNION SELECT 'x'", 'customers.email'],
  ["SELECT email FROM customers EXCEPT ALL SELECT 'x'", 'customers.email'],
  ['SELECT id FROM orders WHERE EXISTS (SELECT 1 FROM customers WHERE email = status)', 'customers.email'],
  ['SELECT id FROM orders WHERE status IN (SELECT email FROM customers)', 'customers.email'],
  ["SELECT CASE WHEN email < 'm' THEN 1 ELSE 2 END FROM customers", 'customers.email'],
  ["SELECT count(*) FILTER (WHERE email = 'x') FROM customers", 'customers.email'],
  ['SELECT rank() OVER (ORDER BY salary) FROM employees', 'employees.salary'],
  ['SELECT count(*) OVER w FROM employees WINDOW w AS (PARTITION BY salary)', 'employees.salary'],
  ['SELECT count(DISTINCT email) FROM customers', 'customers.email'],
  ["SELECT string_agg(name, ',' ORDER BY email) FROM customers", 'customers.email'],
  ['SELECT id FROM contacts WHERE lowered > $1', 'customers.email'],
  ['SELECT g FROM customers, generate_series(1, length(email)) g', 'customers.email'],
  ['SELECT x.key FROM customers, jsonb_each_text(profile) x', 'customers.profile'],
  ['SELECT unnest(tags) FROM customers', 'customers.tags'],
  ['SELECT generate_series(1, salary) FROM employees', 'employees.salary'],
  ['SELECT opaque(email) FROM customers', 'customers.email'],
  ["SELECT digest(email, 'sha256') FROM customers", 'customers.email'],
  ["SELECT set_config('application_name', email, false) FROM customers", 'customers.email'],
  ["SELECT pg_notify('x', email) FROM customers", 'customers.email'],
  ['SELECT pg_sleep(salary) FROM employees', 'employees.salary'],
  // Bit oracles: whether it fails tells the value.
  ['SELECT 1 / (salary - 1000) FROM employees', 'employees.salary'],
  ['SELECT salary / bonus FROM employees', 'employees.salary'],
  ['SELECT salary + 2147483000 FROM employees', 'employees.salary'],
  ['SELECT salary * 100 * 100 FROM employees', 'employees.salary'],
  ['SELECT salary::numeric(5,0) FROM employees', 'employees.salary'],
  ["SELECT (email = 'x')::int FROM customers", 'customers.email'],
  ["SELECT replace(email, 'bob', '1')::int FROM customers", 'customers.email'],
  ["SELECT coalesce(nullif(email, 'x'), (1/id)::text) FROM customers", 'customers.email'],
  ["SELECT email = 'x' AND 1/id = 1 FROM customers", 'customers.email'],
  ["SELECT coalesce(nullif(email, 'x'), (SELECT name FROM customers)) FROM customers", 'customers.email'],
  ["SELECT json_build_object(nullif(email, 'x'), 1) FROM customers", 'customers.email'],
  ["SELECT format('%I', nullif(email, 'x')) FROM customers", 'customers.email'],
  ['SELECT substr(name, 1, length(email) - 5) FROM customers', 'customers.email'],
  ['SELECT repeat(name, salary) FROM employees', 'employees.salary'],
  ['SELECT name ~ email FROM customers', 'customers.email'],
  ['SELECT x FROM (SELECT id, 1/(salary-5) AS x FROM employees OFFSET 0) s', 'employees.salary'],
  // Laundering.
  ['INSERT INTO notes SELECT id, email FROM customers', 'customers.email'],
  ['INSERT INTO notes VALUES (1, (SELECT email FROM customers LIMIT 1))', 'customers.email'],
  ['UPDATE customers SET name = email WHERE id = 1', 'customers.email'],
  ['UPDATE customers SET (name, city) = (phone, email) WHERE id = 1', 'customers.email', 'customers.phone'],
  ['UPDATE notes SET body = c.email FROM customers c WHERE c.id = notes.id', 'customers.email'],
  ["UPDATE customers SET name = 'x' WHERE email = 'y'", 'customers.email'],
  ["DELETE FROM customers WHERE email = 'y'", 'customers.email'],
  ['DELETE FROM notes USING customers c WHERE c.phone = notes.body', 'customers.phone'],
  ["INSERT INTO customers (id, email) VALUES (1, 'a') ON CONFLICT (email) DO NOTHING", 'customers.email'],
  ["INSERT INTO customers (id, email) VALUES (1, 'a') ON CONFLICT DO NOTHING", 'customers.email'],
  ['INSERT INTO customers (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = customers.email', 'customers.email'],
  [
    "INSERT INTO customers (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'x' WHERE customers.phone = 'y'",
    'customers.phone',
  ],
  [
    'MERGE INTO notes n USING customers c ON c.id = n.id WHEN MATCHED THEN UPDATE SET body = c.email',
    'customers.email',
  ],
  ['MERGE INTO notes n USING customers c ON c.phone = n.body WHEN MATCHED THEN DELETE', 'customers.phone'],
  ['CREATE TABLE t AS SELECT email FROM customers', 'customers.email'],
  ['CREATE TEMP TABLE t AS SELECT upper(email) FROM customers', 'customers.email'],
  ['SELECT email INTO t FROM customers', 'customers.email'],
  ["COPY (SELECT email FROM customers) TO '/tmp/x'", 'customers.email'],
  ["COPY customers (phone) TO PROGRAM 'cat'", 'customers.phone'],
  ['ALTER TABLE customers RENAME COLUMN email TO x', 'customers.email'],
  ['ALTER TABLE employees RENAME TO staff', 'employees.salary'],
  ['ALTER TABLE employees SET SCHEMA other', 'employees.salary'],
  ['ALTER TABLE customers ALTER COLUMN name TYPE text USING email', 'customers.email'],
  ['ALTER TABLE employees ADD COLUMN s int GENERATED ALWAYS AS (salary) STORED', 'employees.salary'],
  ['ALTER TABLE employees ADD CHECK (salary > 1000)', 'employees.salary'],
  ['ALTER TABLE people DETACH PARTITION people_eu', 'people_eu.ssn'],
  ['CREATE UNIQUE INDEX ON employees (salary)', 'employees.salary'],
  ['CREATE INDEX ON employees ((1/(salary-5)))', 'employees.salary'],
  ['CREATE VIEW v AS SELECT id FROM customers WHERE email = $$x$$', 'customers.email'],
  ["EXPLAIN SELECT * FROM customers WHERE email = 'x'", 'customers.email'],
  ['EXECUTE p((SELECT email FROM customers LIMIT 1))', 'customers.email'],
  ['DECLARE c CURSOR FOR SELECT id FROM customers ORDER BY email', 'customers.email'],
];

/** Statements over protected tables that infer nothing. */
const harmless = [
  'SELECT * FROM customers',
  'SELECT id, lower(name) FROM customers WHERE id > 5 ORDER BY name LIMIT 10',
  'SELECT city, count(*), max(email) FROM customers GROUP BY city',
  'SELECT email, upper(phone), length(card_number) FROM customers',
  'SELECT salary * 12, round(salary / 12), -salary, salary + 100, salary - salary FROM employees',
  'SELECT avg(salary), sum(salary), dept FROM employees GROUP BY dept',
  "SELECT json_build_object('email', email, 'name', name) FROM customers",
  'SELECT json_agg(c) FROM customers c',
  "INSERT INTO customers (id, email) VALUES (1, 'a@b.c')",
  "UPDATE customers SET email = 'x', phone = $1 WHERE id = 2",
  'DELETE FROM customers WHERE id = 2',
  'CREATE MATERIALIZED VIEW m AS SELECT id, email FROM customers',
  'CREATE VIEW v AS SELECT id, email FROM customers',
  'CREATE INDEX ON customers (email)',
  'ALTER TABLE customers ADD COLUMN note text',
  'SELECT c.id FROM customers c JOIN orders o ON o.customer_id = c.id',
  "SELECT o.id FROM orders o WHERE o.status = 'new' AND total / 2 > 5",
  'SELECT DISTINCT city FROM customers',
  'SELECT id FROM orders UNION SELECT id FROM customers',
];

describe('lineage of outputs', () => {
  it.each(outputs)('%s', (sql, expected) => {
    const statement = only(analyse(sql));
    expect(outputText(statement)).toBe(expected);
  });
});

describe('shapes that can be inferred from', () => {
  it.each(shapes.map(([sql, ...columns]) => ({ sql, columns })))('$sql', ({ sql, columns }) => {
    expect(inferred(only(analyse(sql)))).toEqual(columns);
  });

  it.each(harmless)('finds no inference in %s', (sql) => {
    expect(inferred(only(analyse(sql)))).toEqual([]);
  });
});

describe('what cannot be resolved', () => {
  const everything = inferred(only(analyse('SELECT * FROM pg_stats')));

  it('takes statistics for inference on every protected column', () => {
    expect(everything).toContain('customers.email');
    expect(everything).toContain('people_eu.ssn');
    expect(everything.length).toBe(10);
  });

  it.each([
    ['SELECT opaque(name) FROM customers', 'opaque<?>'],
    ["SELECT query_to_xml('select 1', true, true, '')", 'query_to_xml<?>'],
    ["SELECT length(query_to_xml('select 1', true, true, '')::text)", 'length<?>'],
    ['SELECT pid, query, state FROM pg_stat_activity', 'pid, query<?>, state'],
    ['SELECT rolname, rolpassword FROM pg_authid', 'rolname, rolpassword<?>'],
    ['SELECT most_common_vals FROM pg_stats', 'most_common_vals<?>'],
    ['SELECT data FROM pg_largeobject', 'data<?>'],
    ['SELECT * FROM not_there', 'unknown'],
    ['SELECT x FROM not_there', 'x<?>'],
    ['SELECT not_there(1)', 'not_there<?>'],
    ['SELECT recursive()', 'recursive<?>'],
    ['SELECT x FROM loop', 'x<?>'],
    ['SELECT x FROM broken', 'x<?>'],
    ['SELECT c.nothing FROM customers c', 'nothing<?>'],
    ["SELECT word FROM ts_stat('select 1')", 'word<?>'],
    ['SELECT x FROM pg_temp_3.t AS x', 'x<?>'],
    ['EXPLAIN SELECT opaque(name) FROM customers', 'QUERY PLAN<?>'],
    ['FETCH ALL FROM c', 'unknown'],
    ['EXECUTE p', 'unknown'],
  ])('%s', (sql, expected) => {
    const statement = only(analyse(sql));
    expect(outputText(statement)).toBe(expected);
    expect(statement.touchesProtected || expected.includes('?')).toBe(true);
  });

  it('infers everything from an unknown value in a shape', () => {
    expect(inferred(only(analyse('SELECT 1 FROM orders WHERE opaque(status) = $1')))).toEqual(everything);
    expect(inferred(only(analyse('DO $$ begin null; end $$')))).toEqual(everything);
  });

  it('distrusts what follows a change of the catalog in the same query', () => {
    const query = analyse('CREATE TEMP VIEW orders AS SELECT email AS id FROM customers; SELECT id FROM orders');
    const [, second] = query.ok ? query.statements : [];
    expect(second?.output).toBe('unknown');
    expect(second?.touchesProtected).toBe(true);
  });
});

describe('touching protected relations', () => {
  it.each([
    ['SELECT id FROM customers', true],
    ['SELECT 1 FROM order_totals', true],
    ['SELECT customer_name(1)', true],
    ['INSERT INTO customers (id) VALUES (1)', true],
    ['SELECT * FROM orders', false],
    ['SELECT * FROM plain_orders', false],
    ['SELECT relname FROM pg_class', false],
    ['SELECT 1', false],
    ['SELECT * FROM not_there', true],
  ])('%s: %s', (sql, expected) => {
    expect(only(analyse(sql)).touchesProtected).toBe(expected);
  });
});

describe('without a classification', () => {
  it('masks nothing and infers nothing', async () => {
    const bare = await shopAnalyser(15, { target: 'demo-db', columns: [] });
    for (const sql of [
      'SELECT * FROM customers ORDER BY email',
      'SELECT opaque(email) FROM customers',
      'SELECT * FROM pg_stats',
    ]) {
      const statement = only(bare(sql));
      expect(inferred(statement)).toEqual([]);
    }
    expect(outputText(only(bare('SELECT email, opaque(name) FROM customers')))).toBe('email, opaque');
  });
});
