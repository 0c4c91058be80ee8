import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as oidc from 'openid-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { confirmDeviceCode } from '../../../src/client/demo-confirm.js';
import { createDemoProvider } from '../../../src/identity/demo-provider.js';
import { startSmallGateway, type SmallGateway } from '../client/small-gateway.js';

let dir: string;
let gateway: SmallGateway;
const scope = 'openid profile email groups offline_access';

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-idp-'));
  gateway = await startSmallGateway({ stateDir: dir });
});

afterEach(async () => {
  vi.useRealTimers();
  await gateway.close();
  rmSync(dir, { recursive: true, force: true });
});

function client(): Promise<oidc.Configuration> {
  return oidc.discovery(new URL(gateway.provider.issuer), 'sluice-cli', undefined, oidc.None(), {
    execute: [oidc.allowInsecureRequests],
  });
}

async function deviceLogin(
  user: string,
  decision: 'confirm' | 'deny' = 'confirm',
): Promise<oidc.TokenEndpointResponse> {
  const configuration = await client();
  const device = await oidc.initiateDeviceAuthorization(configuration, { scope, resource: gateway.url });
  await confirmDeviceCode({ verificationUriComplete: device.verification_uri_complete ?? '', user, decision });
  return oidc.pollDeviceAuthorizationGrant(configuration, { ...device, interval: 0.01 }, { resource: gateway.url });
}

