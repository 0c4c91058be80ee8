import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCatalog } from '../../src/analysis/catalog.js';
import { createPostgresAnalyser } from '../../src/analysis/postgres.js';
import type { CatalogHandle, QueryAnalysis, StatementAnalysis } from '../../src/analysis/postgres-types.js';
import { messageOf } from '../../src/lib/errors.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { harmless, outputs, shapes } from '../unit/analysis/forms.js';
import { shopClasses } from '../unit/analysis/shop.js';
import { generateQueries } from './query-generator.js';

/** Two worlds that differ in protected values only. Everything a query shows of the difference must be known. */
const worlds = [
  '',
  `UPDATE customers SET email = 'zz' || (10 - id) || '@y.org', phone = '77' || (id % 4), card_number = '55' || (id % 5),
     national_id = 'M' || (id * 7 % 10), tags = ARRAY['q' || id, 'r', 's'], profile = jsonb_build_object('z', id % 2);
   UPDATE employees SET salary = 7000 - id * 900;
   UPDATE payments SET card_number = '66' || (id % 3);
   UPDATE people SET ssn = 'other' || (7 - id);
   REFRESH MATERIALIZED VIEW mat_contacts`,
] as const;

interface Outcome {
  readonly failed: string | null;
  readonly names: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  readonly affected: number;
}

let server: TestPostgres;
let client: pg.Client;
let catalog: CatalogHandle;
const analyser = createPostgresAnalyser();

beforeAll(async () => {
  server = await startPostgres();
  await server.query('CREATE DATABASE shop');
  await server.query(await readFile(new URL('./shop.sql', import.meta.url), 'utf8'), 'shop');
  const types = { getTypeParser: () => (value: unknown) => String(value) };
  const { host, port, superuser, password } = server;
  client = new pg.Client({ host, port, user: superuser, password, database: 'shop', types });
  await client.connect();
  await load();
});

async function load(): Promise<void> {
  const raw = await readCatalog(async (sql) => (await client.query<{ row: string | null }>(sql)).rows);
  catalog = await analyser.loadCatalog(raw, shopClasses);
}

afterAll(async () => {
  await client?.end();
  await analyser.close();
  await server?.stop();
});

/** What a statement shows in one world; nothing of it stays. */
async function run(sql: string, world: string): Promise<Outcome> {
  await client.query('BEGIN');
  try {
    if (world !== '') await client.query(world);
    await client.query("SET LOCAL statement_timeout = '5s'");
    const result = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
    return {
      failed: null,
      names: result.fields.map((field) => field.name),
      rows: result.rows,
      affected: result.rowCount ?? 0,
    };
  } catch (error) {
    return { failed: messageOf(error), names: [], rows: [], affected: 0 };
  } finally {
    await client.query('ROLLBACK');
  }
}

async function analyseOne(sql: string): Promise<StatementAnalysis> {
  const analysis: QueryAnalysis = await analyser.analyse(sql, catalog);
  if (!analysis.ok) throw new Error(`${analysis.message}: ${sql}`);
  const [statement] = analysis.statements;
  if (statement === undefined) throw new Error(`no statement: ${sql}`);
  return statement;
}

/** What the two worlds show differently and the analysis does not know of. Empty is right. */
async function leaks(sql: string): Promise<readonly string[]> {
  const [statement, first, second] = [await analyseOne(sql), await run(sql, worlds[0]), await run(sql, worlds[1])];
  const infers = statement.effects.some((effect) => effect.action === 'infer');
  const found: string[] = [];
  const { output } = statement;
  if (first.failed === null && Array.isArray(output)) {
    const names = output.map((column) => column.name);
    if (JSON.stringify(names) !== JSON.stringify(first.names))
      found.push(`columns are ${first.names.join()}, not ${names.join()}`);
  }
  if ((first.failed === null) !== (second.failed === null) && !infers)
    found.push(`fails with ${first.failed} or ${second.failed}`);
  if ((first.rows.length !== second.rows.length || first.affected !== second.affected) && !infers)
    found.push('row counts differ');
  if (output === 'unknown' || output === null || infers) {
    // A shape was judged: what it shows was permitted by somebody. Columns beside it are looked at in harmless forms.
    return found;
  }
  output.forEach((column, index) => {
    const differs = first.rows.some(
      (row, at) => JSON.stringify(row[index]) !== JSON.stringify(second.rows[at]?.[index]),
    );
    if (differs && column.sources.length === 0 && !column.unknown)
      found.push(`${column.name} differs and is not known to`);
  });
  return found;
}

