import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createPostgresAnalyser } from '../../../src/analysis/postgres.js';
import type { QueryAnalysis } from '../../../src/analysis/postgres-types.js';
import { shapeOf } from '../../../src/analysis/postgres/constants.js';
import { freeConstants } from '../../../src/analysis/postgres/free-constants.js';
import { loadParser } from '../../../src/analysis/postgres/parser.js';
import { harmless, outputs, shapes } from './forms.js';
import { shopAnalyser, shopCatalog, shopClasses } from './shop.js';

const analyse = await shopAnalyser();
const parse = await loadParser(17);

function analysed(sql: string): QueryAnalysis | null {
  try {
    return analyse(sql);
  } catch {
    return null; // a syntax error: never taken for another
  }
}

/** Everything but the text itself. */
function meaning(analysis: QueryAnalysis | null): unknown {
  if (analysis === null || !analysis.ok) return analysis;
  return { ...analysis, statements: analysis.statements.map((each) => ({ ...each, text: '' })) };
}

function freeIn(sql: string): readonly number[] | null {
  const shape = shapeOf(sql);
  const own = analysed(sql);
  if (shape === null || own === null) return null;
  return freeConstants(sql, shape, own, { parse, analyse: (other) => analysed(other) ?? own });
}

/** The text with other constants in the free places. */
function varied(sql: string, free: readonly number[], values: readonly (number | string)[]): string {
  const { constants = [] } = shapeOf(sql) ?? {};
  let out = sql;
  for (const index of free.toReversed()) {
    const { start = 0, end = 0, kind } = constants[index] ?? {};
    const value = values[index % values.length] ?? 0;
    const written = kind === 'integer' ? `${typeof value === 'number' ? value : value.length}` : `'${value}'`;
    out = out.slice(0, start) + written + out.slice(end);
  }
  return out;
}

const value = fc.oneof(
  fc.nat(999_999_999),
  fc.constantFrom(0, 1, 2, 3),
  fc.string({ unit: fc.constantFrom('a', ' ', '%', 'é', '-', '*', '/', '$', '"', ';', "''", 'orders', 'pg_authid') }),
);

const forms: readonly string[] = [
  ...outputs.map(([sql]) => sql),
  ...shapes.map(([sql]) => sql ?? ''),
  ...harmless,
  'SELECT id FROM orders WHERE id = 5',
  'SELECT id, total FROM orders WHERE id = 5 ORDER BY 1, 2 LIMIT 10 OFFSET 20',
  'SELECT total, count(*) FROM orders WHERE total > 3 GROUP BY 1 HAVING count(*) > 2',
  'DELETE FROM orders WHERE (id = 5) = (id = 6)',
  'DELETE FROM orders WHERE 1 = 1',
  'DELETE FROM orders WHERE id = 1 OR 2 = 2',
  'DELETE FROM orders WHERE id IN (1, 2, 3) AND total BETWEEN 4 AND 5',
  "UPDATE orders SET total = 7, status = 'x' WHERE id = 8 RETURNING 9, id",
  "INSERT INTO orders (id, status) VALUES (1, 'a'), (2, 'it''s')",
  "SELECT 'customers'::regclass, id FROM orders WHERE id = 3",
  "SELECT set_config('search_path', 'x', false) FROM orders WHERE id = 4",
  "SELECT id FROM orders WHERE note LIKE 'a%' AND id < 100 AND note = 'b' 'c'",
  "SELECT id FROM orders WHERE note = E'a\\'b' AND id = 4",
  'SELECT id FROM orders WHERE id = -5 AND total = 1.5 AND id = 1e3 AND id = 12345678901',
  "SELECT date '2020-01-01', interval '1 day' FROM orders WHERE id = 2",
  'SELECT id FROM orders WHERE id = 1 -- and 2\n',
  'SELECT id FROM orders WHERE id = 1 /* 2 */ AND id = 3',
  'SELECT id FROM orders WHERE id = $1 AND total = 3',
  'SET statement_timeout = 5000',
  'SELECT id FROM orders WHERE id = 1; SELECT 2',
  'SELECT "a""1", id FROM orders WHERE "id" = 5 AND t1.id = 6',
  'SELECT u&\'x\', U&"id" FROM orders WHERE id = 5',
  "COPY orders FROM PROGRAM 'id 5'",
  "SELECT pg_read_file('/etc/passwd', 0, 5) FROM orders WHERE id = 1",
];

