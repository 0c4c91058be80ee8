import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { openTestTunnel, type TestTunnel } from '../../support/tunnel.js';
import { keptFiles } from '../../support/kept-files.js';

let gateway: TestGateway;
let tunnel: TestTunnel;
let secret: string;
const heard: string[] = [];

beforeAll(async () => {
  gateway = await startTestGateway();
  tunnel = await openTestTunnel(gateway, 'engineer');
  secret = await gateway.targetSecret();
});
afterAll(async () => {
  await tunnel.close();
  await gateway.stop();
});

/** Everything an insider can make the gateway say: results, errors, settings, API documents of every role. */
async function provoke(): Promise<void> {
  const client = await tunnel.client();
  const statements = [
    'select current_user, session_user',
    'select * from pg_settings where name like $$%password%$$',
    'select pg_read_file($$/etc/passwd$$)',
    'select rolpassword from pg_authid',
    'select passwd from pg_shadow',
    'alter role sluice_gateway password $$x$$',
    'select * from pg_stat_activity',
    'selec',
    'select 1/0',
  ];
  for (const text of statements) {
    const answer = await client.query(text).catch((error: unknown) => error);
    heard.push(JSON.stringify(answer, Object.getOwnPropertyNames(answer)), String(answer));
  }
  for (const user of ['engineer', 'reviewer', 'robot'] as const) {
    for (const path of [
      '/v1/targets',
      '/v1/targets/demo-db',
      '/v1/secrets',
      '/v1/bundle',
      '/v1/sessions',
      '/metrics',
      '/openapi.json',
      '/v1/login',
    ]) {
      heard.push(JSON.stringify(await gateway.text(user, path)));
    }
  }
  // A target that turns the gateway away must not make it tell what it tried.
  await gateway.direct(`alter role sluice_gateway connection limit 0`);
  heard.push(String(await tunnel.client().catch((error: unknown) => error)));
  await gateway.direct(`alter role sluice_gateway connection limit -1`);
}

function forms(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  return [value, bytes.toString('hex'), bytes.toString('base64').replace(/=+$/, ''), [...value].toReversed().join('')];
}

/** All but the demo's PostgreSQL, which keeps what it was created with: it is not the gateway's. */
const files = () => keptFiles(gateway.stateDir, ['postgres']);

describe('a target’s secret', () => {
  it('is in nothing a client hears, and in no file of the gateway but sealed', async () => {
    await provoke();
    expect(secret.length).toBeGreaterThan(15);
    for (const form of forms(secret)) {
      for (const text of heard) expect(text).not.toContain(form);
      for (const { name, bytes } of files()) expect(bytes.includes(form), name).toBe(false);
    }
  });

  it('is sealed, not merely encoded: the same secret set twice is stored differently', async () => {
    const put = (name: string): Promise<unknown> =>
      gateway.call('reviewer', 'PUT', `/v1/secrets/${name}`, { value: secret });
    await put('copy-a');
    await put('copy-b');
    const listed = JSON.stringify(await gateway.call('reviewer', 'GET', '/v1/secrets'));
    expect(listed).toContain('copy-a');
    for (const form of forms(secret)) {
      expect(listed).not.toContain(form);
      for (const { name, bytes } of files()) expect(bytes.includes(form), name).toBe(false);
    }
  });
});
