import { describe, expect, it } from 'vitest';
import { effectText, only, shopAnalyser } from './shop.js';

const analyse = await shopAnalyser();
const effects = (sql: string): readonly string[] => only(analyse(sql)).effects.map(effectText);
const call = 'callFunction public.check_it [user volatile]';

describe('a type whose conversion calls a user function', () => {
  it.each([
    "SELECT '{x}'::checked[]",
    `SELECT * FROM json_to_record('{"a": "x"}') AS t(a checked)`,
    `SELECT * FROM jsonb_to_recordset('[{"a": "x"}]') AS t(a public.checked)`,
    "SELECT * FROM xmltable('/r' PASSING '<r>x</r>' COLUMNS a checked PATH '.')",
    'PREPARE p(checked) AS SELECT $1',
    `SELECT (SELECT a FROM json_to_record('{"a": "x"}') AS t(a checked))`,
    'CREATE TABLE t (a checked)',
  ])('is a call in %s', (sql) => {
    expect(effects(sql)).toContain(call);
  });

  it('is none where only its name stands', () => {
    expect(effects("SELECT 'checked', id AS checked FROM orders")).not.toContain(call);
  });
});

describe("a write to the server's own catalogs", () => {
  it.each([
    'INSERT INTO pg_catalog.pg_largeobject_metadata SELECT 1, 10, NULL',
    "UPDATE pg_class SET relname = 'x'",
    'DELETE FROM pg_class WHERE oid = 1',
    'COPY pg_catalog.pg_class FROM STDIN',
  ])('is an act of control: %s', (sql) => {
    expect(effects(sql)).toContain('alterSystem @ {system catalog}');
  });

  it('is not what UPDATE of pg_settings is', () => {
    expect(effects("UPDATE pg_settings SET setting = 'x' WHERE name = 'work_mem'")).not.toContain(
      'alterSystem @ {system catalog}',
    );
  });
});
