import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { confirmDeviceCode } from '../../../src/client/demo-confirm.js';
import { loginWithToken, type LoginOptions, type LoginResult } from '../../../src/client/login.js';
import { loginAs } from '../../../src/client/login-demo.js';
import type { DevicePrompt } from '../../../src/client/login-device.js';
import { loginAsPerson, type PersonLogin } from '../../../src/client/login-person.js';
import { loginAsMachine } from '../../../src/client/login-machine.js';
import { logOut } from '../../../src/client/logout.js';
import { Profiles } from '../../../src/client/profiles.js';
import { openTokenSource, type TokenSource } from '../../../src/client/tokens.js';
import { Transport } from '../../../src/client/transport.js';
import { startSmallGateway, temporaryEnvironment, verifierFor, type SmallGateway } from './small-gateway.js';

let gateway: SmallGateway;
let environment: ReturnType<typeof temporaryEnvironment>;
let transport: Transport;

beforeEach(async () => {
  gateway = await startSmallGateway();
  environment = temporaryEnvironment();
  transport = new Transport({ caFile: null, proxy: null });
});

afterEach(async () => {
  transport.close();
  environment.remove();
  await gateway.close();
});

const base = (): { environment: typeof environment; transport: Transport; gateway: string; profile: string } => ({
  environment,
  transport,
  gateway: gateway.url,
  profile: 'default',
});
const loginWithDevice = (options: LoginOptions & Pick<PersonLogin, 'onPrompt'>): Promise<LoginResult> =>
  loginAsPerson({ ...options, way: () => 'device', onUrl: () => expect.unreachable() });
const tokens = (): TokenSource => {
  const profile = new Profiles(environment.configDir).resolve({ profile: null, gateway: null });
  return openTokenSource({ environment, profile, transport });
};
const polls = (): number => gateway.requests.filter((line) => line === 'POST /idp/token').length;

