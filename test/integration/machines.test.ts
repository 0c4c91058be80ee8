import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workloadsSchema } from '../../src/gateway/workloads-config.js';
import { loginAsWorkload } from '../../src/client/login-machine.js';
import { Profiles, type Profile } from '../../src/client/profiles.js';
import { openTokenSource } from '../../src/client/tokens.js';
import { SluiceClient } from '../../src/client/api.js';
import { Transport } from '../../src/client/transport.js';
import { startIdentityServer, type IdentityServer } from '../support/identity-server.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { temporaryEnvironment } from '../unit/client/small-gateway.js';
import { type GatewayUnderTest, startTestGateway } from './gateway-harness.js';

let platform: IdentityServer;
let cluster: IdentityServer;
let running: GatewayUnderTest;
let postgres: TestPostgres;
let dir: string;

const bundle = (port: number, user: string): ReadonlyMap<string, string> =>
  new Map([
    [
      'targets.yaml',
      `targets:\n  - { name: db, kind: postgres, address: "127.0.0.1:${port}", database: postgres, username: ${user}, secret: "vault:db", tls: { mode: disable }, labels: {} }\n`,
    ],
    ['classification.yaml', 'classes: {}\ncolumns: []\ndetectors: {}\n'],
    [
      'bindings.yaml',
      'groups:\n  deployers: { claims: { groups: [ci] } }\n  engineers: { claims: { groups: [engineers] } }\n  reviewers: { claims: { groups: [reviewers, engineers] } }\n',
    ],
    [
      'policies/p.cedar',
      `@id("read") permit (principal, action in [Action::"session", Action::"read"], resource);
       @id("audit") permit (principal in Group::"reviewers", action == Action::"readSession", resource);
       @id("write") permit (principal in Group::"deployers", action == Action::"insert", resource)
         when { context.onBehalfOf == "ann" };
       @id("held") @approval("reviewers") @message("needs a person")
       forbid (principal, action == Action::"delete", resource) unless { context.approvals.contains("reviewers") };
       @id("delete") permit (principal in Group::"deployers", action == Action::"delete", resource);
       @id("review") permit (principal in Group::"reviewers", action == Action::"review", resource);`,
    ],
  ]);

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-machines-'));
  [platform, cluster, postgres] = await Promise.all([startIdentityServer(), startIdentityServer(), startPostgres()]);
  await postgres.query('create table t (id int)');
  writeFileSync(join(dir, 'keys.json'), JSON.stringify(cluster.jwks()));
  const rules = [
    {
      claims: { repository: 'corp/deploy', ref: 'refs/heads/main' },
      name: '{repository}',
      groups: ['ci'],
      onBehalfOf: 'actor',
    },
  ];
  const workloads = workloadsSchema.parse({
    issuers: [
      { url: platform.url, audience: 'https://sluice.test', rules },
      {
        url: 'https://kubernetes.default.svc',
        audience: 'sluice',
        keysFile: join(dir, 'keys.json'),
        rules: [
          {
            claims: { sub: 'system:serviceaccount:shop:*' },
            name: 'k8s:{kubernetes.io.serviceaccount.name}',
            groups: ['ci'],
          },
        ],
      },
    ],
  });
  running = await startTestGateway({ bundle: bundle(postgres.port, postgres.superuser), bootstrap: { workloads } });
  await running.gateway.setSecret('db', postgres.password);
});
afterAll(async () => {
  await running.stop();
  await Promise.all([platform.close(), cluster.close(), postgres.stop()]);
  rmSync(dir, { recursive: true, force: true });
});

const main = {
  sub: 'repo:corp/deploy:ref:refs/heads/main',
  repository: 'corp/deploy',
  ref: 'refs/heads/main',
  actor: 'ann',
};
const identity = (claims: object = {}): Promise<string> =>
  platform.sign({ aud: 'https://sluice.test', ...main, ...claims });

