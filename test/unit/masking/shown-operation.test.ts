import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createPostgresAnalyser } from '../../../src/analysis/postgres.js';
import type { TextSecrets } from '../../../src/analysis/text-secrets.js';
import { compileDetectors } from '../../../src/masking/detectors.js';
import { showOperation, ShownOperations, type MayReveal } from '../../../src/masking/shown-operation.js';
import { shopCatalog, shopClasses } from '../analysis/shop.js';

const analyser = createPostgresAnalyser({ timeoutMs: 1500 });
const catalog = await analyser.loadCatalog(shopCatalog(), shopClasses);

afterAll(() => analyser.close());

async function secretsOf(sql: string): Promise<TextSecrets | null> {
  const analysis = await analyser.analyse(sql, catalog);
  if (!analysis.ok) throw new Error(analysis.message);
  return analysis.secrets ?? null;
}

async function shown(text: string, parameters: readonly string[] = [], mayReveal?: MayReveal) {
  return showOperation({ text, parameters, effects: [], secrets: await secretsOf(text) }, null, mayReveal);
}

describe('what others see of what was run', () => {
  it.each([
    ["SELECT id FROM customers WHERE email = 'a@b.c' AND id = 7", "email = '***' AND id = 7"],
    ["SELECT id FROM customers WHERE id = 7 OR NOT ('a@b.c' = lower(email))", "id = 7 OR NOT ('***' = lower(email))"],
    ["DELETE FROM customers c WHERE c.email IN ('a@b.c', 'd@e.f')", "c.email IN ('***', '***')"],
    ["SELECT 1 FROM customers WHERE email LIKE E'a\\'@%' AND name LIKE 'x%'", "email LIKE '***' AND name LIKE 'x%'"],
    ['SELECT 1 FROM customers WHERE email = $x$a@b.c$x$', "email = '***'"],
    ["SELECT 1 FROM customers WHERE email = 'a@'\n 'b.c'", "email = '***'"],
    ["SELECT 1 FROM customers WHERE email = ANY ('{a@b.c}'::text[])", "ANY ('***'::text[])"],
    ["SELECT 1 FROM customers WHERE starts_with(email, 'a@b')", "starts_with(email, '***')"],
    ["SELECT id FROM customers WHERE substr(email, 1, 3) = 'a@b'", "substr(email, 1, 3) = '***'"],
    ["SELECT email = 'a@b.c' AS hit FROM customers", "email = '***' AS hit"],
    ["SELECT CASE email WHEN 'a@b.c' THEN 1 END FROM customers", "WHEN '***' THEN"],
    ["SELECT 1 FROM customers JOIN (VALUES ('a@b.c')) v (x) ON email = v.x", "VALUES ('***')"],
    ["WITH c AS (SELECT 'a@b.c'::text AS x) SELECT 1 FROM customers, c WHERE email = c.x", "SELECT '***'::text"],
    ["WITH c AS (SELECT email AS x FROM customers) SELECT 1 FROM c WHERE x = 'a@b.c'", "x = '***'"],
    ["SELECT email FROM customers INTERSECT SELECT 'a@b.c'", "INTERSECT SELECT '***'"],
    ["SELECT 1 FROM customers WHERE email IN (SELECT 'a@b.c')", "IN (SELECT '***')"],
    ["INSERT INTO customers (id, email) VALUES (7, 'a@b.c'), (8, 'd@e.f')", "VALUES (7, '***'), (8, '***')"],
    ["INSERT INTO customers (id, email) SELECT 7, x FROM (VALUES ('a@b.c')) v (x)", "VALUES ('***')"],
    ["UPDATE customers SET name = 'n', email = 'a@b.c' WHERE id = 7", "name = 'n', email = '***' WHERE id = 7"],
    ["UPDATE customers SET (name, email) = ('n', 'a@b.c')", "('n', '***')"],
    ["INSERT INTO customers (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET email = 'a@b.c'", "SET email = '***'"],
    ["SELECT 'ä😀', id FROM customers WHERE email = 'a@b.c' -- ä", "'ä😀', id FROM customers WHERE email = '***' -- ä"],
    [
      "SELECT 1; SELECT 1 FROM customers WHERE email = 'a@b.c'",
      "SELECT 1; SELECT 1 FROM customers WHERE email = '***'",
    ],
    ["PREPARE p AS SELECT 1 FROM customers WHERE email = 'a@b.c'", "email = '***'"],
    ["UPDATE contacts SET email = 'a@b.c'", "email = '***'"],
  ])('takes the value out of %s', async (sql, part) => {
    const { text } = await shown(sql);
    expect(text).toContain(part);
    expect(text).not.toContain('a@b');
  });

  it.each([
    "SELECT id FROM orders WHERE id = 7 AND status = 'paid'",
    "SELECT email FROM customers WHERE id = 7 AND name = 'Ann'",
    "UPDATE customers SET name = 'Ann' WHERE id = 7",
    "SELECT upper(email), 'x' FROM customers",
  ])('leaves %s as it is', async (sql) => {
    expect((await shown(sql)).text).toBe(sql);
  });

  it.each(["'a@'\n 'b.c'", "'a@'\r'b.c'", "E'a@'\r\n 'b.c'"])(
    'takes out all of a value that is written in parts: %j',
    async (value) => {
      const { text } = await shown(`SELECT id FROM customers WHERE email = ${value} AND id = 7`);
      expect(text).toBe("SELECT id FROM customers WHERE email = '***' AND id = 7");
    },
  );

  it('takes out the parameters that meet a protected column, and no others', async () => {
    const sql = 'UPDATE customers SET name = $2, email = $3 WHERE id = $1';
    expect((await shown(sql, ['7', 'Ann', 'a@b.c'])).parameters).toEqual(['7', 'Ann', '***']);
    expect((await shown('DELETE FROM customers WHERE email = $1', ['a@b.c'])).parameters).toEqual(['***']);
  });

  it('shows a value to who may see its column', async () => {
    const sql = "DELETE FROM customers WHERE email = 'a@b.c'";
    const mayReveal: MayReveal = (columns) => columns.every((column) => column.class === 'email');
    expect((await shown(sql, [], mayReveal)).text).toBe(sql);
  });

  it('takes every constant out where the meaning of names is not certain', async () => {
    const sql = "CREATE TABLE t AS SELECT 1; SELECT /* 'k' */ 12, 'a''b', true, \"q'q\" FROM t -- 'c'";
    expect((await shown(sql, ['x'])).parameters).toEqual(['***']);
    expect((await shown(sql)).text).toBe(
      "CREATE TABLE t AS SELECT '***'; SELECT /* 'k' */ '***', '***', '***', \"q'q\" FROM t -- 'c'",
    );
  });

  it('masks what detectors find in the rest: text, parameters, effects', () => {
    const detectors = compileDetectors({ email: 'mask' });
    const ran = {
      text: "SELECT 'ann@shop.example' -- bob@shop.example",
      parameters: ['eve@shop.example', null],
      effects: ['exec on target web (mail joe@shop.example)'],
      secrets: null,
    };
    expect(JSON.stringify(showOperation(ran, detectors))).not.toMatch(/(ann|bob|eve|joe)@shop/);
  });

  it('finds a text’s form once, until the detectors are others', () => {
    let settings: { email?: 'mask' } = {};
    const operations = new ShownOperations(() => settings);
    const ran = { text: "SELECT 'ann@shop.example'", parameters: [], effects: ['select'], secrets: null };
    expect(operations.of(ran)).toBe(operations.of(ran));
    expect(operations.of(ran).text).toBe(ran.text);
    settings = { email: 'mask' };
    expect(operations.of(ran).text).not.toContain('ann@shop');
  });

  it('shows another text with the same effects as its own, and parameters of few digits as they are', () => {
    const everything = {
      email: 'mask',
      card: 'mask',
      iban: 'mask',
      phone: 'mask',
      'national-id': 'mask',
      token: 'mask',
    } as const;
    const operations = new ShownOperations(() => everything);
    const ran = (text: string, parameters: readonly (string | null)[]) => ({
      text,
      parameters,
      effects,
      secrets: null,
    });
    const effects = ['select where x = ann@shop.example'];
    expect(operations.of(ran('select 1', [])).effects.join()).not.toContain('ann@shop');
    const other = operations.of(ran("select 'eve@shop.example'", []));
    expect(other.text).not.toContain('eve@shop');
    expect(other.effects.join()).not.toContain('ann@shop');
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(999_999).map(String)), { maxLength: 4 }), (parameters) => {
        const wanted = showOperation(ran('select 2', parameters), compileDetectors(everything)).parameters;
        expect(operations.of(ran('select 2', parameters)).parameters).toEqual(wanted);
      }),
    );
    expect(operations.of(ran('select 2', ['1', '4111111111111111'])).parameters[1]).not.toContain('411111111111');
  });
});
