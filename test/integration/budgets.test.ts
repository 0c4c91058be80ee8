import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { starterBundle } from '../../src/quickstart/bundle.js';
import type { DemoUserName } from '../support/demo-tokens.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { openTestTunnel, type TestTunnel } from '../support/tunnel.js';

const budgets = `
@id("session-rows") @message("A session reads at most 20000 rows.")
forbid (principal, action in Action::"read", resource in Label::"env=demo") when { context.session.rowsRead > 20000 };
@id("hour-rows") @message("At most 30000 rows an hour.")
forbid (principal, action in Action::"read", resource in Label::"env=demo") when { context.identity.rowsRead > 30000 };
@id("session-statements") @message("At most 40 statements a session.")
forbid (principal, action in Action::"read", resource in Label::"env=demo") when { context.session.statements > 40 };
`;

let gateway: TestGateway;
let tunnel: TestTunnel;
beforeAll(async () => {
  gateway = await startTestGateway();
  const files = Object.fromEntries(starterBundle({ pgPort: gateway.postgresPort }));
  const body = { files: { ...files, 'policies/budgets.cedar': budgets } };
  const { status } = await gateway.call('reviewer', 'POST', '/v1/bundle', body);
  if (status !== 200) throw new Error(`the bundle was not applied: ${status}`);
  tunnel = await openTestTunnel(gateway, 'engineer');
}, 120_000);
afterAll(async () => {
  await tunnel.close();
  await gateway.stop();
});

const rows = (count: number): string =>
  `select o.id from (select id from orders limit 1) o, generate_series(1, ${count}) g`;

/** How many rows arrive, and the error that ends them. */
async function read(
  client: pg.Client,
  text: string,
): Promise<{ readonly seen: number; readonly error: string | null }> {
  let seen = 0;
  const query = client.query(new pg.Query(text));
  query.on('row', () => seen++);
  const error = await new Promise<string | null>((resolve) => {
    query.on('end', () => resolve(null));
    query.on('error', (failure) => resolve(failure.message));
  });
  return { seen, error };
}

/** The lines of a streamed exec. */
async function streamed(user: DemoUserName, body: object): Promise<readonly unknown[]> {
  const response = await fetch(`${gateway.url}/v1/exec`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await gateway.token(user)}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const lines = (await response.text()).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as unknown);
}

describe('budgets', () => {
  it('end a result in the middle, in the client’s protocol, and what was sent is recorded', async () => {
    const client = await tunnel.client({ application_name: 'budget' });
    client.on('error', () => undefined);
    const { seen, error } = await read(client, rows(200_000));
    expect(error).toContain('A session reads at most 20000 rows. The result ends here.');
    expect(seen).toBeGreaterThan(0);
    expect(seen).toBeLessThanOrEqual(20_000);
    const find = async () => {
      const { body } = await gateway.call('reviewer', 'GET', '/v1/sessions?state=closed');
      return (body as { sessions: { id: string; client: string; rows: number; denied: number }[] }).sessions.find(
        ({ client: name }) => name.startsWith('budget'),
      );
    };
    await expect.poll(find, { timeout: 15_000, interval: 50 }).toMatchObject({ denied: 1 });
    const session = await find();
    expect(session?.rows).toBeGreaterThanOrEqual(seen);
    expect(session?.rows).toBeLessThanOrEqual(20_000);
  });

  it.each([
    ['whole', false],
    ['streamed', true],
  ])('end a result of exec in the middle, %s', async (_how, stream) => {
    const body = { target: 'demo-db', text: rows(200_000), limit: 100_000, max_bytes: 16 * 1024 * 1024 };
    const refused = { code: 'denied', message: expect.stringMatching(/ rows( an hour)?\. The result ends here\./) };
    if (!stream) {
      const answer = await gateway.call('reviewer', 'POST', '/v1/exec', body);
      expect(answer).toMatchObject({ status: 403, body: { error: refused } });
      return;
    }
    const lines = await streamed('reviewer', { ...body, stream });
    expect(lines.at(-1)).toMatchObject({ type: 'error', error: refused });
  });

  it('count an identity over its sessions: reconnecting starts nothing anew', async () => {
    const client = await tunnel.client();
    client.on('error', () => undefined);
    // The session before has read something; this one may go on to what is left of the hour, and no further.
    const { error } = await read(client, rows(19_000));
    const again = await tunnel.client();
    again.on('error', () => undefined);
    const second = await read(again, rows(19_000));
    const told = [error, second.error].filter((message) => message !== null);
    expect(told.some((message) => message.includes('At most 30000 rows an hour.'))).toBe(true);
    const third = await tunnel.client();
    await third.query('select 1 from generate_series(1, 5)');
    await third.end();
  });

  it('refuse the next statement of a session that has made too many', async () => {
    const client = await openTestTunnel(gateway, 'reviewer');
    const connected = await client.client();
    let error = '';
    let done = 0;
    while (error === '' && done < 100) {
      await connected.query('select id from orders limit 1').then(
        () => done++,
        (failure: Error) => (error = failure.message),
      );
    }
    expect(error).toContain('At most 40 statements a session.');
    expect(done).toBeGreaterThan(10);
    await connected.end();
    await client.close();
  });
});