interface OAuthAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, string | number>>;
}
async function exchange(form: Readonly<Record<string, string>>): Promise<OAuthAnswer> {
  const body = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    ...form,
  });
  const answer = await fetch(`${running.url}/oauth/token`, { method: 'POST', body });
  return { status: answer.status, body: (await answer.json()) as OAuthAnswer['body'] };
}
const tokenOf = async (form: Readonly<Record<string, string>>): Promise<string> => {
  const { status, body } = await exchange(form);
  expect([status, body]).toMatchObject([200, { token_type: 'Bearer' }]);
  return String(body['access_token']);
};
const exec = (token: string, text: string, more: object = {}) =>
  running.call('POST', '/v1/exec', { token, body: { target: 'db', text, ...more } });

describe('exchange', () => {
  it('gives a workload of a known platform a token of its own, for minutes', async () => {
    const { body } = await exchange({ subject_token: await identity() });
    expect(body).toMatchObject({
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      expires_in: 900,
    });
    const me = await running.call('GET', '/v1/whoami', { token: String(body['access_token']) });
    expect(me.document).toMatchObject({
      name: 'corp/deploy',
      kind: 'machine',
      issuer: running.url,
      groups: ['deployers'],
      on_behalf_of: { id: `${platform.url}#ann`, name: 'ann' },
    });
    const keys = (await running.call('GET', '/oauth/jwks')).document;
    expect(JSON.stringify(keys)).not.toContain('"d"');
    expect(keys).toMatchObject({ keys: [{ kty: 'EC', alg: 'ES256' }] });
  });

  it('takes a Kubernetes service account by the keys in a file', async () => {
    const subject_token = await cluster.sign({
      iss: 'https://kubernetes.default.svc',
      aud: ['sluice'],
      sub: 'system:serviceaccount:shop:worker',
      'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'worker' } },
    });
    const me = await running.call('GET', '/v1/whoami', { token: await tokenOf({ subject_token }) });
    expect(me.document).toMatchObject({ name: 'k8s:worker', kind: 'machine', on_behalf_of: null });
  });

  it.each<[string, () => Promise<Readonly<Record<string, string>>>, string, RegExp]>([
    [
      'another repository',
      async () => ({ subject_token: await identity({ repository: 'evil/deploy' }) }),
      'invalid_grant',
      /no rule/,
    ],
    [
      'another branch',
      async () => ({ subject_token: await identity({ ref: 'refs/heads/x' }) }),
      'invalid_grant',
      /no rule/,
    ],
    [
      'another audience',
      async () => ({ subject_token: await identity({ aud: 'https://other' }) }),
      'invalid_grant',
      /audience/,
    ],
    ['an expired identity', async () => ({ subject_token: await identity({ exp: 1000 }) }), 'invalid_grant', /expired/],
    [
      'a stranger’s signature',
      async () => ({ subject_token: await cluster.sign({ ...main, iss: platform.url, aud: 'https://sluice.test' }) }),
      'invalid_grant',
      /signature is wrong/,
    ],
    [
      'an issuer that nobody configured',
      async () => ({ subject_token: await cluster.sign(main) }),
      'invalid_grant',
      /unknown issuer/,
    ],
    [
      'a person’s login',
      async () => ({ subject_token: await running.token('engineer') }),
      'invalid_grant',
      /unknown issuer/,
    ],
    [
      'the gateway’s own token',
      async () => ({ subject_token: await tokenOf({ subject_token: await identity() }) }),
      'invalid_grant',
      /unknown issuer/,
    ],
    [
      'another gateway',
      async () => ({ subject_token: await identity(), audience: 'https://elsewhere' }),
      'invalid_request',
      /this gateway only/,
    ],
    [
      'another grant',
      async () => ({ subject_token: await identity(), grant_type: 'password' }),
      'invalid_request',
      /grant_type/,
    ],
    ['no token at all', async () => ({ subject_token: 'x' }), 'invalid_grant', /malformed/],
  ])('refuses %s', async (_name, form, error, message) => {
    const { status, body } = await exchange(await form());
    expect([status, body['error']]).toEqual([400, error]);
    expect(String(body['error_description'])).toMatch(message);
    expect(body).not.toHaveProperty('access_token');
  });

  it('refuses a parameter that is there twice, and forms at any other route', async () => {
    const twice = `subject_token=${await identity()}&subject_token=x&grant_type=x&subject_token_type=x`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await running.call('POST', '/oauth/token', { body: twice, headers })).status).toBe(400);
    const other = await running.call('POST', '/v1/exec', { as: 'engineer', body: 'target=db&text=select+1', headers });
    expect(other.status).toBe(400);
  });
});

