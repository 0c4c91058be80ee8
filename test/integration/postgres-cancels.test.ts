import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LateCancels, startLateCancels } from '../support/late-cancels.js';
import { type RawPostgres, type Seen, wire } from '../support/raw-postgres.js';
import { type OpenGateway, rawClient, startOpenGateway } from './open-gateway.js';

const policies = `
@id("everything") permit (principal, action, resource);
@id("ask") @approval("dba") @message("Ask first.")
forbid (principal, action == Action::"delete", resource) unless { context.approvals.contains("dba") };
`;
let gateway: OpenGateway;
let network: LateCancels;
beforeAll(async () => {
  gateway = await startOpenGateway(
    ['both'],
    {
      classification: 'classes: {}\ncolumns: []\ndetectors: {}\n',
      policies,
      bindings: 'groups: { dba: { users: [reviewer@demo.example] } }\n',
    },
    {
      async targets({ port }) {
        network = await startLateCancels(port);
        return [{ name: 'both', address: `127.0.0.1:${network.port}`, database: 'both' }];
      },
    },
  );
  await gateway.postgres.query(
    'create table t (id int); insert into t select generate_series(1, 5); create view over_t as select id from t',
    'both',
  );
}, 60_000);
afterAll(async () => {
  await gateway.stop();
  await network.close();
});

const busy = (what: string): Promise<void> =>
  expect
    .poll(
      async () =>
        (
          await gateway.postgres.query(
            `select 1 from pg_stat_activity where state = 'active' and query like '%${what}%' and pid <> pg_backend_pid()`,
          )
        ).length,
      { timeout: 20_000, interval: 10 },
    )
    .toBeGreaterThan(0);

describe('a CancelRequest that arrives late', () => {
  it('does not hit a statement that was sent once it was answered', async () => {
    const client = await rawClient(gateway.through('both'));
    const first = client.until(1);
    client.send(wire.query('select pg_sleep(1.5)'));
    await busy('pg_sleep(1.5)');
    network.keep();
    const cancelled = client.cancel();
    await first;
    const passing = sleep(300).then(() => network.pass());
    await cancelled;
    client.send(wire.query('select pg_sleep(0.6)'));
    const seen = await client.until(1);
    await passing;
    expect(seen.map(([type]) => type)).toEqual(['T', 'D', 'C', 'Z']);
    client.end();
  });

  it('does not hit what was sent meanwhile, nor what the gateway asks for it', async () => {
    const client = await rawClient(gateway.through('both'));
    client.send(wire.query('create temp table own (id int)'));
    await client.until(1);
    const before = network.came;
    client.send(wire.query('select pg_sleep(1.6)'));
    await busy('pg_sleep(1.6)');
    network.keep('pg_attribute');
    const cancelled = client.cancel();
    await expect.poll(() => network.came).toBeGreaterThan(before);
    client.send(wire.query('create temp table other (id int)'), wire.query('select pg_sleep(0.2)'));
    const passing = sleep(2_000).then(() => network.pass());
    const seen = await client.until(3);
    await passing;
    await cancelled;
    expect(seen.map(([type]) => type).join('')).toEqual('TDCZCZTDCZ');
    client.end();
  });

  it('is for what runs, not for what waits behind it for approval', async () => {
    const client = await rawClient(gateway.through('both'));
    client.send(wire.query('select pg_sleep(31)'), wire.query('delete from t where id = 1'));
    await busy('pg_sleep(31)');
    await sleep(300);
    await client.cancel();
    const seen = await client.until(1);
    expect(JSON.stringify(seen)).toContain('57014');
    expect(
      await gateway.postgres.query(
        "select 1 from pg_stat_activity where state = 'active' and query like '%pg_sleep(31)' and pid <> pg_backend_pid()",
      ),
    ).toEqual([]);
    await client.cancel();
    expect(JSON.stringify(await client.until(1))).toContain('57014');
    client.end();
  });
});

it('many CancelRequests at once are one for the target, and hit no other session', async () => {
  const [client, other] = await Promise.all([rawClient(gateway.through('both')), rawClient(gateway.through('both'))]);
  client.send(wire.query('select pg_sleep(32)'));
  other.send(wire.query('select pg_sleep(1.5)'));
  await busy('pg_sleep(32)');
  const before = network.came;
  await Promise.all(Array.from({ length: 50 }, () => client.cancel()));
  expect(JSON.stringify(await client.until(1))).toContain('57014');
  expect(network.came - before).toBeLessThan(5);
  client.send(wire.query('select 1'));
  expect((await client.until(1)).map(([type]) => type).join('')).toBe('TDCZ');
  expect((await other.until(1)).map(([type]) => type).join('')).toBe('TDCZ');
  client.end();
  other.end();
});

describe('what a session with temporary tables asks behind the lock of a migration', () => {
  let migration: RawPostgres;
  beforeAll(async () => {
    migration = await rawClient(gateway.direct('both'));
  });
  afterAll(() => migration.end());
  /** A session whose next statement needs its own catalog, which it cannot read. */
  async function behindLock(...before: readonly string[]): Promise<RawPostgres> {
    const client = await rawClient(gateway.through('both'));
    const all = ['create temp table own (id int)', ...before, 'create temp table other (id int)'];
    client.send(...all.map(wire.query));
    expect(errors(await client.until(all.length))).toEqual([]);
    migration.send(wire.query('begin; lock table t in access exclusive mode'));
    await migration.until(1);
    client.send(wire.query('select 7 as seven'));
    return client;
  }
  async function unlock(): Promise<void> {
    migration.send(wire.query('rollback'));
    await migration.until(1);
  }
  const waiting =
    "select 1 from pg_stat_activity where application_name like 'sluice ses%' and wait_event_type = 'Lock'";
  const errors = (seen: readonly Seen[]): readonly string[] =>
    seen.filter(([type]) => type === 'E').map(([, text]) => text.slice(0, 11));

  it.each([
    ['outside of a transaction', 'I', []],
    ['in a transaction', 'E', ['begin']],
  ])('can be cancelled, and the session goes on: %s', async (_where, status, before) => {
    const client = await behindLock(...before);
    await expect.poll(() => gateway.postgres.query(waiting), { timeout: 20_000, interval: 10 }).toHaveLength(1);
    await client.cancel();
    const seen = await client.until(1);
    expect(errors(seen)).toEqual(['ERROR 57014']);
    expect(seen.at(-1)).toEqual(['Z', status]);
    await unlock();
    client.send(wire.query('rollback'), wire.query('select 7 as seven from own'));
    expect(errors(await client.until(2))).toEqual([]);
    client.end();
  });

  it('keeps to the client’s own limits of time, which end no session', async () => {
    const client = await behindLock("set lock_timeout = '200ms'");
    expect(errors(await client.until(1))).toEqual(['ERROR 57P03']);
    await unlock();
    client.send(wire.query('select 7 as seven from own'));
    expect(errors(await client.until(1))).toEqual([]);
    client.end();
  });
});
