import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signalListDocument } from '../../src/gateway/schemas/signals.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { wire } from '../support/raw-postgres.js';
import { openTestTunnel } from '../support/tunnel.js';

const policies = `
@id("no-reads-when-suspicious") @message("Talk to security first.")
forbid (principal, action in Action::"read", resource in Label::"env=demo")
when { context.signals.contains("repeated-refusal") };
@id("dba-sees-all") permit (principal in Group::"dba", action == Action::"reveal", resource);
`;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  const files = Object.fromEntries(starterBundle({ pgPort: gateway.postgresPort }));
  const body = { files: { ...files, 'policies/signals.cedar': policies } };
  const { status } = await gateway.call('reviewer', 'POST', '/v1/bundle', body);
  if (status !== 200) throw new Error(`the bundle was not applied: ${status}`);
}, 120_000);
afterAll(() => gateway.stop());

type User = Parameters<TestGateway['call']>[0];
const exec = (user: User, text: string) =>
  gateway.call(user, 'POST', '/v1/exec', { target: 'demo-db', text, wait: false });

async function signals(query = '') {
  const { body } = await gateway.call('reviewer', 'GET', `/v1/signals${query}`);
  return signalListDocument.parse(body).signals;
}

describe('signals', () => {
  it('tell of the same refused operation again and again, link to the recordings, and are facts for policy', async () => {
    const leave = new AbortController();
    const response = await fetch(new URL('/v1/signals/watch', gateway.url), {
      headers: { authorization: `Bearer ${await gateway.token('reviewer')}` },
      signal: leave.signal,
    });
    let watched = '';
    const watching = (async () => {
      for await (const chunk of response.body ?? []) watched += Buffer.from(chunk as Uint8Array).toString('utf8');
    })().catch(() => undefined);
    await expect.poll(() => watched, { timeout: 10_000, interval: 20 }).toContain('watching');
    expect((await exec('engineer', 'select 1 from orders limit 1')).status).toBe(200);
    for (let n = 0; n < 5; n++) await exec('engineer', 'drop table orders');
    const [signal] = await signals('?kind=repeated-refusal');
    expect(signal).toMatchObject({ severity: 'medium', user: 'engineer', target: 'demo-db' });
    expect(signal?.evidence).toHaveLength(5);
    const { session_id: session, op } = signal?.evidence.at(-1) ?? {};
    const { body } = await gateway.call('reviewer', 'GET', `/v1/sessions/${session}/explain?op=${op}`);
    expect(body).toMatchObject({ recorded: { text: 'drop table orders', verdict: 'deny' } });
    await expect.poll(() => watched, { timeout: 10_000, interval: 20 }).toContain(signal?.id);
    leave.abort();
    await watching;
    expect(await exec('engineer', 'select 1 from orders limit 1')).toMatchObject({
      status: 403,
      body: { error: { policy: 'no-reads-when-suspicious' } },
    });
    expect((await exec('robot', 'select 1 from orders limit 1')).status).toBe(200);
  });

  it('tell of a refused attempt to reconfigure the gateway', async () => {
    expect((await gateway.call('robot', 'PUT', '/v1/secrets/demo-db', { value: 'mine' })).status).toBe(403);
    expect(await signals('?kind=gateway-tampering')).toEqual([
      expect.objectContaining({ severity: 'high', user: 'robot', summary: expect.stringContaining('PUT /v1/secrets') }),
    ]);
  });

  it('tell of one who looks at many protected values in clear, and not of one who only prepares to', async () => {
    const text = 'select email, phone, card_number, national_id from customers limit 1';
    const tunnel = await openTestTunnel(gateway, 'reviewer');
    const raw = await tunnel.raw();
    // Described as a statement and as a portal, never executed; then executed without a row to show.
    raw.send(wire.parse('s', text), wire.describe('S', 's'), wire.bind('p', 's'), wire.describe('P', 'p'), wire.sync);
    await raw.until(1);
    const none = text.replace('limit 1', 'where false');
    raw.send(wire.parse('', none), wire.bind('', ''), wire.describe('P', ''), wire.execute(''), wire.sync);
    await raw.until(1);
    raw.end();
    await tunnel.close();
    expect(await signals('?kind=unusual-reveal')).toEqual([]);
    expect((await exec('reviewer', text)).status).toBe(200);
    expect(await signals('?kind=unusual-reveal')).toEqual([
      expect.objectContaining({ user: 'reviewer', summary: expect.stringContaining('within an hour') }),
    ]);
  });
});