describe('what a machine does', () => {
  it('is judged, recorded and audited with the person for whom it acts', async () => {
    const token = await tokenOf({ subject_token: await identity() });
    const ran = await exec(token, 'insert into t values (1)');
    expect(ran.document).toMatchObject({ ok: true });
    const session = String(ran.document['session_id']);
    const { text } = await running.call('GET', `/v1/sessions/${session}/journal`, { as: 'reviewer' });
    expect(text).toContain(`${platform.url}#ann`);
    const other = await tokenOf({ subject_token: await identity({ actor: 'eve' }) });
    const refused = await exec(other, 'insert into t values (2)');
    expect([refused.status, await postgres.query('select id from t')]).toEqual([403, [{ id: 1 }]]);
  });

  it('asked with a person’s own token, acts for that person without their rights, and they cannot approve it', async () => {
    const person = await running.token('reviewer');
    const token = await tokenOf({
      subject_token: person,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      actor_token: await identity(),
      actor_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    });
    const me = await running.call('GET', '/v1/whoami', { token });
    expect(me.document).toMatchObject({
      name: 'corp/deploy',
      kind: 'machine',
      groups: ['deployers'],
      on_behalf_of: { id: `${running.url}/idp#reviewer`, name: 'reviewer@demo.example' },
    });
    const held = await exec(token, 'delete from t where id = 99', { wait: false });
    const request = (held.document['error'] as { request_id: string }).request_id;
    const approve = (as: 'reviewer' | 'reviewer2') =>
      running.call('POST', `/v1/requests/${request}/approve`, { as, body: { comment: 'ok' } });
    const own = await approve('reviewer');
    expect([own.status, own.text]).toEqual([403, expect.stringContaining('on their behalf') as string]);
    expect((await approve('reviewer2')).status).toBe(200);
    expect((await exec(token, 'delete from t where id = 99', { request_id: request })).status).toBe(200);
  });

  it('what was approved, kept or begun for one person is not there for another for whom the same machine acts', async () => {
    const actingFor = async (as: 'reviewer' | 'reviewer2') =>
      tokenOf({
        subject_token: await running.token(as),
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        actor_token: await identity(),
        actor_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      });
    const [one, other] = [await actingFor('reviewer'), await actingFor('reviewer2')];
    await postgres.query('insert into t values (98)');
    const text = 'delete from t where id = 98';
    const held = await exec(one, text, { wait: false });
    const request = (held.document['error'] as { request_id: string }).request_id;
    // Who approves may not be the one for whom it then runs.
    expect(
      (await running.call('POST', `/v1/requests/${request}/approve`, { as: 'reviewer2', body: { comment: 'ok' } }))
        .status,
    ).toBe(200);
    expect((await exec(other, text, { request_id: request })).status).toBe(404);
    // Who asked sees what they typed in clear; that is not the other one.
    const look = (token: string) => running.call('GET', `/v1/requests/${request}`, { token });
    const list = async (token: string) => (await running.call('GET', '/v1/requests', { token })).text;
    expect([(await look(one)).status, (await look(other)).status]).toEqual([200, 404]);
    expect([await list(one), await list(other)]).toEqual([
      expect.stringContaining(request),
      expect.not.stringContaining(request) as string,
    ]);
    for (const act of ['cancel', 'revoke'])
      expect((await running.call('POST', `/v1/requests/${request}/${act}`, { token: other, body: {} })).status).toBe(
        404,
      );
    expect(await postgres.query('select id from t where id = 98')).toEqual([{ id: 98 }]);

    const keyed = { idempotency_key: 'k-1' };
    expect((await exec(one, 'select 1', keyed)).status).toBe(200);
    expect((await exec(other, 'select 1', keyed)).status).toBe(409);
    const cut = await exec(one, 'select * from generate_series(1, 9)', { cursor: true, limit: 2 });
    const page = { cursor: cut.document['next_cursor'], limit: 2 };
    expect(page.cursor).toMatch(/^cur_/);
    expect((await running.call('POST', '/v1/exec/fetch', { token: other, body: page })).status).toBe(404);

    expect((await running.call('POST', '/v1/exec/fetch', { token: one, body: page })).status).toBe(200);
    expect((await exec(one, text, { request_id: request })).status).toBe(200);
    expect(await postgres.query('select id from t where id = 98')).toEqual([]);
  });

  it('a delegation does not outlive the person’s login, and a machine is no person', async () => {
    const form = {
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      actor_token: await identity(),
      actor_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    };
    const short = await exchange({ ...form, subject_token: await running.token('engineer', { expiresInSeconds: 60 }) });
    expect(Number(short.body['expires_in'])).toBeLessThanOrEqual(60);
    const robot = await exchange({ ...form, subject_token: await running.token('robot') });
    expect(robot.body).toMatchObject({
      error: 'invalid_grant',
      error_description: 'the subject of a delegation must be a person',
    });
  });
});

