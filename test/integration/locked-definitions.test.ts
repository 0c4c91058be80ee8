import pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { readCatalog } from '../../src/analysis/catalog.js';
import type { RawCatalog } from '../../src/analysis/postgres-types.js';
import { withCatalogConnection } from '../../src/protocols/postgres/catalog-connection.js';
import type { TargetConfig } from '../../src/sessions/types.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';

let server: TestPostgres;
let target: TargetConfig;
let migration: pg.Client;
beforeAll(async () => {
  server = await startPostgres();
  target = {
    ...{ name: 'orders', kind: 'postgres', labels: {}, host: '127.0.0.1', port: server.port, database: 'postgres' },
    ...{ tls: { mode: 'disable', ca: null }, username: server.superuser, recording: 'strict' },
    readSecret: () => Promise.resolve(server.password),
  };
  await server.query(`
    create table early (id int default 1 + 1); create table late (id int);
    create view over_early as select id from early; create view over_late as select id as shown from late;
    create rule quiet as on delete to late do instead nothing;
    create function counted() returns bigint begin atomic select count(*) from late; end`);
  migration = new pg.Client({ ...connection(), application_name: 'migration' });
  await migration.connect();
}, 120_000);
afterAll(async () => {
  await migration.end();
  await server.stop();
});
beforeEach(() => migration.query('rollback'));

const connection = (): pg.ClientConfig => ({
  ...{ host: '127.0.0.1', port: server.port, database: 'postgres', user: server.superuser, password: server.password },
});

const read = (known: Pick<RawCatalog, 'printed'> = {}): Promise<RawCatalog> =>
  withCatalogConnection(target, (query) => readCatalog(query, known));

const shownOf = (raw: RawCatalog) => ({
  early: raw.relations.find(({ name }) => name === 'over_early')?.definition?.trim(),
  late: raw.relations.find(({ name }) => name === 'over_late')?.definition?.trim(),
  rule: raw.rules?.[0]?.definition,
  body: raw.functions.find(({ name }) => name === 'counted')?.body,
  whole: raw.printed?.complete,
});

it('reads around what a migration holds to itself, and does not know what is behind it', async () => {
  const before = shownOf(await read());
  expect(before).toMatchObject({ early: expect.stringContaining('early'), late: expect.stringContaining('late') });
  expect(before).toMatchObject({ whole: true, rule: expect.any(String), body: expect.stringContaining('late') });
  await migration.query('begin; lock table late in access exclusive mode');
  expect(shownOf(await read())).toEqual({ ...before, late: undefined, rule: null, body: null, whole: false });
  await migration.query('commit');
  expect(shownOf(await read())).toEqual(before);
});

it('takes what it knew of that while everything is as it was, and not when a name has moved', async () => {
  const first = await read();
  await migration.query('begin; truncate late; lock table over_late in access exclusive mode');
  const second = await read(first);
  expect(shownOf(second)).toEqual({ ...shownOf(first), whole: false });
  await server.query('alter table early rename id to renamed');
  expect(shownOf(await read(second))).toMatchObject({ late: undefined, rule: null, body: null, whole: false });
  await server.query('alter table early rename renamed to id');
  expect(shownOf(await read(second))).toEqual(shownOf(second));
});

it('waits no longer behind somebody who waits for the lock', async () => {
  const reader = new pg.Client(connection());
  await reader.connect();
  await reader.query('begin; select from late');
  const waiting = migration.query('begin; alter table late add column more int');
  for (let isWaiting = false; !isWaiting; await sleep(20)) {
    const [row] = await server.query(
      "select wait_event_type from pg_stat_activity where application_name = 'migration'",
    );
    isWaiting = row?.['wait_event_type'] === 'Lock';
  }
  expect(shownOf(await read())).toMatchObject({ early: expect.any(String), late: undefined, whole: false });
  await reader.query('rollback');
  await waiting;
  await reader.end();
});

it('is never half of a deadlock, which would end the migration', async () => {
  // Printing this one takes `early` and then waits for `late`; the migration has `late` and then wants `early`.
  await server.query('create view over_both as select early.id from early, late');
  await migration.query('begin; lock table late in access exclusive mode');
  let other: Promise<unknown> = Promise.resolve();
  await withCatalogConnection(target, async (query) => {
    const { bounded } = query;
    if (bounded === undefined) throw new Error('this wait has no bound');
    let isFirst = true;
    const meeting = async (sql: string) => {
      const printing = bounded(sql);
      if (isFirst) {
        isFirst = false;
        await sleep(40);
        other = migration.query('lock table early in access exclusive mode');
      }
      return await printing;
    };
    const raw = await readCatalog(Object.assign((sql: string) => query(sql), { bounded: meeting }));
    expect(shownOf(raw).whole).toBe(false);
  });
  await other;
  await migration.query('commit');
  await server.query('drop view over_both');
});
