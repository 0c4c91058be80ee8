import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readCatalogMark } from '../../src/analysis/catalog-mark.js';
import { readCatalog } from '../../src/analysis/catalog.js';
import { createPostgresAnalyser } from '../../src/analysis/postgres.js';
import { SluiceError } from '../../src/lib/errors.js';
import type { Classification } from '../../src/masking/types.js';
import { TargetCatalogs } from '../../src/protocols/postgres/catalogs.js';
import type { TargetConfig } from '../../src/sessions/types.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';

const nothing: Classification = { classes: {}, columns: [], detectors: {} };

let servers: readonly TestPostgres[];
beforeAll(async () => {
  servers = await Promise.all(['berlin', 'madrid'].map(startIn));
}, 120_000);
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

async function startIn(city: string): Promise<TestPostgres> {
  const server = await startPostgres();
  await server.query(`create schema ${city}; alter database postgres set search_path = ${city}`);
  return server;
}

/** One address that means another server in each network. */
function by(relay: string, server: TestPostgres | undefined): TargetConfig {
  if (server === undefined) throw new Error('no server');
  return {
    ...{ name: 'orders', kind: 'postgres', labels: {}, host: 'db.internal', port: 5432, database: 'postgres' },
    ...{ tls: { mode: 'disable', ca: null }, username: server.superuser, recording: 'strict' },
    readSecret: () => Promise.resolve(server.password),
    relay: {
      name: relay,
      async connect(signal) {
        const socket = connect(server.port, '127.0.0.1');
        await once(socket, 'connect', { signal });
        return socket;
      },
    },
  };
}

let readings = 0;
let looks = 0;
let uptime = 0;
const saved: string[] = [];
const analyser = createPostgresAnalyser({ workers: 1 });
afterAll(() => analyser.close());

function newCatalogs(): TargetCatalogs {
  return new TargetCatalogs({
    ...{ analyser, now: Date.now },
    readCatalog: (query, known) => {
      readings++;
      return readCatalog(query, known);
    },
    readCatalogMark: async (query) => {
      const mark = await readCatalogMark(query);
      looks++;
      return mark;
    },
    uptime: () => uptime,
    narrow: (_classification, { name }) => ({ target: name, columns: [] }),
    copiedColumns: {
      list: (_target, database) => (saved.push(database), []),
      ofIdentity: () => [],
      save: () => undefined,
      remove: () => undefined,
    },
  });
}

it('takes one address for two databases where two relays lead to it, each in its own network', async () => {
  const catalogs = newCatalogs();
  const [berlin, madrid] = servers;
  expect((await catalogs.load(by('berlin', berlin), nothing)).path).toEqual(['berlin']);
  // The bundle now names another relay for the target: what is known of it is of another server.
  expect(catalogs.current(by('madrid', madrid), nothing)).toBeNull();
  expect((await catalogs.load(by('madrid', madrid), nothing)).path).toEqual(['madrid']);
  // Nor are copies that were made in the one protected, or forgotten, in the other.
  expect(new Set(saved).size).toBe(2);
});

it('reads again as often as it is asked to without a flood of readings, and keeps what is still so', async () => {
  const catalogs = newCatalogs();
  const [server] = servers;
  const target = by('berlin', server);
  const sibling = { ...target, name: 'orders-for-reports' };
  const first = await catalogs.load(target, nothing);
  await catalogs.load(sibling, nothing);
  readings = 0;
  const asked = Array.from({ length: 50 }, () => catalogs.fresh(target, nothing));
  // Whoever runs statements meanwhile does not wait.
  expect(catalogs.current(target, nothing)).toBe(first);
  for (const seen of await Promise.all(asked)) expect(seen).toBe(first);
  expect(readings).toBe(1);

  // One is under way when the database changes: it may have seen that or not, the next one has.
  const before = catalogs.fresh(target, nothing);
  await before;
  const early = catalogs.fresh(target, nothing);
  await server?.query('create table berlin.since_then (id int)');
  const late = catalogs.fresh(target, nothing);
  await early;
  expect(await late).not.toBe(first);
  expect(catalogs.current(target, nothing)).toBe(await late);
  expect(catalogs.current(sibling, nothing)).toBeNull();
});

