import { describe, expect, it } from 'vitest';
import { effectText, inferred, only, outputText, shopAnalyser } from './shop.js';

describe.each([13, 14, 15, 16, 17, 18])('with the parser of PostgreSQL %i', (major) => {
  it('reads constants, strings and names alike', async () => {
    const analyse = await shopAnalyser(major);
    // Before 15 the parser writes true as a cast of 't'.
    const constant = major === 13 ? 'bool' : '?column?';
    expect(outputText(only(analyse("SELECT email AS e, lower(email), 'x', 1, true, null FROM customers")))).toBe(
      `e<customers.email>, lower<~customers.email>, ?column?, ?column?, ${constant}, ?column?`,
    );
    expect(only(analyse('DELETE FROM orders WHERE 1 = 1')).effects.map(effectText)).toEqual([
      'delete public.orders !unfiltered',
    ]);
    expect(only(analyse("SET search_path = ''")).effects.map(effectText)).toEqual([
      'setSafeParameter search_path {search_path}',
    ]);
    expect(only(analyse("SELECT set_config('search_path', 'x', false)")).effects.map(effectText)).toEqual([
      'setParameter search_path {search_path}',
    ]);
    expect(outputText(only(analyse('DELETE FROM customers WHERE id = 1 RETURNING email')))).toBe(
      'email<customers.email>',
    );
    expect(inferred(only(analyse('SELECT id, email FROM customers ORDER BY 2')))).toEqual(['customers.email']);
    expect(inferred(only(analyse("SELECT coalesce(email, 'a' || 'b') FROM customers")))).toEqual([]);
    const filling =
      "CREATE TRIGGER t BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger('words', 'simple', 'email')";
    expect(inferred(only(analyse(filling)))).toEqual(['customers.email']);
    expect(only(analyse("COPY orders TO STDOUT (FORMAT csv, DELIMITER ';', HEADER)")).changes).toMatchObject([
      { type: 'copyOut', format: 'csv', csv: { delimiter: ';', nullText: '', quote: '"', escape: '"', header: true } },
    ]);
  });
});

describe('a condition of COPY FROM', () => {
  it.each([
    ["customer_email(1) LIKE 'a%'", ['customers.email'], 'callFunction public.customer_email'],
    ['purge() IS NULL', [], 'callFunction public.purge'],
    ["email LIKE 'a%'", [], null],
  ])('%s', async (condition, columns, call) => {
    const analyse = await shopAnalyser(15);
    const statement = only(analyse(`COPY customers (id, email) FROM STDIN WHERE ${condition}`));
    expect(inferred(statement)).toEqual(columns);
    const calls = statement.effects.map(effectText).filter((effect) => effect.startsWith('callFunction'));
    if (call === null) expect(calls).toEqual([]);
    else expect(calls.join()).toContain(call);
  });
});

