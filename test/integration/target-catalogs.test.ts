import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readCatalog } from '../../src/analysis/catalog.js';
import { createPostgresAnalyser } from '../../src/analysis/postgres.js';
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
    narrow: (_classification, { name }) => ({ target: name, columns: [] }),
    copiedColumns: {
      list: (_target, database) => (saved.push(database), []),
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