describe('constants that change nothing', () => {
  it('leave every other text of their shape with the same analysis', () => {
    const found = forms.flatMap((sql) => {
      const free = freeIn(sql);
      return free === null ? [] : [{ sql, free, expected: meaning(analysed(sql)) }];
    });
    expect(found.length).toBeGreaterThan(12);
    fc.assert(
      fc.property(fc.constantFrom(...found), fc.array(value, { minLength: 1, maxLength: 8 }), (form, values) => {
        const other = varied(form.sql, form.free, values);
        const shape = shapeOf(other);
        // What no longer has the shape is read by the parser.
        if (shape?.rest !== shapeOf(form.sql)?.rest) return;
        expect(meaning(analysed(other))).toEqual(form.expected);
      }),
      { numRuns: 1500 },
    );
  });

  it('are those compared with a column, stored in one, or counting rows, and no others', () => {
    expect(freeIn('SELECT id FROM orders WHERE id = 5')).toEqual([0]);
    expect(freeIn('SELECT id, 1 FROM orders WHERE 5 < id ORDER BY 2 LIMIT 3')).toEqual([1, 3]);
    expect(freeIn("INSERT INTO orders (id, status) VALUES (1, 'it''s')")).toEqual([0, 1]);
    expect(freeIn("UPDATE orders SET status = 'x' WHERE id IN (1, 2)")).toEqual([0, 1, 2]);
    for (const never of [
      'SELECT 1 FROM orders',
      'SELECT id FROM orders ORDER BY 1',
      'DELETE FROM orders WHERE 1 = 1',
      'DELETE FROM orders WHERE (id = 5) = (id = 5)',
      "SELECT id FROM customers WHERE email = 'ann@corp.example'",
      "SELECT id FROM orders WHERE note = 'x'::regclass::text",
      'SELECT id FROM orders WHERE id = 1; SELECT id FROM orders WHERE id = 2',
      'PREPARE p AS SELECT id FROM orders WHERE id = 1',
    ]) {
      expect([never, freeIn(never)]).toEqual([never, null]);
    }
  });

  it('are only looked for where the lexer reads nothing in another way', () => {
    for (const sql of [
      "SELECT E'a' || 5",
      "SELECT 5, '\\'",
      'SELECT 5 -- x',
      'SELECT /* 5 */ 5',
      'SELECT $1, 5',
      'SELECT $$5$$, 5',
      "SELECT U&'5', 5",
      "SELECT '5",
      'SELECT "5',
      'SELECT 5\u0000',
      "SELECT 5, '\ud800'",
    ]) {
      expect([sql, shapeOf(sql)]).toEqual([sql, null]);
    }
    const shape = shapeOf(`SELECT a1, b.2, 1.5, 3e2, 0x1F, 1_000, 1234567890, "6", '7 '' 8', 9 FROM t WHERE x=10`);
    const constants = shape?.constants.map(({ kind }) => kind);
    expect(constants).toEqual(['text', 'integer', 'integer']);
  });
});

describe('the analyser', () => {
  const analyser = createPostgresAnalyser({ workers: 1 });
  afterAll(() => analyser.close());

  it('knows a text by another of its shape once it has seen two, in the same catalog', async () => {
    const catalog = await analyser.loadCatalog(shopCatalog(), shopClasses);
    const sql = (id: number, extra = ''): string => `SELECT id FROM orders WHERE id = ${id}${extra};`;
    for (const id of [1, 2]) {
      expect(analyser.alike(sql(id), catalog)).toBeNull();
      await analyser.analyse(sql(id), catalog);
    }
    expect(analyser.alike(sql(3), catalog)).toMatchObject({ sql: sql(2), analysis: { ok: true } });
    expect(analyser.alike(sql(1_234_567_890), catalog)).toBeNull();
    expect(analyser.alike(sql(3, ' OR true'), catalog)).toBeNull();
    const other = await analyser.loadCatalog(shopCatalog(), { ...shopClasses, columns: [] });
    expect(analyser.alike(sql(3), other)).toBeNull();
    // A constant that matters is part of what is known.
    const sorted = (id: number, by: number): string => `SELECT id, total FROM orders WHERE id = ${id} ORDER BY ${by}`;
    for (const id of [1, 2]) await analyser.analyse(sorted(id, 1), catalog);
    expect(analyser.alike(sorted(3, 1), catalog)).toMatchObject({ sql: sorted(2, 1) });
    expect(analyser.alike(sorted(3, 2), catalog)).toBeNull();
  });
});
