import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startReplica } from '../support/replica.js';
import { type OpenGateway, pgClient, startOpenGateway } from './open-gateway.js';

const secret = 'QXZ-41-7W93';
const ways = ['orders', 'orders-by-name', 'orders-replica'] as const;
const rules = {
  classification:
    'classes: { ssn: { mask: last4 } }\ncolumns:\n  - { column: public.people.ssn, class: ssn }\ndetectors: {}\n',
  policies: '@id("all") permit (principal, action, resource) unless { action == Action::"reveal" };\n',
};

let replica: { readonly port: number; stop(): Promise<void> };
let gateway: OpenGateway;
const clients = new Map<string, pg.Client>();
beforeAll(async () => {
  gateway = await startOpenGateway(['app', 'other'], rules, {
    async targets(postgres) {
      await postgres.query(`create table people (id int, ssn text); insert into people values (1, '${secret}')`, 'app');
      await postgres.query(`create table notes (id int, line text); insert into notes values (1, 'plain')`, 'other');
      replica = await startReplica(postgres);
      const { port } = postgres;
      return [
        { name: 'orders', address: `127.0.0.1:${port}`, database: 'app' },
        { name: 'orders-by-name', address: `localhost:${port}`, database: 'app' },
        { name: 'orders-replica', address: `127.0.0.1:${replica.port}`, database: 'app' },
        { name: 'other', address: `127.0.0.1:${port}`, database: 'other' },
      ];
    },
  });
  for (const name of [...ways, 'other']) clients.set(name, await pgClient(gateway.through(name)));
}, 120_000);
afterAll(async () => {
  await Promise.all([...clients.values()].map((client) => client.end()));
  await replica.stop();
  await gateway.stop();
});

const by = async (way: string, sql: string): Promise<readonly unknown[]> =>
  (await clients.get(way)?.query<Record<string, unknown>>(sql))?.rows ?? [];

/** Asks until it is answered so: the replica comes after. Whatever is answered before holds nothing of the secret. */
async function becomes(way: string, sql: string, rows: readonly unknown[]): Promise<void> {
  for (const end = performance.now() + 30_000; ; await sleep(50)) {
    const found = await by(way, sql).catch((error: unknown) => {
      if (!(error instanceof pg.DatabaseError)) throw error;
      return [{ error: error.message }];
    });
    expect(JSON.stringify(found), way).not.toContain(secret);
    if (isDeepStrictEqual(found, rows)) return;
    if (performance.now() > end) expect(found, way).toEqual(rows);
  }
}

it('protects a copy by whatever address its database is reached', async () => {
  for (const way of ways) await becomes(way, 'select ssn from people', [{ ssn: '****7W93' }]);
  await by('orders', 'create table kept as select id, ssn as line from people');
  for (const way of ways) await becomes(way, 'select line from kept', [{ line: '****7W93' }]);

  await by('orders-by-name', 'alter table kept rename line to moved');
  for (const way of ways) await becomes(way, 'select moved from kept', [{ moved: '****7W93' }]);
});

it('knows it at an address that was not open when it was made, and not in another database of the server', async () => {
  await clients.get('orders-replica')?.end();
  await by('orders-by-name', 'create table later as select ssn as line from people');
  await by('other', 'create table later as select line from notes');
  const late = await pgClient(gateway.through('orders-replica'));
  clients.set('orders-replica', late);
  await becomes('orders-replica', 'select line from later', [{ line: '****7W93' }]);
  expect(await by('other', 'select line from later')).toEqual([{ line: 'plain' }]);
});
