import { describe, expect, it } from 'vitest';
import { inferred, only, shopAnalyser } from './shop.js';

const analyse = await shopAnalyser();
const infers = (sql: string): readonly string[] => inferred(only(analyse(sql)));
const subquery = '(SELECT email FROM customers LIMIT 1)';

describe('an expression that a definition keeps', () => {
  it.each([
    `CREATE TABLE t (id int, x text DEFAULT ${subquery})`,
    `CREATE TABLE t (id int CHECK (id > length(${subquery})))`,
    `CREATE TABLE t (id int, CHECK (${subquery} > 'm'))`,
    `ALTER TABLE notes ALTER COLUMN id SET DEFAULT ${subquery}`,
    `CREATE POLICY p ON orders USING (${subquery} > 'm')`,
    `CREATE POLICY p ON orders WITH CHECK (${subquery} > 'm')`,
    `ALTER POLICY p ON orders USING (${subquery} > 'm')`,
    `CREATE DOMAIN d AS text DEFAULT ${subquery}`,
    `ALTER DOMAIN d SET DEFAULT ${subquery}`,
    `ALTER DOMAIN d ADD CONSTRAINT c CHECK (value > ${subquery})`,
  ])('shows what it reads: %s', (sql) => {
    expect(infers(sql)).toContain('customers.email');
  });

  it.each([
    'CREATE POLICY p ON customers USING (email > name)',
    'CREATE POLICY p ON customers USING (customers.email IS NULL)',
    "CREATE TRIGGER t BEFORE UPDATE ON customers FOR EACH ROW WHEN (old.email > 'm') EXECUTE FUNCTION f()",
    'CREATE TABLE t (CHECK (email IS NOT NULL)) INHERITS (customers)',
  ])('shows what its own table hides: %s', (sql) => {
    expect(infers(sql)).toContain('customers.email');
  });

  it.each([
    'CREATE TABLE t (id int PRIMARY KEY, price numeric CHECK (price > 0), CHECK (id < price), made timestamptz DEFAULT now())',
    'CREATE TABLE t (email text CHECK (length(email) < 100))',
    'CREATE POLICY p ON orders USING (id > 0)',
    'CREATE DOMAIN positive AS int CHECK (value > 0)',
    'ALTER DOMAIN positive SET DEFAULT 1',
    'ALTER DOMAIN positive DROP DEFAULT',
    'ALTER DOMAIN positive ADD CHECK (value < 10)',
    'ALTER TABLE notes ALTER COLUMN id SET DEFAULT 0',
    'CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW WHEN (old.id <> new.id) EXECUTE FUNCTION f()',
  ])('shows nothing by itself: %s', (sql) => {
    expect(infers(sql)).toEqual([]);
  });
});
