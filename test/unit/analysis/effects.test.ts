import { describe, expect, it } from 'vitest';
import { effectText, only, shopAnalyser } from './shop.js';

const analyse = await shopAnalyser();

/** All effects but `infer`, which the tests of lineage look at. */
function effects(sql: string): readonly string[] {
  return only(analyse(sql))
    .effects.filter((effect) => effect.action !== 'infer')
    .map(effectText);
}

/** Statements and all their effects, in any order. `@` is the database itself. */
const cases: readonly (readonly [sql: string, ...effects: string[]])[] = [
  ['SELECT 1'],
  ['SELECT id FROM orders', 'select public.orders'],
  ['SELECT id FROM ORDERS -- comment /* DROP TABLE */', 'select public.orders'],
  ['SELECT id FROM /* /* nested */ */ orders', 'select public.orders'],
  ['SELECT * FROM pg_catalog.pg_class', 'select pg_catalog.pg_class'],
  ['SELECT * FROM pg_class', 'select pg_catalog.pg_class'],
  ['SELECT * FROM orders FOR UPDATE', 'select public.orders', 'lockRow public.orders'],
  [
    'SELECT * FROM orders o, notes n FOR SHARE OF n',
    'select public.orders',
    'select public.notes',
    'lockRow public.notes',
  ],
  ['SELECT * INTO t FROM orders', 'select public.orders', 'create public.t {table}', 'insert public.t {table}'],
  ['CREATE TABLE t AS TABLE orders', 'select public.orders', 'create public.t {table}', 'insert public.t {table}'],
  ['CREATE TEMP TABLE t AS SELECT 1', 'create pg_temp.t {table} temp', 'insert pg_temp.t {table} temp'],
  ['INSERT INTO orders VALUES (1)', 'insert public.orders'],
  ['INSERT INTO notes SELECT id, status FROM orders', 'insert public.notes', 'select public.orders'],
  [
    'INSERT INTO orders VALUES (1) ON CONFLICT (id) DO UPDATE SET status = $1',
    'insert public.orders',
    'update public.orders',
  ],
  ['UPDATE orders SET status = 1 WHERE id = 2', 'update public.orders'],
  ['UPDATE orders SET status = 1', 'update public.orders !unfiltered'],
  ['DELETE FROM orders WHERE id = 2', 'delete public.orders'],
  ['DELETE FROM ONLY orders', 'delete public.orders !unfiltered'],
  ['DELETE FROM orders USING notes WHERE notes.id = orders.id', 'delete public.orders', 'select public.notes'],
  [
    'MERGE INTO orders o USING notes n ON n.id = o.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1)',
    'merge public.orders',
    'select public.notes',
    'delete public.orders',
    'insert public.orders',
  ],
  ['TRUNCATE orders, notes', 'truncate public.orders', 'truncate public.notes'],
  ['WITH d AS (DELETE FROM orders RETURNING *) SELECT * FROM d', 'delete public.orders !unfiltered'],
  ['WITH d AS (DELETE FROM orders WHERE id = 1) SELECT 1', 'delete public.orders'],
  ['SELECT (WITH x AS (SELECT 1) SELECT 1 FROM notes)', 'select public.notes'],
  ['COPY orders TO STDOUT', 'select public.orders', 'copyOut public.orders'],
  ['COPY orders FROM STDIN', 'insert public.orders', 'copyIn public.orders'],
  ['COPY (SELECT * FROM orders) TO STDOUT', 'select public.orders', 'copyOut public.orders'],
  ['COPY (DELETE FROM orders RETURNING id) TO STDOUT', 'delete public.orders !unfiltered', 'copyOut @'],
  ["COPY orders TO '/tmp/x'", 'select public.orders', 'copyOut public.orders', 'copyFile @ {file}'],
  ["COPY orders FROM PROGRAM 'id'", 'insert public.orders', 'copyIn public.orders', 'copyProgram @ {program}'],
  ["COPY orders TO PROGRAM 'id'", 'select public.orders', 'copyOut public.orders', 'copyProgram @ {program}'],
  [
    "COPY orders TO STDOUT (ENCODING 'SJIS')",
    'setParameter client_encoding {client_encoding}',
    'select public.orders',
    'copyOut public.orders',
  ],
  ['EXPLAIN DELETE FROM orders', 'explain public.orders !unfiltered', 'explain @'],
  ['EXPLAIN SELECT * FROM orders', 'select public.orders', 'explain public.orders', 'explain @'],
  [
    'EXPLAIN (ANALYZE) DELETE FROM orders',
    'delete public.orders !unfiltered',
    'explain public.orders !unfiltered',
    'explain @ {analyze}',
  ],
  ['EXPLAIN (ANALYZE false) DELETE FROM orders', 'explain public.orders !unfiltered', 'explain @'],
  // Functions.
  ['SELECT lower(status), now(), random(), nextval($1) FROM orders', 'select public.orders'],
  ["SELECT pg_read_file('x')", 'callFunction pg_catalog.pg_read_file [builtin volatile]'],
  ["SELECT ('x'::text).pg_read_file", 'callFunction pg_catalog.pg_read_file [builtin volatile]'],
  ["SELECT * FROM pg_ls_dir('/')", 'callFunction pg_catalog.pg_ls_dir [builtin volatile]'],
  ["SELECT pg_catalog.lo_import('x')", 'callFunction pg_catalog.lo_import [builtin volatile]'],
  ['SELECT pg_terminate_backend(1)', 'callFunction pg_catalog.pg_terminate_backend [builtin volatile]'],
  [
    'SELECT pg_sleep(1), pg_advisory_lock(1)',
    'callFunction pg_catalog.pg_sleep [builtin volatile]',
    'callFunction pg_catalog.pg_advisory_lock [builtin volatile]',
  ],
  ["SELECT setval('s', 1)", 'callFunction pg_catalog.setval [builtin volatile]'],
  ["SELECT table_to_xml('orders', true, true, '')", 'callFunction pg_catalog.table_to_xml [builtin stable]'],
  ["SELECT pg_notify('a', 'b')", 'callFunction pg_catalog.pg_notify [builtin volatile]'],
  ['SELECT opaque(1)', 'callFunction public.opaque [user immutable]'],
  ['SELECT wipe_all()', 'callFunction public.wipe_all [user volatile]'],
  ['SELECT * FROM wipe_all()', 'callFunction public.wipe_all [user volatile]'],
  ['SELECT 1 ORDER BY wipe_all()', 'callFunction public.wipe_all [user volatile]'],
  ['SELECT CASE WHEN true THEN 1 ELSE wipe_all() END', 'callFunction public.wipe_all [user volatile]'],
  ['VALUES (wipe_all())', 'callFunction public.wipe_all [user volatile]'],
  ['SELECT 1 LIMIT (SELECT wipe_all())', 'callFunction public.wipe_all [user volatile]'],
  ['SELECT not_there(1)', 'callFunction public.not_there [unknown unknown]'],
  ['SELECT purge()', 'callFunction public.purge [user volatile]', 'delete public.orders !unfiltered'],
  ['SELECT plus_one(1)', 'callFunction public.plus_one [user stable]'],
  // Calls without a call node.
  ['SELECT o.wipe FROM orders o', 'select public.orders', 'callFunction public.wipe [user volatile]'],
  ['SELECT (o).wipe FROM orders o', 'select public.orders', 'callFunction public.wipe [user volatile]'],
  ['SELECT wipe(o) FROM orders o', 'select public.orders', 'callFunction public.wipe [user volatile]'],
  ['SELECT 1 === 2', 'callFunction public.op_fn [user volatile]'],
  ['SELECT 1 OPERATOR(public.===) 2', 'callFunction public.op_fn [user volatile]'],
  ["SELECT 'x'::checked", 'callFunction public.check_it [user volatile]'],
  ["SELECT CAST('x' AS public.checked)", 'callFunction public.check_it [user volatile]'],
  ['SELECT x FROM wiping', 'select public.wiping', 'callFunction public.wipe [user volatile]'],
  ["SELECT initcap('x'::varchar)", 'callFunction public.initcap [user volatile]'],
  ["SELECT pg_catalog.initcap('x'::varchar)"],
  ['SELECT pg_temp.f()', 'callFunction pg_temp.f [unknown unknown]'],
  // Sessions.
  ['BEGIN', 'transaction @'],
  ['START TRANSACTION READ ONLY', 'transaction @ {read only}'],
  ['BEGIN READ WRITE', 'transaction @ {read write}'],
  ['SET TRANSACTION READ WRITE', 'transaction @ {read write}'],
  ['BEGIN READ ONLY, ISOLATION LEVEL SERIALIZABLE, READ WRITE', 'transaction @ {read write}'],
  ['COMMIT', 'transaction @'],
  ["ROLLBACK PREPARED 'x'", 'transaction @ {prepared}'],
  ["COMMIT PREPARED 'x'", 'transaction @ {prepared}'],
  ["PREPARE TRANSACTION 'x'", 'transaction @ {prepare}'],
  ['PREPARE p AS DELETE FROM orders', 'prepare @'],
  ['EXECUTE p', 'prepare @ {execute}'],
  ['DEALLOCATE ALL', 'prepare @ {deallocate}'],
  ['DECLARE c CURSOR FOR SELECT * FROM orders', 'select public.orders'],
  ['FETCH ALL FROM c', 'fetch @'],
  ['MOVE c', 'fetch @ {move}'],
  ['CLOSE ALL', 'fetch @ {close}'],
  ['LISTEN x', 'listen x {channel}'],
  ["NOTIFY x, 'y'", 'notify x {channel}'],
  ['UNLISTEN *', 'listen * {channel}'],
  ['SHOW ALL', 'show all {all}'],
  ['LOCK TABLE orders', 'lockTable public.orders'],
  ['LOCK TABLE orders IN ACCESS SHARE MODE', 'select public.orders {lock}'],
  // Definitions.
  [
    'CREATE TABLE t (id int DEFAULT wipe_all())',
    'create public.t {table}',
    'callFunction public.wipe_all [user volatile]',
  ],
  ['CREATE TABLE other.t (id int)', 'create other.t {table}'],
  ['CREATE VIEW v AS SELECT * FROM orders', 'select public.orders', 'create public.v {view}'],
  ['CREATE INDEX i ON orders (id)', 'create public.orders {index}'],
  ['CREATE SEQUENCE s', 'create public.s {sequence}'],
  ['CREATE SEQUENCE s OWNED BY orders.id', 'create public.s {sequence}', 'alter public.orders {column}'],
  ['CREATE SCHEMA s CREATE TABLE t (id int)', 'create s {schema}', 'create public.t {table}'],
  ['CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1$$', 'create public.f {function}'],
  ["CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x', 'y'", 'create public.f {function}', 'loadLibrary @ {c}'],
  [
    'CREATE TRIGGER t AFTER INSERT ON orders EXECUTE FUNCTION notify_change()',
    'create public.orders {trigger}',
    'callFunction public.notify_change [user volatile]',
  ],
  ['CREATE RULE r AS ON SELECT TO notes DO INSTEAD SELECT 1', 'create public.notes {rule}'],
  [
    'CREATE STATISTICS s ON (wipe_all()), id FROM orders',
    'callFunction public.wipe_all [user volatile]',
    'create public.orders {statistics}',
  ],
  ['CREATE POLICY p ON orders', 'create public.orders {policy}'],
  ['CREATE EXTENSION dblink', 'create dblink {extension}', 'loadLibrary @ {extension}'],
  ['CREATE SERVER s FOREIGN DATA WRAPPER w', 'create s {foreign server}'],
  ["CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", 'create s {subscription}', 'replicate @ {subscription}'],
  ['CREATE PUBLICATION p FOR ALL TABLES', 'create p {publication}', 'replicate @ {publication}'],
  ['CREATE TYPE t AS (a int)', 'create public.t {type}'],
  ['CREATE DATABASE d', 'create d {database}'],
  ['ALTER TABLE orders ADD COLUMN x int', 'alter public.orders {table}'],
  ['ALTER TABLE orders RENAME COLUMN id TO x', 'alter public.orders {column}'],
  ['ALTER FUNCTION wipe_all() VOLATILE', 'alter public.wipe_all {function}'],
  ['ALTER TABLE orders OWNER TO bob', 'alter public.orders {table}', 'grant public.orders {owner}'],
  ['DROP TABLE orders, other.notes', 'drop public.orders {table}', 'drop other.notes {table}'],
  ['DROP VIEW contacts', 'drop public.contacts {view}'],
  ['DROP FUNCTION wipe_all', 'drop public.wipe_all {function}'],
  ['DROP SCHEMA public CASCADE', 'drop public {schema}'],
  ['DROP TRIGGER t ON orders', 'drop public.orders {trigger}'],
  ["COMMENT ON TABLE orders IS 'x'", 'comment public.orders {table}'],
  ["COMMENT ON COLUMN orders.status IS 'x'", 'comment public.orders {column}'],
  ["COMMENT ON DOMAIN positive IS 'x'", 'comment public.positive {domain}'],
  ["COMMENT ON CONSTRAINT c ON DOMAIN positive IS 'x'", 'comment public.positive {domconstraint}'],
  ["COMMENT ON CONSTRAINT c ON DOMAIN other.positive IS 'x'", 'comment other.positive {domconstraint}'],
  ["COMMENT ON CONSTRAINT c ON orders IS 'x'", 'comment public.orders {tabconstraint}'],
  ['ALTER DOMAIN other.positive RENAME CONSTRAINT c TO d', 'alter other.positive {domconstraint}'],
  ["CREATE DOMAIN d AS text DEFAULT lower('X')", 'create public.d {domain}'],
  ["SECURITY LABEL ON TABLE orders IS 'x'", 'alter public.orders {table}'],
  ["SECURITY LABEL ON COLUMN orders.status IS 'x'", 'alter public.orders {column}'],
  ['ALTER DOMAIN positive SET DEFAULT 1', 'alter public.positive {domain}'],
  ['ALTER SEQUENCE s RESTART WITH 1', 'alter public.s {sequence}'],
  ['ALTER SEQUENCE s OWNED BY other.t.id', 'alter public.s {sequence}', 'alter other.t {column}'],
  ['ALTER SEQUENCE s OWNED BY NONE', 'alter public.s {sequence}'],
  ['CREATE TABLE t (id serial, n int GENERATED ALWAYS AS IDENTITY)', 'create public.t {table}'],
  ['ALTER TABLE notes ALTER COLUMN id RESTART WITH 1', 'alter public.notes {table}'],
  ['REFRESH MATERIALIZED VIEW mat_contacts', 'refresh public.mat_contacts {materialized view}'],
  ['VACUUM orders', 'maintain public.orders {vacuum}'],
  ['ANALYZE', 'maintain @ {analyze}'],
  ['REINDEX TABLE orders', 'maintain public.orders {reindex}'],
  ['CLUSTER', 'maintain @ {cluster}'],
  ['CHECKPOINT', 'maintain @ {checkpoint}'],
  // Control.
  ['GRANT SELECT ON orders TO bob', 'grant public.orders {table}'],
  ['GRANT ALL ON ALL TABLES IN SCHEMA public TO bob', 'grant public {table}'],
  ['REVOKE ALL ON SCHEMA public FROM bob', 'revoke public {schema}'],
  ['GRANT admin TO bob', 'grant admin {role}'],
  ['ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO bob', 'grant @ {table}'],
  ['CREATE ROLE r', 'create r {role}', 'grant r {role}'],
  ["ALTER USER r PASSWORD 'x'", 'alter r {role}', 'grant r {role}'],
  ['DROP ROLE r', 'drop r {role}', 'revoke r {role}'],
  ["ALTER ROLE r SET search_path = 'x'", 'alter r {role}', 'setParameter search_path {search_path}'],
  ['ALTER DATABASE d SET work_mem = 1', 'alter d {database}', 'setParameter work_mem {work_mem}'],
  ['ALTER SYSTEM SET fsync = off', 'alterSystem fsync {fsync}'],
  ["LOAD 'x'", 'loadLibrary @ {library}'],
  ['CALL do_it(1)', 'callProcedure public.do_it [user volatile]'],
  ['SET ROLE bob', 'setRole bob {role}'],
  ['RESET ROLE', 'setRole none {role}'],
  ['SET SESSION AUTHORIZATION bob', 'setRole bob {session_authorization}'],
  ["SELECT set_config('role', 'bob', false)", 'setRole bob {role}'],
];

