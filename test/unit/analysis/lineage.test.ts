import { describe, expect, it } from 'vitest';
import { harmless, outputs, shapes } from './forms.js';
import { inferred, only, outputText, shopAnalyser } from './shop.js';

const analyse = await shopAnalyser();

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