const more: readonly string[] = [
  'SELECT e FROM chain ORDER BY n',
  'SELECT n FROM chain',
  'SELECT * FROM pair()',
  'SELECT (pair()).a, (pair()).b',
  'SELECT (pair()).*',
  'SELECT pair()',
  'SELECT * FROM rows_of(3)',
  'SELECT x FROM rows_of(3)',
  'SELECT rows_of(2)',
  'SELECT (rows_of(2)).y',
  'SELECT r FROM rows_of(2) r',
  'SELECT r.y || 1 FROM rows_of(2) AS r(x, y)',
  'SELECT peek(1), peek(2) || name FROM customers',
  'SELECT * FROM peeks()',
  'SELECT i FROM peeks()',
  'SELECT purge()',
  'SELECT (all_customers()).email',
  'SELECT c.email FROM orders o, LATERAL all_customers() c WHERE c.id = o.customer_id',
  'SELECT u FROM (SELECT email FROM customers) u',
  'SELECT (u).email FROM (SELECT email, id FROM customers) u',
  'SELECT u::text FROM (SELECT id, name FROM customers) u',
  "SELECT to_jsonb(c) - 'email' FROM customers c",
  "SELECT to_jsonb(c) ->> 'name' FROM customers c",
  'SELECT jsonb_agg(c) FROM (SELECT id, phone FROM customers ORDER BY id) c',
  'SELECT array_agg(c ORDER BY id) FROM customers c',
  'SELECT json_object_agg(id, email) FROM customers',
  'SELECT xmlelement(name x, email) FROM customers',
  'SELECT xmlforest(email AS e, name) FROM customers',
  "SELECT query_to_xml('SELECT email FROM customers', true, true, '')",
  "SELECT table_to_xml('customers', true, true, '')",
  'SELECT to_tsvector(email) FROM customers',
  "SELECT word FROM ts_stat('SELECT to_tsvector(email) FROM customers')",
  'SELECT hashtext(email), md5(phone), sha256(email::bytea) FROM customers',
  "SELECT translate(email, 'abc', 'xyz'), left(phone, 2), lpad(card_number, 20, '*') FROM customers",
  "SELECT overlay(email PLACING 'x' FROM 1), trim(both 'u' from email), position('r' in email) FROM customers",
  'SELECT first_value(email) OVER (ORDER BY id), nth_value(phone, 2) OVER (ORDER BY id) FROM customers',
  'SELECT max(email) FILTER (WHERE id > 2) FROM customers',
  'SELECT id, (SELECT max(salary) FROM employees e WHERE e.id <= c.id) FROM customers c ORDER BY id',
  'SELECT EXISTS (SELECT email FROM customers WHERE id = 1)',
  'SELECT count(*) FROM (SELECT email FROM customers OFFSET 0) s',
  'SELECT id, name FROM (SELECT DISTINCT id, name FROM customers) s ORDER BY 1',
  'SELECT a.email FROM customers a FULL JOIN payments b ON a.id = b.id ORDER BY a.id',
  'SELECT card_number FROM payments p CROSS JOIN LATERAL (SELECT p.amount) q ORDER BY p.id',
  'SELECT * FROM (VALUES (1, (SELECT phone FROM customers WHERE id = 1)), (2, NULL)) AS v(a, b)',
  'SELECT tableoid::regclass, ssn FROM people ORDER BY id',
  'SELECT ssn FROM ONLY people_eu ORDER BY id',
  'SELECT p.* FROM people p ORDER BY p.id',
  'WITH w AS MATERIALIZED (SELECT * FROM customers) SELECT w.phone, w.name FROM w ORDER BY w.id',
  'WITH RECURSIVE w(i, t) AS (SELECT 1, NULL::text UNION ALL SELECT i + 1, (SELECT email FROM customers c WHERE c.id = w.i) FROM w WHERE i < 4) SELECT t, i FROM w',
  'WITH RECURSIVE w(i, p) AS (SELECT id, name FROM customers WHERE id = 1 UNION ALL SELECT c.id, c.phone FROM customers c JOIN w ON c.id = w.i + 1) SEARCH DEPTH FIRST BY p SET o SELECT i, o FROM w ORDER BY i',
  'WITH c AS (SELECT 1 AS email) SELECT email FROM c',
  'SELECT email FROM (SELECT name AS email FROM customers) customers ORDER BY 1',
  'SELECT (SELECT email FROM (SELECT 1 AS one) s) FROM customers ORDER BY id',
  'SELECT (SELECT c.email) FROM customers c ORDER BY id',
  'SELECT o.id, s.* FROM orders o LEFT JOIN LATERAL (SELECT c.phone, c.city FROM customers c WHERE c.id = o.customer_id) s ON true ORDER BY o.id',
  "SELECT COALESCE(NULL, (SELECT email FROM customers WHERE id = 1), 'x')",
  "INSERT INTO notes VALUES (7, 'x') RETURNING *",
  'UPDATE employees SET bonus = bonus + 1 WHERE id = 1 RETURNING salary, name, salary - 1',
  'DELETE FROM payments WHERE id = 3 RETURNING card_number, id',
  'WITH x AS (UPDATE customers SET city = $$x$$ WHERE id < 3 RETURNING *) SELECT phone, city FROM x ORDER BY id',
  'SELECT current_setting($$search_path$$), version()',
  "SELECT 1 FROM pg_stats WHERE tablename = 'customers'",
  'EXPLAIN (COSTS off) SELECT email FROM customers WHERE id = 1',
  'TABLE mat_contacts ORDER BY id',
  'SELECT lowered, id FROM contacts ORDER BY id',
  'SELECT unnest(ARRAY[id, 2]) FROM orders',
  'SELECT generate_series(1, 2), name FROM customers ORDER BY 2, 1',
  'SELECT * FROM generate_series(1, 3) WITH ORDINALITY AS g(a, b)',
  'SELECT * FROM jsonb_to_recordset(\'[{"a":1}]\') AS x(a int, b text)',
  'SELECT * FROM ROWS FROM (generate_series(1, 2), unnest(ARRAY[5, 6, 7])) AS t(a, b)',
  'SELECT k, v FROM json_each(\'{"a":1}\') AS j(k, v)',
  "SELECT * FROM xmltable('/r/x' PASSING ('<r><x>1</x></r>'::xml) COLUMNS a int PATH '.', o FOR ORDINALITY)",
  'SELECT c.city, grouping(c.city), count(*) FROM customers c GROUP BY ROLLUP (c.city) ORDER BY 1',
  'SELECT extract(year FROM now()), CURRENT_DATE::text IS NOT NULL, now() AT TIME ZONE $$UTC$$ IS NULL',
  'SELECT id AS "Weird ""name""", name AS "ÄÖ" FROM customers ORDER BY id',
];