describe('effects', () => {
  it.each(cases.map(([sql, ...expected]) => ({ sql, expected })))('$sql', ({ sql, expected }) => {
    expect(effects(sql).toSorted()).toEqual(expected.toSorted());
  });

  it('starts every path with the target and the database', () => {
    for (const [sql] of cases) {
      for (const effect of only(analyse(sql)).effects)
        expect(effect.resource.path.slice(0, 2)).toEqual(['demo-db', 'shop']);
    }
  });

  it('holds a DO block to be anything', () => {
    expect(effects('DO $$ BEGIN NULL; END $$')).toContain('doBlock @');
  });

  it('names a parameter of the session in a function that has none', () => {
    expect(effects('SELECT set_config($1, $2, false)')).toEqual([
      'setParameter ? {?}',
      'setParameter client_encoding {client_encoding}',
      'setParameter standard_conforming_strings {standard_conforming_strings}',
      'setParameter search_path {search_path}',
      'callFunction pg_catalog.set_config [builtin volatile]',
    ]);
  });
});

describe('effects that stand inside others', () => {
  it.each([
    ['INSERT INTO notes (body[wipe_all()]) VALUES (1)', 'callFunction public.wipe_all [user volatile]'],
    ['UPDATE notes SET body[wipe_all()] = 1 WHERE id = 1', 'callFunction public.wipe_all [user volatile]'],
    ['CREATE POLICY p ON orders USING (wipe_all() = 1)', 'callFunction public.wipe_all [user volatile]'],
    ['CREATE RULE r AS ON INSERT TO notes DO ALSO DELETE FROM orders', 'delete public.orders !unfiltered'],
    [
      'CREATE RULE r AS ON INSERT TO notes DO ALSO (DELETE FROM orders; UPDATE orders SET id = 1)',
      'update public.orders !unfiltered',
    ],
    [
      "UPDATE pg_settings SET setting = 'off' WHERE name = $1",
      'setParameter standard_conforming_strings {standard_conforming_strings}',
    ],
    ['EXPLAIN ANALYZE EXECUTE p', 'prepare @ {execute}'],
    ['CREATE TABLE t AS EXECUTE p', 'create public.t {table}'],
  ])('%s: %s', (sql, expected) => {
    expect(effects(sql)).toContain(expected);
  });
});

