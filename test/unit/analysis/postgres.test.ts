import { afterAll, describe, expect, it } from 'vitest';
import { readCatalog } from '../../../src/analysis/catalog.js';
import { createPostgresAnalyser } from '../../../src/analysis/postgres.js';
import { distrust } from '../../../src/analysis/distrust.js';
import { inferred, only, shopCatalog, shopClasses } from './shop.js';

const analyser = createPostgresAnalyser({ timeoutMs: 1500 });
const raw = shopCatalog();
const catalog = await analyser.loadCatalog(raw, shopClasses);

afterAll(() => analyser.close());

describe('the analyser', () => {
  it('answers from its cache at once, by the exact text and the catalog', async () => {
    const sql = 'SELECT email FROM customers WHERE id = 1';
    expect(analyser.cached(sql, catalog)).toBeNull();
    const analysis = await analyser.analyse(sql, catalog);
    expect(analyser.cached(sql, catalog)).toBe(analysis);
    expect(analyser.cached(`${sql} `, catalog)).toBeNull();
    const other = await analyser.loadCatalog(raw, { ...shopClasses, columns: [] });
    expect(analyser.cached(sql, other)).toBeNull();
    expect(only(await analyser.analyse(sql, other)).touchesProtected).toBe(false);
  });

  it('gives the same handle for the same catalog, and a new epoch for a changed one', async () => {
    expect(await analyser.loadCatalog(shopCatalogOf(raw), shopClasses)).toBe(catalog);
    const changed = await analyser.loadCatalog({ ...raw, searchPath: [] }, shopClasses);
    expect(changed.epoch).not.toBe(catalog.epoch);
  });

  it('tells the origins that RowDescription will name, views and partitions included', () => {
    const byName = (name: string) => raw.relations.find((relation) => relation.name === name)?.oid ?? 0;
    const origin = (name: string, attnum: number) => catalog.protectedOrigins.get(`${byName(name)}.${attnum}`);
    expect(origin('customers', 3)).toMatchObject({ derived: false, sources: [{ class: 'email' }] });
    expect(origin('customers', 1)).toBeUndefined();
    expect(origin('contacts', 2)).toMatchObject({ derived: false, sources: [{ table: 'customers', column: 'email' }] });
    expect(origin('contacts', 3)).toMatchObject({ derived: true });
    expect(origin('people_eu', 1)).toMatchObject({ derived: false, sources: [{ table: 'people_eu', class: 'ssn' }] });
    expect(catalog.knownRelations.has(byName('pg_class'))).toBe(true);
  });

  it('refuses a major it has no parser for', async () => {
    const load = (serverMajor: number) => analyser.loadCatalog({ ...raw, serverMajor }, shopClasses);
    await expect(load(12)).rejects.toThrow(
      'PostgreSQL 12 is too old for this gateway: it has the parsers of PostgreSQL 13',
    );
    await expect(load(99)).rejects.toThrow('PostgreSQL 99 is newer than this gateway');
  });

  it('says so before it asks such a server for anything that may have another form there', async () => {
    const asked: string[] = [];
    const self = {
      major: 19,
      database: 'd',
      user: 'u',
      path: [],
      movers: [],
      builtins: '',
      oid: 1,
      encoding: 'UTF8',
      ctype: 'C',
      names_itself: true,
      prepared: false,
    };
    const query = (sql: string) => {
      asked.push(sql);
      return Promise.resolve([{ row: JSON.stringify(self) }]);
    };
    await expect(readCatalog(query)).rejects.toThrow('PostgreSQL 19 is newer than this gateway');
    expect(asked).toHaveLength(1);
  });

  it('reports a syntax error with its position', async () => {
    expect(await analyser.analyse('SELECT 1 FRM x', catalog)).toEqual({
      ok: false,
      reason: 'syntax',
      message: 'syntax error at or near "x"',
      position: 14,
    });
  });

  it('cuts statements by UTF-8 bytes', async () => {
    const analysis = await analyser.analyse("SELECT 'ä€😀'; DELETE FROM orders ; -- end", catalog);
    expect(analysis.ok && analysis.statements.map((statement) => statement.text)).toEqual([
      "SELECT 'ä€😀'",
      'DELETE FROM orders',
    ]);
  });

  it.each(['', '  ', ';', '-- nothing', ' /* x */ ; ;'])('has no statements in %j', async (sql) => {
    expect(await analyser.analyse(sql, catalog)).toEqual({ ok: true, statements: [] });
  });

  it.each([
    ['a NUL', 'SELECT 1\u0000; DROP TABLE orders'],
    ['a lone surrogate', "SELECT '\uD800'"],
    ['more than 1 MiB', `SELECT '${'x'.repeat(1024 * 1024)}'`],
    ['more than 1 MiB of UTF-8', `SELECT '${'€'.repeat(400_000)}'`],
  ])('refuses %s', async (_what, sql) => {
    expect(await analyser.analyse(sql, catalog)).toMatchObject({ ok: false, reason: 'refused' });
  });

  it('refuses too many statements', async () => {
    expect(await analyser.analyse('SELECT 1;'.repeat(1001), catalog)).toMatchObject({ ok: false, reason: 'refused' });
  });

  it('survives expressions that break the parser, again and again', async () => {
    for (let round = 0; round < 3; round++) {
      const deep = await analyser.analyse(`SELECT ${"'a'||".repeat(100_000)}'b'`, catalog);
      expect(deep).toMatchObject({ ok: false, reason: 'refused' });
      expect(only(await analyser.analyse(`SELECT email, ${round} FROM customers`, catalog)).touchesProtected).toBe(
        true,
      );
    }
  });

  it('shares one analysis among those who ask at the same time', async () => {
    const sql = 'SELECT id FROM customers WHERE id = 77';
    const [first, second] = await Promise.all([analyser.analyse(sql, catalog), analyser.analyse(sql, catalog)]);
    expect(first).toBe(second);
  });

  it('refuses a catalog it did not load', async () => {
    const stranger = { ...catalog, epoch: 999 };
    expect(await analyser.analyse('SELECT 2', stranger)).toMatchObject({ ok: false, reason: 'refused' });
  });

  it('keeps its cache within bounds', async () => {
    const small = createPostgresAnalyser({ workers: 1, maxCacheEntries: 2 });
    try {
      const handle = await small.loadCatalog(raw, shopClasses);
      for (const n of [1, 2, 3]) await small.analyse(`SELECT ${n}`, handle);
      expect([1, 2, 3].map((n) => small.cached(`SELECT ${n}`, handle) !== null)).toEqual([false, true, true]);
    } finally {
      await small.close();
    }
  });

  it('refuses what takes too long, and goes on', async () => {
    const hasty = createPostgresAnalyser({ workers: 1, timeoutMs: 20 });
    try {
      const handle = await hasty.loadCatalog(raw, shopClasses);
      const slow = `SELECT ${Array.from({ length: 60_000 }, (_, n) => `lower('x${n}')`).join(',')}`;
      expect(await hasty.analyse(slow, handle)).toMatchObject({ ok: false, reason: 'refused' });
      const answers = [];
      for (let round = 0; round < 20 && answers.length === 0; round++) {
        const analysis = await hasty.analyse(`SELECT ${round}`, handle);
        if (analysis.ok) answers.push(analysis);
      }
      expect(answers).toHaveLength(1);
    } finally {
      await hasty.close();
    }
  });

  it('answers nobody after it is closed', async () => {
    const closed = createPostgresAnalyser({ workers: 1 });
    const handle = await closed.loadCatalog(raw, shopClasses);
    await closed.close();
    expect(await closed.analyse('SELECT 1', handle)).toMatchObject({ ok: false, reason: 'refused' });
  });

  it('can be told that names may have moved', async () => {
    const analysis = await analyser.analyse('SELECT id FROM orders', catalog);
    const distrusted = only(distrust(analysis, catalog, 'demo-db'));
    expect(distrusted.output).toBe('unknown');
    expect(inferred(distrusted)).toContain('customers.email');
    expect(only(distrust(await analyser.analyse('BEGIN', catalog), catalog, 'demo-db')).effects).toHaveLength(1);
  });
});

/** The same content in other objects. */
function shopCatalogOf<T>(value: T): T {
  return structuredClone(value);
}