const forms = [
  ...new Set([...outputs.map(([sql]) => sql), ...shapes.map(([sql]) => sql), ...harmless, ...more]),
].filter((sql) => !/\$1|now\(\)/.test(sql) && !/^(COPY|DECLARE|EXECUTE|SHOW)/.test(sql));

describe('two worlds of secrets', () => {
  it('has enough forms to be worth something', () => {
    expect(forms.length).toBeGreaterThan(150);
  });

  it.each(forms)('shows no difference that is not known: %s', async (sql) => {
    expect(await leaks(sql)).toEqual([]);
  });

  it('can see a difference: nothing that is classified reads alike in both', async () => {
    for (const sql of ['SELECT email FROM customers', 'SELECT max(salary) FROM employees', 'SELECT * FROM people']) {
      const [first, second] = [await run(sql, worlds[0]), await run(sql, worlds[1])];
      expect(first.rows).not.toEqual(second.rows);
    }
  });

  it("leaves a view's own shape to whoever defined it, and masks what it shows", async () => {
    const statement = await analyseOne('SELECT card_number, name FROM using_view');
    expect(statement.output).toMatchObject([{ sources: [{ class: 'card' }] }, { sources: [] }]);
    expect(statement.effects.map((effect) => effect.action)).toEqual(['select']);
    const created = await analyseOne('CREATE VIEW v AS SELECT name FROM customers JOIN payments USING (card_number)');
    expect(created.effects.map((effect) => effect.action)).toContain('infer');
  });

  it('holds for queries nobody thought of', async () => {
    let ran = 0;
    for (const sql of generateQueries(250, 20_240_607)) {
      expect(await leaks(sql), sql).toEqual([]);
      if ((await run(sql, worlds[0])).failed === null) ran++;
    }
    expect(ran).toBeGreaterThan(120);
  }, 120_000);
});

