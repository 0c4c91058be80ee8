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

it('takes one address for two databases where two relays lead to it, each in its own network', async () => {
  const analyser = createPostgresAnalyser({ workers: 1 });
  const saved: string[] = [];
  const catalogs = new TargetCatalogs({
    ...{ analyser, readCatalog, now: Date.now },
    narrow: (_classification, { name }) => ({ target: name, columns: [] }),
    copiedColumns: {
      list: (_target, database) => (saved.push(database), []),
      save: () => undefined,
      remove: () => undefined,
    },
  });
  const [berlin, madrid] = servers;
  expect((await catalogs.load(by('berlin', berlin), nothing)).path).toEqual(['berlin']);
  // The bundle now names another relay for the target: what is known of it is of another server.
  expect(catalogs.current(by('madrid', madrid), nothing)).toBeNull();
  expect((await catalogs.load(by('madrid', madrid), nothing)).path).toEqual(['madrid']);
  // Nor are copies that were made in the one protected, or forgotten, in the other.
  expect(new Set(saved).size).toBe(2);
  await analyser.close();
});