it('asks the target while it is used whether all is as it was, and does not use what it has not heard of for long', async () => {
  const catalogs = newCatalogs();
  const [, server] = servers;
  const target = by('madrid', server);
  const first = await catalogs.load(target, nothing);
  [readings, looks] = [0, 0];
  const later = (ms: number): void => void (uptime += ms);
  const answered = async (count: number): Promise<void> => {
    await vi.waitFor(() => expect(looks).toBe(count));
    await setImmediate(); // what was waiting for the answer has it
  };

  later(1_900);
  expect(catalogs.current(target, nothing)).toBe(first);
  expect(looks).toBe(0);
  // Beside what runs, once, however many ask.
  later(200);
  for (let i = 0; i < 50; i++) expect(catalogs.current(target, nothing)).toBe(first);
  await answered(1);
  later(9_900);
  expect(catalogs.current(target, nothing)).toBe(first);
  // Ten seconds after the last answer nothing is at hand: who comes then waits, and has what is still so.
  await answered(2);
  later(10_100);
  expect(catalogs.current(target, nothing)).toBeNull();
  expect(await Promise.all([catalogs.load(target, nothing), catalogs.load(target, nothing)])).toEqual([first, first]);
  expect(catalogs.current(target, nothing)).toBe(first);
  expect(readings).toBe(0);

  await server?.query('create view madrid.newcomer as select 1 as one');
  later(10_100);
  expect(catalogs.current(target, nothing)).toBeNull();
  const second = await catalogs.load(target, nothing);
  expect(second).not.toBe(first);
  expect(readings).toBe(1);
  later(10_100);
  expect(await catalogs.load(target, nothing)).toBe(second);
  catalogs.close();
});

it('fails where the target cannot be asked any more, and goes on over a new connection when it can', async () => {
  const catalogs = newCatalogs();
  const [, server] = servers;
  const target = by('madrid', server);
  const first = await catalogs.load(target, nothing);
  const cut = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sluice catalog'";
  const lost: TargetConfig = {
    ...target,
    relay: {
      name: 'madrid',
      connect: () => Promise.reject(new SluiceError('target_unreachable', 'the relay is away')),
    },
  };
  uptime += 10_100;
  expect(await catalogs.load(target, nothing)).toBe(first);
  await server?.query(cut);
  uptime += 10_100;
  await expect(catalogs.load(lost, nothing)).rejects.toMatchObject({ code: 'target_unreachable' });
  expect(catalogs.current(target, nothing)).toBeNull();
  expect(await catalogs.load(target, nothing)).toBe(first);
  catalogs.close();
});

const stays = [
  'create temp table fleeting (id int); insert into fleeting values (1)',
  'analyze watched',
  'vacuum watched',
  'insert into watched values (4)',
  'create index on watched (id)',
  'begin; create table never (); rollback',
];
const changes = [
  'create or replace view watched_view as select id + 1 as id from watched',
  'alter table watched rename id to ident',
  'alter table watched add more text',
  'alter table watched alter more set default now()::text',
  'alter table watched drop more',
  'alter table watched disable trigger watched_trigger',
  'create rule quiet as on delete to watched do instead nothing',
  'alter table watched disable rule quiet',
  'create table heir () inherits (watched)',
  'alter table heir no inherit watched',
  'create table child (id int references unique_ones on delete cascade)',
  "create or replace function watched_function() returns text language sql as 'select version()'",
  'alter function watched_function() volatile security definer',
  'alter function watched_function() rename to other_function',
  'create schema elsewhere; alter view watched_view set schema elsewhere',
  'alter schema elsewhere rename to somewhere',
  'create domain small as int',
  'alter domain small add check (value < 10)',
  'create type pair as (a int, b int)',
  'alter type pair rename attribute b to c',
  'create cast (pair as text) with inout as assignment',
  'create type span as range (subtype = pair)',
  'create operator === (leftarg = int, rightarg = int, function = int4eq)',
  'create extension if not exists pg_trgm',
  'alter extension pg_trgm drop function similarity(text, text)',
  "create function watching() returns event_trigger language plpgsql as 'begin end'",
  'create event trigger watching on ddl_command_end execute function watching()',
  'alter event trigger watching disable',
  'alter database postgres set search_path = madrid, public',
  'drop view somewhere.watched_view',
];

it('knows another catalog by its mark, and the same by the same', async () => {
  const [, server] = servers;
  if (server === undefined) throw new Error('no server');
  const mark = (): Promise<string> =>
    readCatalogMark(async (sql) => (await server.query(sql)) as { row: string | null }[]);
  await server.query(`create table watched (id int); create view watched_view as select id from watched;
    create table unique_ones (id int primary key);
    create function watched_function() returns text language sql as 'select current_user::text';
    create trigger watched_trigger before update on watched for each row execute function suppress_redundant_updates_trigger()`);
  let before = await mark();
  for (const sql of stays) {
    await server.query(sql);
    expect(await mark(), sql).toBe(before);
  }
  for (const sql of changes) {
    await server.query(sql);
    const after = await mark();
    expect(after, sql).not.toBe(before);
    before = after;
  }
});
