import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { GatewayUnderTest } from './gateway-harness.js';
import { type OneTarget, startOneTarget } from './one-target.js';

const minute = 60_000;
const outliveMs = 480 * minute;
const patience = { timeout: 20_000, interval: 20 };

let db: OneTarget;
let running: GatewayUnderTest;
let ahead = 0;

beforeAll(async () => {
  db = await startOneTarget({
    clock: () => Date.now() + ahead,
    limits: { loginSweepMs: 20 },
    policies: '@id("everything")\npermit (principal, action, resource);\n',
  });
  ({ running } = db);
}, 60_000);
afterEach(() => db.endSessions());
afterAll(() => db.stop());

/** A session by a login whose token lasts so long from now on, as the gateway's clock has it. */
async function session(role: 'engineer' | 'reviewer', seconds: number) {
  const password = await running.token(role, { expiresInSeconds: ahead / 1000 + seconds });
  const client = await db.session(password);
  const state = { ended: false, said: '' };
  client.on('error', (error) => (state.said += error.message));
  client.on('end', () => (state.ended = true));
  return { client, state };
}

it('ends what is open of a login that is over and that nobody has shown a newer token of', async () => {
  const [left, stays] = [await session('engineer', 60), await session('reviewer', 60)];
  ahead += 2 * minute;
  // The one has logged in anew and used that for something else; the other has been put out.
  const token = await running.token('reviewer', { expiresInSeconds: ahead / 1000 + 10 * minute });
  expect((await running.call('GET', '/v1/whoami', { token })).status).toBe(200);
  await left.client.query('select 1'); // a dump goes on
  ahead += outliveMs;
  await expect.poll(() => left.state.ended, patience).toBe(true);
  expect(left.state.said).toContain('your login is over');
  expect((await stays.client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  const reasons = async () => {
    const { document } = await running.call('GET', '/v1/sessions?limit=100', { token });
    return (document['sessions'] as readonly { end_reason: string | null }[]).map((one) => one.end_reason);
  };
  await expect.poll(reasons, patience).toEqual([null, 'revoked']);
  // Whoever logs in again is let in again.
  expect((await (await session('engineer', 60)).client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
});