describe('a WHERE that chooses nothing', () => {
  it.each([
    'true',
    '1 = 1',
    "'a' = 'a'",
    'id = id',
    'id >= id',
    'lower(status) = lower(status)',
    'id IS NOT NULL',
    'id = 1 OR true',
    'id = 1 OR 1 = 1',
    '(true AND 1 = 1)',
    'NOT false',
    "status LIKE '%'",
    'now() > $1',
    '$1',
    'random() < 2',
    'EXISTS (SELECT 1)',
    'EXISTS (SELECT id FROM notes)',
  ])('DELETE … WHERE %s is not filtered', (where) => {
    expect(effects(`DELETE FROM orders WHERE ${where}`)).toContain('delete public.orders !unfiltered');
  });

  it.each([
    'id = 1',
    'id = 1 AND true',
    'status IS NULL',
    'id IN (SELECT id FROM notes)',
    'CURRENT OF c',
    'id = $1',
    'EXISTS (SELECT 1 FROM notes n WHERE n.id = orders.id)',
  ])('DELETE … WHERE %s is filtered', (where) => {
    expect(effects(`DELETE FROM orders WHERE ${where}`)).toContain('delete public.orders');
  });
});

describe('session settings', () => {
  it.each([
    "SET application_name = 'x'",
    'SET statement_timeout = 0',
    "SET LOCAL work_mem = '64MB'",
    "SET TIME ZONE 'Europe/Berlin'",
    'SET TIME ZONE LOCAL',
    'SET datestyle = ISO, MDY',
    'SET datestyle TO DEFAULT',
    'SET extra_float_digits = 3',
    "SET client_encoding = 'UTF8'",
    "SET NAMES 'utf-8'",
    'SET standard_conforming_strings = on',
    "SET search_path = ''",
    'SET search_path TO pg_catalog',
    "SELECT set_config('search_path', '', false)",
    'SET enable_seqscan = off',
    'SET jit = off',
    'SET default_transaction_read_only = on',
    'RESET ALL',
    'RESET search_path',
    'DISCARD ALL',
    'DISCARD PLANS',
  ])('%s is safe', (sql) => {
    const [first] = effects(sql);
    expect(first).toMatch(/^setSafeParameter /);
  });

  it.each([
    ['SET standard_conforming_strings = off', 'standard_conforming_strings'],
    ['SET LOCAL standard_conforming_strings = off', 'standard_conforming_strings'],
    ["SET client_encoding = 'SJIS'", 'client_encoding'],
    ["SET NAMES 'GBK'", 'client_encoding'],
    ['SET search_path = evil', 'search_path'],
    ['SET search_path FROM CURRENT', 'search_path'],
    ["SELECT set_config('search_path', 'evil', true)", 'search_path'],
    ["SELECT set_config('search_path', $1, true)", 'search_path'],
    ["SELECT set_config('Standard_Conforming_Strings', 'off', true)", 'standard_conforming_strings'],
    ['SET datestyle = German', 'datestyle'],
    ["SET app.tenant = 'x'", 'app.tenant'],
    ["SET session_preload_libraries = 'x'", 'session_preload_libraries'],
    ['SET default_transaction_read_only = off', 'default_transaction_read_only'],
    ['SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE', 'default_transaction_read_only'],
    ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, READ WRITE', 'default_transaction_read_only'],
    ['RESET transaction_read_only', 'transaction_read_only'],
    ['SET transaction_read_only TO DEFAULT', 'transaction_read_only'],
    ['SET search_path = "PG_CATALOG"', 'search_path'],
    ['SET search_path = " pg_catalog"', 'search_path'],
    ['SET backslash_quote = on', 'backslash_quote'],
    ['SET something_new = 1', 'something_new'],
  ])('%s is not', (sql, name) => {
    expect(effects(sql)).toContain(`setParameter ${name} {${name}}`);
  });
});