describe('what only newer majors have', () => {
  it.each([
    ['casefold(left(email, 1)), unicode_assigned(left(phone, 1))', ['customers.email', 'customers.phone']],
    ['casefold(email), unicode_assigned(phone)', []],
  ])('knows that a database not in UTF8 cannot do it: %s (18)', async (list, columns) => {
    const analyse = await shopAnalyser(18);
    expect(inferred(only(analyse(`SELECT ${list} FROM customers`)))).toEqual(columns);
  });

  it('reads MERGE with RETURNING (17)', async () => {
    const analyse = await shopAnalyser(17);
    const sql =
      'MERGE INTO customers c USING notes n ON n.id = c.id WHEN MATCHED THEN DELETE RETURNING merge_action(), c.email';
    expect(outputText(only(analyse(sql)))).toBe('merge_action, email<customers.email>');
  });

  it.each([
    ['ON true WHEN MATCHED THEN DELETE', ' !unfiltered'],
    ['ON o.id = o.id WHEN MATCHED THEN DELETE', ' !unfiltered'],
    ['ON false WHEN NOT MATCHED BY SOURCE THEN DELETE', ' !unfiltered'],
    ['ON o.id = n.id WHEN MATCHED THEN DELETE', ''],
    ["ON true WHEN MATCHED AND o.status = 'x' THEN DELETE", ''],
    ['ON o.id = n.id WHEN NOT MATCHED BY SOURCE THEN DELETE', ''],
  ])('says of MERGE whether it chooses its rows: %s (17)', async (rest, expected) => {
    const analyse = await shopAnalyser(17);
    const statement = only(analyse(`MERGE INTO orders o USING notes n ${rest}`));
    expect(statement.effects.map(effectText)).toContain(`delete public.orders${expected}`);
  });

  it('reads RETURNING * of MERGE as the server gives it, the source first (17)', async () => {
    const analyse = await shopAnalyser(17);
    const sql =
      'MERGE INTO notes n USING (SELECT id, lower(email) AS e FROM customers) c ON n.id = c.id WHEN MATCHED THEN DELETE RETURNING *';
    expect(outputText(only(analyse(sql)))).toBe('id, e<~customers.email>, id, body');
  });

  it('reads RETURNING old and new (18)', async () => {
    const analyse = await shopAnalyser(18);
    const sql = 'UPDATE customers SET email = $1 WHERE id = 1 RETURNING old.email, new.id, o.phone';
    expect(outputText(only(analyse(sql.replace(', o.phone', ''))))).toBe('email<customers.email>, id');
    const named = sql.replace('RETURNING old.email', 'RETURNING WITH (OLD AS o) o.email');
    expect(outputText(only(analyse(named)))).toBe('email<customers.email>, id, phone<customers.phone>');
  });

  it('reads SQL/JSON (16 to 18)', async () => {
    const analyse = await shopAnalyser(18);
    const sql = `SELECT json_object('e': email), json_array(phone), json_arrayagg(email ORDER BY id), email IS JSON FROM customers`;
    expect(outputText(only(analyse(sql)))).toBe(
      'json_object<~customers.email>, json_array<~customers.phone>, json_arrayagg<~customers.email>, ?column?<~customers.email>',
    );
    const table = `SELECT t.a FROM customers, JSON_TABLE(profile, '$' COLUMNS (a text PATH '$.a')) t`;
    expect(outputText(only(analyse(table)))).toBe('a<~customers.profile>');
    expect(inferred(only(analyse(table)))).toEqual(['customers.profile']);
    expect(
      outputText(
        only(analyse(`SELECT JSON_VALUE(profile, '$.a'), JSON_ARRAY(SELECT email FROM customers) FROM customers`)),
      ),
    ).toBe('json_value<~customers.profile>, json_array<~customers.email>');
  });

  it.each([
    ['JSON_SERIALIZE(email)', ['customers.email']],
    ['JSON_SERIALIZE(profile)', []],
    ["JSON_SERIALIZE(JSON_OBJECT('e': email))", []],
    ["JSON_OBJECT('e': email FORMAT JSON)", ['customers.email']],
    ["JSON_OBJECT('e': email RETURNING varchar(9))", ['customers.email']],
    ["JSON_OBJECT('e': email RETURNING text)", []],
    ['JSON_ARRAY(phone FORMAT JSON)', ['customers.phone']],
    ['JSON_ARRAYAGG(phone FORMAT JSON)', ['customers.phone']],
    ["JSON_VALUE(email, '$')", ['customers.email']],
    ["JSON_EXISTS(left(email, 1), '$')", ['customers.email']],
    ["JSON_QUERY(email, '$')", ['customers.email']],
    ["JSON_VALUE(profile -> 'a', '$'), JSON_EXISTS(profile, '$.a'), JSON_QUERY(profile, '$')", []],
  ])('knows that SQL/JSON fails on what is no document: %s (17)', async (list, columns) => {
    const analyse = await shopAnalyser(17);
    expect(inferred(only(analyse(`SELECT ${list} FROM customers`)))).toEqual(columns);
  });
});