describe("PostgreSQL's own record of what a query reads", () => {
  it.each(
    [...outputs, ...harmless.map((sql) => [sql] as const)]
      .map(([sql]) => sql)
      .filter((sql) => /^(SELECT|WITH|TABLE|VALUES)/.test(sql) && !/\$1|RETURNING/.test(sql)),
  )('names every relation of %s', async (sql) => {
    const statement = await analyseOne(sql);
    await client.query('BEGIN');
    let relations: readonly string[] = [];
    try {
      await client.query(
        `CREATE TEMP VIEW oracle (${(statement.output as readonly unknown[]).map((_, index) => `c${index}`).join()}) AS ${sql}`,
      );
      const result = await client.query<{ name: string }>(
        `SELECT DISTINCT n.nspname || '.' || c.relname AS name FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
             JOIN pg_class c ON c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
             AND r.ev_class = 'oracle'::regclass AND c.oid <> r.ev_class`,
      );
      relations = result.rows.map((row) => row.name);
    } catch (error) {
      // A view cannot have a column of an anonymous row type.
      if (!messageOf(error).includes('pseudo-type')) throw error;
    } finally {
      await client.query('ROLLBACK');
    }
    const read = new Set(
      statement.effects
        .filter((effect) => effect.resource.type === 'Table')
        .map((effect) => effect.resource.path.slice(2).join('.')),
    );
    expect(relations.filter((name) => !read.has(name))).toEqual([]);
  });
});

describe('the queries of everyday clients', () => {
  it('come through clear, reading nothing but the catalog', async () => {
    const file = await readFile(new URL('../vectors/postgres-client-queries.json', import.meta.url), 'utf8');
    const queries = JSON.parse(file) as readonly { readonly client: string; readonly sql: string }[];
    expect(queries.length).toBeGreaterThan(200);
    const wrong: string[] = [];
    for (const { client: name, sql } of queries) {
      for (const problem of await problemsOf(sql)) wrong.push(`${name}: ${problem}: ${sql}`);
    }
    expect(wrong).toEqual([]);
  });
});

const everyday = new Set(['transaction', 'show', 'setSafeParameter', 'prepare']);

/**
 * What holds secrets or values wherever it is read: a subscription's password, settings of roles and databases, and the
 * values that an ALTER TABLE … ADD COLUMN gave to the rows that were there.
 */
const secretColumns = new Set(['subconninfo', 'Settings', 'attmissingval']);

async function problemsOf(sql: string): Promise<readonly string[]> {
  const analysis = await analyser.analyse(sql, catalog);
  if (!analysis.ok) return [analysis.message];
  return analysis.statements.flatMap(({ effects, output, missing }) => {
    const problems = (missing ?? []).map((name) => `misses ${name}`);
    for (const { action, resource } of effects) {
      const isCatalog = action === 'select' && ['pg_catalog', 'information_schema'].includes(resource.path[2] ?? '');
      const isLock = action === 'select' && sql.startsWith('LOCK TABLE');
      if (!isCatalog && !isLock && !everyday.has(action)) problems.push(`${action} ${resource.path.join('/')}`);
    }
    if (!Array.isArray(output)) return problems;
    const masked = output.filter((column) => column.unknown || column.sources.length > 0).map((column) => column.name);
    return [...problems, ...masked.filter((name) => !secretColumns.has(name)).map((name) => `masks ${name}`)];
  });
}

describe('the catalog', () => {
  it('shows a temporary table of the session itself, and only that', async () => {
    await client.query('CREATE TEMP TABLE orders (id int, secret text)');
    try {
      await load();
      const statement = await analyseOne('SELECT * FROM orders');
      expect(statement.output).toMatchObject([{ name: 'id' }, { name: 'secret' }]);
      expect(statement.effects[0]?.resource.path).toEqual(['demo-db', 'shop', 'pg_temp', 'orders']);
    } finally {
      await client.query('DROP TABLE pg_temp.orders');
      await load();
    }
  });

  it('is read in a fraction of a second', async () => {
    const start = performance.now();
    await load();
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it('knows user operators and domains with checks', async () => {
    const names = async (sql: string) =>
      (await analyseOne(sql)).effects.map((effect) => effect.resource.path.slice(2).join('.'));
    expect(await names('SELECT 1 === 2')).toEqual(['public.op_fn']);
    expect(await names("SELECT 'x'::checked")).toEqual(['public.check_it']);
  });
});