/** A raw request, since fetch would not send these headers. */
function get(path: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    request(`${gateway.url}${path}`, { headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

test('gives a confirmed device a token that says who confirmed it', async () => {
  const tokens = await deviceLogin('reviewer');
  expect(await gateway.verifier.verify(tokens.access_token)).toMatchObject({
    subject: 'reviewer',
    name: 'reviewer',
    kind: 'human',
    claimGroups: ['dba', 'reviewers'],
  });
  expect(tokens.refresh_token).toBeTypeOf('string');
});

test('names its endpoints below its mount', async () => {
  const metadata = (await client()).serverMetadata();
  expect(metadata.issuer).toBe(`${gateway.url}/idp`);
  expect(metadata.device_authorization_endpoint).toBe(`${gateway.url}/idp/device/auth`);
  expect(metadata.jwks_uri).toBe(`${gateway.url}/idp/jwks`);
});

test('tells the device that the person refused', async () => {
  await expect(deviceLogin('engineer', 'deny')).rejects.toMatchObject({ error: 'access_denied' });
});

test('tells the device that its code has expired', async () => {
  const configuration = await client();
  const device = await oidc.initiateDeviceAuthorization(configuration, { scope });
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 601_000 });
  await expect(
    confirmDeviceCode({ verificationUriComplete: device.verification_uri_complete ?? '', user: 'engineer' }),
  ).rejects.toThrow(/expired|no such code/);
  await expect(
    oidc.pollDeviceAuthorizationGrant(configuration, { ...device, interval: 0.01, expires_in: 10 }),
  ).rejects.toMatchObject({ error: expect.stringMatching(/expired_token|invalid_grant/) as string });
});

test('accepts a code once', async () => {
  const device = await oidc.initiateDeviceAuthorization(await client(), { scope });
  const confirmation = { verificationUriComplete: device.verification_uri_complete ?? '', user: 'engineer' };
  await confirmDeviceCode(confirmation);
  await expect(confirmDeviceCode(confirmation)).rejects.toThrow('used already');
});

test('knows nobody but its demo users', async () => {
  const device = await oidc.initiateDeviceAuthorization(await client(), { scope });
  const verificationUriComplete = device.verification_uri_complete ?? '';
  await expect(confirmDeviceCode({ verificationUriComplete, user: 'root' })).rejects.toMatchObject({
    code: 'usage',
    message: 'There is no demo user "root" (engineer, reviewer, reviewer2)',
  });
});

test('lets a browser on this machine log in by PKCE, on any port', async () => {
  const configuration = await client();
  const verifier = oidc.randomPKCECodeVerifier();
  const redirect = 'http://127.0.0.1:49152/callback';
  const start = oidc.buildAuthorizationUrl(configuration, {
    redirect_uri: redirect,
    scope,
    prompt: 'consent',
    resource: gateway.url,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const cookies = new Map<string, string>();
  let next: { url: URL; body?: string } = { url: start };
  while (!next.url.href.startsWith(redirect)) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const { url, body } = next;
    const form = {
      method: 'POST',
      body: body ?? '',
      headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' },
    };
    const page = await fetch(url, { redirect: 'manual', ...(body === undefined ? { headers: { cookie } } : form) });
    for (const line of page.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    const location = page.headers.get('location');
    next = location === null ? { url, body: 'user=reviewer2&decision=confirm' } : { url: new URL(location, url) };
  }
  const tokens = await oidc.authorizationCodeGrant(
    configuration,
    next.url,
    { pkceCodeVerifier: verifier },
    { resource: gateway.url },
  );
  expect(await gateway.verifier.verify(tokens.access_token)).toMatchObject({ subject: 'reviewer2' });
  expect(tokens.refresh_token).toBeTypeOf('string');
});

test('issues tokens for its own gateway only', async () => {
  await expect(
    oidc.initiateDeviceAuthorization(await client(), { scope, resource: 'https://other.example' }),
  ).rejects.toMatchObject({ error: 'invalid_target' });
});

test('refreshes, and rotates the refresh token', async () => {
  const configuration = await client();
  const first = await deviceLogin('engineer');
  const second = await oidc.refreshTokenGrant(configuration, first.refresh_token ?? '', { resource: gateway.url });
  expect(second.refresh_token).not.toBe(first.refresh_token);
  expect((await gateway.verifier.verify(second.access_token)).subject).toBe('engineer');
});

test('a revoked refresh token counts no longer', async () => {
  const configuration = await client();
  const tokens = await deviceLogin('engineer');
  await oidc.tokenRevocation(configuration, tokens.refresh_token ?? '');
  await expect(oidc.refreshTokenGrant(configuration, tokens.refresh_token ?? '')).rejects.toMatchObject({
    error: 'invalid_grant',
  });
});

test('a restart logs nobody out, and its files are private', async () => {
  const tokens = await deviceLogin('engineer');
  await gateway.close();
  gateway = await startSmallGateway({ stateDir: dir, port: Number(new URL(gateway.url).port) });
  expect((await gateway.verifier.verify(tokens.access_token)).subject).toBe('engineer');
  const fresh = await oidc.refreshTokenGrant(await client(), tokens.refresh_token ?? '', { resource: gateway.url });
  expect((await gateway.verifier.verify(fresh.access_token)).subject).toBe('engineer');
  for (const file of ['keys.json', 'logins.json']) expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600);
});

test('gives the machine client tokens by its secret', async () => {
  const answer = await fetch(`${gateway.url}/idp/demo/robot`);
  const robot = (await answer.json()) as { client_id: string; client_secret: string };
  const insecure = { execute: [oidc.allowInsecureRequests] };
  const issuer = new URL(gateway.provider.issuer);
  const as = (secret: string): Promise<oidc.Configuration> =>
    oidc.discovery(issuer, robot.client_id, undefined, oidc.ClientSecretBasic(secret), insecure);
  const tokens = await oidc.clientCredentialsGrant(await as(robot.client_secret), { resource: gateway.url });
  expect(await gateway.verifier.verify(tokens.access_token)).toMatchObject({
    subject: 'robot',
    name: 'robot',
    kind: 'machine',
    claimGroups: ['machines'],
  });
  await expect(oidc.clientCredentialsGrant(await as('wrong'))).rejects.toMatchObject({ status: 401 });
});

test.each([
  ['another host name', '/idp/.well-known/openid-configuration', { host: 'evil.example' }],
  ['a host name that begins like this machine', '/idp/device', { host: '127.0.0.1.evil.example' }],
  ['a proxy', '/idp/demo/robot', { 'x-forwarded-for': '203.0.113.9' }],
  ['a page in a browser', '/idp/demo/robot', { origin: 'https://evil.example' }],
  ['a browser following a link from elsewhere', '/idp/demo/robot', { 'sec-fetch-site': 'cross-site' }],
])('refuses %s', async (_name, path, headers) => {
  expect(await get(path, headers)).toBe(403);
});

test('answers on every name of this machine', async () => {
  const { port } = new URL(gateway.url);
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]) {
    expect(await get('/idp/.well-known/openid-configuration', { host })).toBe(200);
  }
});

test('is never mounted on an address that others reach', async () => {
  const options = { audience: 'https://gateway.example', stateDir: null };
  await expect(createDemoProvider({ ...options, issuer: 'https://gateway.example/idp' })).rejects.toMatchObject({
    code: 'config_invalid',
  });
});

test('a form sent from another site changes nothing', async () => {
  const page = await fetch(`${gateway.url}/idp/interaction/unknown`, { method: 'POST', body: 'user=engineer' });
  expect(page.status).toBe(400);
  expect(await page.text()).toContain('role="alert"');
});
