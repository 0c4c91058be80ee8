import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type pg from 'pg';
import type { GatewayUnderTest } from './gateway-harness.js';
import { type OneTarget, startOneTarget } from './one-target.js';

/** Whom the provider has taken out of a group is out wherever they are connected, once a newer token says so. */
const patience = { timeout: 20_000, interval: 20 };

let db: OneTarget;
let running: GatewayUnderTest;
beforeAll(async () => {
  db = await startOneTarget({
    bindings: 'groups:\n  readers: { claims: { groups: [staff] } }\n  writers: { claims: { groups: [ops] } }\n',
    policies: `@id("read")\npermit (principal in Group::"readers", action in [Action::"session", Action::"read"], resource);
@id("write")\npermit (principal in Group::"writers", action in Action::"write", resource);\n`,
  });
  ({ running } = db);
  await db.query('create table orders (id int)');
}, 60_000);
afterEach(() => db.endSessions());
afterAll(() => db.stop());

type Role = 'engineer' | 'reviewer' | 'reviewer2';
const both = ['staff', 'ops'];
/** A token that the provider signs so many seconds from now, naming these groups. */
const token = (role: Role, groups: readonly string[], issuedInSeconds: number): Promise<string> =>
  running.token(role, { groups, issuedInSeconds });
const show = async (bearer: string): Promise<void> =>
  expect((await running.call('GET', '/v1/whoami', { token: bearer })).status).toBe(200);
const session = (password: string): Promise<pg.Client> => db.session(password);
const write = 'insert into orders values (1)';

it('judges a live connection by the groups of the newest token of its login', async () => {
  const live = await session(await token('engineer', both, -60));
  await live.query(write); // the control
  await show(await token('engineer', ['staff'], -30));
  await expect(live.query(write)).rejects.toThrow(/denied|permit/i);
  expect((await live.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await show(await token('engineer', both, -10)); // taken in again
  await live.query(write);
});

it('ends one whose login may not connect any more', async () => {
  const live = await session(await token('reviewer', both, -60));
  let ended = false;
  live.on('end', () => (ended = true));
  await show(await token('reviewer', [], -30));
  await expect.poll(() => ended, patience).toBe(true);
});

it('gives nobody back by an older token what a newer one has shown to be over, nor more to what is open', async () => {
  const old = await token('reviewer2', both, -60);
  const less = await session(await token('reviewer2', ['staff'], -30));
  const again = await session(old);
  for (const client of [less, again]) await expect(client.query(write)).rejects.toThrow(/denied|permit/i);
  await show(await token('reviewer2', both, -10));
  await expect(less.query(write)).rejects.toThrow(/denied|permit/i);
  await again.query(write);
});