describe('the command line', () => {
  it('exchanges the identity in a file, again when the platform has replaced it, and stores no token of it', async () => {
    const environment = { ...temporaryEnvironment(), identityTokenFile: join(dir, 'identity') };
    const transport = new Transport({ caFile: null, proxy: null });
    try {
      const profile: Profile = { name: 'default', gateway: running.url, user: null, credentials: null };
      let now = Date.now();
      const tokens = openTokenSource({ environment, profile, transport, now: () => now });
      await expect(tokens.get()).rejects.toMatchObject({ code: 'login_required' });
      writeFileSync(environment.identityTokenFile, await identity({ actor: 'ann' }));
      const [first, same] = await Promise.all([tokens.get(), tokens.get()]);
      expect(first).toBe(same);
      writeFileSync(environment.identityTokenFile, await identity({ actor: 'bob' }));
      const second = await tokens.get();
      expect(decodeJwt(second)).toMatchObject({ on_behalf_of: { name: 'bob' } });
      now += 15 * 60_000;
      expect(await tokens.get()).not.toBe(second);
      const client = new SluiceClient({ gateway: running.url, transport, tokens });
      expect(await client.whoami()).toMatchObject({ name: 'corp/deploy', kind: 'machine' });
      writeFileSync(environment.identityTokenFile, await identity({ ref: 'refs/heads/evil' }));
      await expect(tokens.get()).rejects.toMatchObject({
        code: 'login_required',
        message: expect.stringContaining('no rule of this gateway admits') as string,
        details: { decider: 'gateway' },
      });
    } finally {
      transport.close();
      environment.remove();
    }
  });

  it('logs a workload in, and refreshes by the file as it is then', async () => {
    const environment = temporaryEnvironment();
    const transport = new Transport({ caFile: null, proxy: null });
    try {
      const file = join(dir, 'workload');
      writeFileSync(file, await identity());
      const options = { environment, transport, gateway: running.url, profile: 'ci', identityTokenFile: file };
      expect(await loginAsWorkload(options)).toMatchObject({ name: 'corp/deploy', kind: 'machine' });
      const profile = new Profiles(environment.configDir).resolve({ profile: 'ci', gateway: null });
      writeFileSync(file, await identity({ actor: 'carol' }));
      const late = openTokenSource({ environment, profile, transport, now: () => Date.now() + 15 * 60_000 });
      expect(decodeJwt(await late.get())).toMatchObject({ on_behalf_of: { name: 'carol' } });
    } finally {
      transport.close();
      environment.remove();
    }
  });
});