test('shows the code, waits for the person, and keeps the login in a private file', async () => {
  const prompts: DevicePrompt[] = [];
  const result = await loginWithDevice({
    ...base(),
    onPrompt(prompt) {
      prompts.push(prompt);
      void confirmDeviceCode({ verificationUriComplete: prompt.verificationUriComplete ?? '', user: 'reviewer' });
    },
  });
  expect(result).toMatchObject({ name: 'reviewer', kind: 'human', groups: ['dba', 'reviewers'], storedIn: 'file' });
  expect(prompts[0]?.userCode).toMatch(/^[A-Z]{4}-[A-Z]{4}$/);
  expect(prompts[0]?.verificationUri).toBe(`${gateway.url}/idp/device`);
  expect(Date.parse(prompts[0]?.expiresAt ?? '')).toBeGreaterThan(Date.now());
  const file = join(environment.configDir, 'credentials/default.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(environment.configDir, 'credentials')).mode & 0o777).toBe(0o700);
  expect((await gateway.verifier.verify(await tokens().get())).subject).toBe('reviewer');
});

test('a person who refuses ends the login', async () => {
  const login = loginWithDevice({
    ...base(),
    onPrompt: ({ verificationUriComplete }) =>
      void confirmDeviceCode({
        verificationUriComplete: verificationUriComplete ?? '',
        user: 'reviewer',
        decision: 'deny',
      }),
  });
  await expect(login).rejects.toMatchObject({
    code: 'login_required',
    message: 'The login was refused',
    details: { decider: 'identity-provider' },
  });
  expect(new Profiles(environment.configDir).list()).toEqual([]);
});

test('Ctrl-C ends the waiting at once', async () => {
  const abort = new AbortController();
  const why = new Error('interrupted');
  const login = loginWithDevice({ ...base(), signal: abort.signal, onPrompt: () => abort.abort(why) });
  await expect(login).rejects.toBe(why);
});

test('logs a demo user in without a browser', async () => {
  expect(await loginAs({ ...base(), user: 'engineer' })).toMatchObject({ name: 'engineer', groups: ['engineers'] });
  expect(polls()).toBe(1);
});

test('logs the demo machine in by its own credentials', async () => {
  expect(await loginAs({ ...base(), user: 'robot' })).toMatchObject({
    name: 'robot',
    kind: 'machine',
    groups: ['machines'],
  });
});

test('says which demo users there are', async () => {
  await expect(loginAs({ ...base(), user: 'boss' })).rejects.toThrow('(engineer, reviewer, reviewer2)');
});

test('demo users are for gateways with the demo provider', async () => {
  gateway.demo = false;
  await expect(loginAs({ ...base(), user: 'engineer' })).rejects.toMatchObject({ code: 'usage' });
  expect(gateway.requests).toEqual(['GET /v1/login']);
});

test('machine credentials that are rejected are final', async () => {
  await expect(loginAsMachine({ ...base(), clientId: 'robot', clientSecret: 'wrong' })).rejects.toMatchObject({
    code: 'login_required',
    message: 'The identity provider rejected the client’s credentials',
  });
  expect(gateway.requests).not.toContain('POST /idp/device/auth');
});

test('keeps nothing of a login that the gateway does not accept', async () => {
  gateway.verifier = verifierFor(gateway.provider, 'https://other.example');
  await expect(loginAs({ ...base(), user: 'engineer' })).rejects.toMatchObject({
    code: 'login_required',
    message: 'The access token has the wrong audience; this gateway expects "https://other.example"',
  });
  expect(existsSync(join(environment.configDir, 'credentials'))).toBe(false);
});

test('opens the credential store before it bothers anybody', async () => {
  const login = loginWithDevice({
    ...base(),
    environment: { ...environment, credentialStore: 'keyring' },
    loadKeyring: async () => Promise.reject(new Error('locked')),
    onPrompt: () => expect.unreachable(),
  });
  await expect(login).rejects.toMatchObject({ code: 'local', message: "The system's keyring cannot be used: locked" });
  expect(gateway.requests).toEqual(['GET /v1/login']);
});

test('keeps a token that was got elsewhere', async () => {
  await loginAs({ ...base(), profile: 'other', user: 'engineer' });
  const profile = new Profiles(environment.configDir).resolve({ profile: 'other', gateway: null });
  const token = await openTokenSource({ environment, profile, transport }).get();
  expect(await loginWithToken({ ...base(), token: `${token}\n` })).toMatchObject({ name: 'engineer' });
});

test('says that nothing answers at the address', async () => {
  await gateway.close();
  await expect(loginAs({ ...base(), user: 'engineer' })).rejects.toMatchObject({ code: 'gateway_unreachable' });
});

test('says that the identity provider is away, not that the login is wrong', async () => {
  await loginAs({ ...base(), user: 'engineer' });
  const file = join(environment.configDir, 'credentials/default.json');
  const stored = JSON.parse(readFileSync(file, 'utf8')) as { expiresAt: number };
  await gateway.close();
  const profile = new Profiles(environment.configDir).resolve({ profile: null, gateway: null });
  const late = openTokenSource({ environment, profile, transport, now: () => stored.expiresAt + 1 });
  await expect(late.get()).rejects.toMatchObject({ code: 'unavailable', details: { decider: 'identity-provider' } });
});

test('logout forgets the login here and revokes it at the provider', async () => {
  await loginAs({ ...base(), user: 'engineer' });
  const file = join(environment.configDir, 'credentials/default.json');
  const stored = readFileSync(file, 'utf8');
  expect(await logOut({ environment, transport, profile: 'default' })).toEqual({
    profile: 'default',
    loggedIn: true,
    revoked: true,
    note: null,
  });
  expect(existsSync(file)).toBe(false);
  await expect(tokens().get()).rejects.toMatchObject({ code: 'login_required' });
  const { refreshToken } = JSON.parse(stored) as { refreshToken: string };
  const answer = await fetch(`${gateway.url}/idp/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'sluice-cli', refresh_token: refreshToken }),
  });
  expect(await answer.json()).toMatchObject({ error: 'invalid_grant' });
});

test('logout works while the provider is away, and says what is left', async () => {
  await loginAs({ ...base(), user: 'engineer' });
  await gateway.close();
  const result = await logOut({ environment, transport, profile: 'default' });
  expect(result).toMatchObject({ loggedIn: true, revoked: false });
  expect(result.note).toContain('not revoked');
  expect(await logOut({ environment, transport, profile: 'default' })).toMatchObject({ loggedIn: false });
});

test('polls more slowly when the provider asks for it, and goes on', async () => {
  const times: number[] = [];
  gateway.intercept = (request, response) => {
    if (request.url !== '/idp/token') return false;
    times.push(performance.now());
    if (times.length > 1) return false;
    response.writeHead(400, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: 'slow_down' }));
    return true;
  };
  const result = await loginWithDevice({
    ...base(),
    onPrompt: ({ verificationUriComplete }) =>
      confirmDeviceCode({ verificationUriComplete: verificationUriComplete ?? '', user: 'engineer' }),
  });
  expect(result.name).toBe('engineer');
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(5900); // RFC 8628 3.5: five seconds more than one
});
