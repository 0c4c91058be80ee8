import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { readCatalog } from '../../src/analysis/catalog.js';
import { createPostgresAnalyser } from '../../src/analysis/postgres.js';
import type { CatalogHandle, ClassifiedColumns, StatementAnalysis } from '../../src/analysis/postgres-types.js';
import { messageOf } from '../../src/lib/errors.js';
import { startPostgres } from '../support/postgres.js';

const classes: ClassifiedColumns = {
  target: 'demo-db',
  columns: [
    ['n1', 'b'],
    ['n2', 'a'],
    ['n3', 'one'],
    ['n3', 'column1'],
    ['n6', 'u'],
    ['n9', '*'],
  ].map(([table = '', column = '']) => ({ schema: 'public', table, column, class: `${table}-secret` })),
};

/** The same rows in the same order and of the same size, with other protected values. */
const otherValues = `
  UPDATE n1 SET b = reverse(b); UPDATE n2 SET a = reverse(a); UPDATE n3 SET one = reverse(one), column1 = reverse(column1);
  UPDATE n6 SET u = ROW(reverse((u).a), reverse((u).b), reverse((u).c))::n1;
  UPDATE n9 SET a = reverse(a), b = reverse(b), c = reverse(c), d = reverse(d), f1 = reverse(f1), f2 = reverse(f2),
    column1 = reverse(column1), column2 = reverse(column2), unnest = reverse(unnest), one = reverse(one)`;

interface Shown {
  readonly failed: string | null;
  readonly names: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** What a statement did in both worlds against what was foreseen. */
export interface Comparison {
  readonly accepted: boolean;
  /** What nobody foresaw; null where all was. */
  readonly wrong: string | null;
  /** The statement as a whole tells of protected values, so its columns were not looked at. */
  readonly infers: boolean;
  /** Columns with values that are the same in both worlds, and how many of them would be masked all the same. */
  readonly alike: number;
  readonly maskedAlike: number;
}

export interface NameWorlds {
  readonly major: number;
  compare(sql: string): Promise<Comparison>;
  stop(): Promise<void>;
}

/** Two databases that differ in protected values alone, and the analyser with the catalog of the first. */
export async function openNameWorlds(options: { readonly unclassified?: boolean } = {}): Promise<NameWorlds> {
  const server = await startPostgres({ settings: { autovacuum: 'off' } });
  const { host, port, superuser: user, password } = server;
  await server.query('CREATE DATABASE first');
  for (const file of ['./shop.sql', './names.sql'])
    await server.query(await readFile(new URL(file, import.meta.url), 'utf8'), 'first');
  await server.query('CREATE DATABASE second TEMPLATE first');
  await server.query(otherValues, 'second');
  for (const database of ['first', 'second']) await server.query('VACUUM FULL', database);
  const types = { getTypeParser: () => (value: unknown) => value };
  const worlds = await Promise.all(
    ['first', 'second'].map(async (database) => {
      const client = new pg.Client({ host, port, user, password, database, types });
      await client.connect();
      return client;
    }),
  );
  const [first] = worlds;
  if (first === undefined) throw new TypeError('no world');
  const analyser = createPostgresAnalyser();
  const raw = await readCatalog(async (sql) => (await first.query<{ row: string | null }>(sql)).rows);
  const catalog = await analyser.loadCatalog(
    raw,
    options.unclassified === true ? { ...classes, columns: [] } : classes,
  );
  return {
    major: raw.serverMajor,
    async compare(sql) {
      const [one, other] = await Promise.all(worlds.map((world) => show(world, sql)));
      if (one === undefined || other === undefined) throw new TypeError('no world');
      if (one.failed !== null && other.failed !== null) return rejected;
      return compareShown(await analyse(sql), one, other);
    },
    async stop() {
      for (const world of worlds) await world.end();
      await analyser.close();
      await server.stop();
    },
  };

  async function analyse(sql: string): Promise<StatementAnalysis | string> {
    const analysis = await analyser.analyse(sql, catalog satisfies CatalogHandle);
    if (!analysis.ok) return analysis.message;
    return analysis.statements[0] ?? 'no statement';
  }
}

const rejected: Comparison = { accepted: false, wrong: null, infers: false, alike: 0, maskedAlike: 0 };

/** What a statement shows; nothing of it stays. */
async function show(world: pg.Client, sql: string): Promise<Shown> {
  const isWrite = /\b(INSERT|UPDATE|DELETE|MERGE)\b/.test(sql);
  try {
    if (isWrite) await world.query('BEGIN');
    const { fields, rows } = await world.query<unknown[]>({ text: sql, rowMode: 'array' });
    return { failed: null, names: fields.map(({ name }) => name), rows };
  } catch (error) {
    return { failed: messageOf(error), names: [], rows: [] };
  } finally {
    if (isWrite) await world.query('ROLLBACK');
  }
}

function compareShown(statement: StatementAnalysis | string, one: Shown, other: Shown): Comparison {
  const found = { accepted: true, wrong: null, infers: false, alike: 0, maskedAlike: 0 };
  if (typeof statement === 'string') return { ...found, wrong: `cannot be read: ${statement}` };
  const output = typeof statement.output === 'string' ? null : statement.output;
  const names = output?.map(({ name }) => name) ?? one.names;
  if (JSON.stringify(names) !== JSON.stringify(one.names))
    return { ...found, wrong: `columns are ${one.names.join()}, not ${names.join()}` };
  if (statement.effects.some(({ action }) => action === 'infer')) return { ...found, infers: true };
  if (one.failed !== other.failed) return { ...found, wrong: `fails with ${one.failed} or ${other.failed}` };
  if (one.rows.length !== other.rows.length) return { ...found, wrong: 'row counts differ' };
  const isMasked = one.names.map((_, at) => {
    const column = output?.[at];
    return column === undefined || column.unknown || column.sources.length > 0;
  });
  const differs = one.names.map((_, at) => one.rows.some((row, index) => row[at] !== other.rows[index]?.[at]));
  const leak = differs.findIndex((isDifferent, at) => isDifferent && isMasked[at] !== true);
  const isFilled = (at: number) => one.rows.some((row) => row[at] !== null);
  const alike = one.names.flatMap((_, at) => (differs[at] !== true && isFilled(at) ? [at] : []));
  return {
    ...found,
    wrong: leak < 0 ? null : `column ${leak + 1} (${one.names[leak]}) differs and is shown`,
    alike: alike.length,
    maskedAlike: alike.filter((at) => isMasked[at]).length,
  };
}
