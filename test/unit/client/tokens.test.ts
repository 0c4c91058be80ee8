import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loginAs } from '../../../src/client/login-demo.js';
import { logOut } from '../../../src/client/logout.js';
import { Profiles, type Profile } from '../../../src/client/profiles.js';
import { openTokenSource, tokenFromFile, type TokenSource } from '../../../src/client/tokens.js';
import { Transport } from '../../../src/client/transport.js';
import { startSmallGateway, temporaryEnvironment, type SmallGateway } from './small-gateway.js';

let gateway: SmallGateway;
let environment: ReturnType<typeof temporaryEnvironment>;
let transport: Transport;
let profile: Profile;
let now: number;

beforeEach(async () => {
  gateway = await startSmallGateway();
  environment = temporaryEnvironment();
  transport = new Transport({ caFile: null, proxy: null });
  await loginAs({ environment, transport, gateway: gateway.url, profile: 'default', user: 'engineer' });
  profile = new Profiles(environment.configDir).resolve({ profile: null, gateway: null });
  now = Date.now();
  gateway.requests.length = 0;
});

afterEach(async () => {
  transport.close();
  environment.remove();
  await gateway.close();
});

const source = (changes: Partial<Parameters<typeof openTokenSource>[0]> = {}): TokenSource =>
  openTokenSource({ environment, profile, transport, now: () => now, ...changes });
const refreshes = (): number => gateway.requests.filter((line) => line === 'POST /idp/token').length;

test('a fresh token is used as it is', async () => {
  const tokens = source();
  expect(await tokens.get()).toBe(await tokens.get());
  expect(gateway.requests).toEqual([]);
});

test('a token near its end is refreshed, once for all who ask', async () => {
  const old = await source().get();
  now += 560_000;
  const tokens = source();
  const got = await Promise.all(Array.from({ length: 20 }, () => tokens.get()));
  expect(new Set(got).size).toBe(1);
  expect(got[0]).not.toBe(old);
  expect(refreshes()).toBe(1);
  expect((await gateway.verifier.verify(got[0] ?? '')).subject).toBe('engineer');
});

test('two processes do not spend the same refresh token', async () => {
  now += 560_000;
  const got = await Promise.all([source().get(), source().get(), source().get()]);
  expect(new Set(got).size).toBe(1);
  expect(refreshes()).toBe(1);
});

test('the new refresh token is kept, so that the next refresh works too', async () => {
  for (let round = 0; round < 3; round += 1) {
    now += 700_000;
    await source().get();
  }
  expect(refreshes()).toBe(3);
});

test('a token that the gateway rejects is replaced', async () => {
  const tokens = source();
  const old = await tokens.get();
  const other = await tokens.renew(old);
  expect(other).not.toBe(old);
  expect(refreshes()).toBe(1);
});

test('while the provider is away, a token that still counts is used', async () => {
  const tokens = source();
  const old = await tokens.get();
  await gateway.close();
  now += 560_000; // near its end, not past it
  expect(await tokens.get()).toBe(old);
  now += 60_000;
  await expect(tokens.get()).rejects.toMatchObject({ code: 'unavailable' });
});

test('a revoked login asks for a new one, and names the command', async () => {
  const file = join(environment.configDir, 'credentials/default.json');
  const kept = readFileSync(file);
  await logOut({ environment, transport, profile: 'default' });
  writeFileSync(file, kept);
  new Profiles(environment.configDir).save(profile);
  now += 700_000;
  await expect(source().get()).rejects.toMatchObject({
    code: 'login_required',
    message: 'The login has expired or was revoked',
    details: { next: [{ command: `sluice login ${gateway.url}` }] },
  });
});

test('a long-lived process sees a logout', async () => {
  const tokens = source();
  await tokens.get();
  await logOut({ environment, transport, profile: 'default' });
  now += 1001;
  await expect(tokens.get()).rejects.toMatchObject({ code: 'login_required' });
});

test('a login is never used for another gateway', async () => {
  const elsewhere = { ...profile, gateway: 'https://evil.example' };
  await expect(source({ profile: elsewhere }).get()).rejects.toMatchObject({ code: 'login_required' });
});

test('a machine gets its next token by its secret', async () => {
  await loginAs({ environment, transport, gateway: gateway.url, profile: 'bot', user: 'robot' });
  gateway.requests.length = 0;
  now += 700_000;
  const bot = new Profiles(environment.configDir).resolve({ profile: 'bot', gateway: null });
  expect((await gateway.verifier.verify(await source({ profile: bot }).get())).kind).toBe('machine');
  expect(refreshes()).toBe(1);
});

test('a caller that gives up does not spoil the refresh for others', async () => {
  now += 560_000;
  const tokens = source();
  const abort = new AbortController();
  const impatient = tokens.get(abort.signal);
  const patient = tokens.get();
  abort.abort(new Error('gone'));
  await expect(impatient).rejects.toThrow('gone');
  expect((await gateway.verifier.verify(await patient)).subject).toBe('engineer');
});

test('a lock left behind by a process that died is taken over', async () => {
  const lock = join(environment.configDir, 'credentials/default.lock');
  mkdirSync(dirname(lock), { recursive: true });
  writeFileSync(lock, '4194305'); // above Linux's largest pid
  now += 560_000;
  await expect(source().get()).resolves.toBeTypeOf('string');
});

test('SLUICE_TOKEN comes before SLUICE_TOKEN_FILE before the login', async () => {
  const file = join(environment.configDir, 'token');
  writeFileSync(file, 'from-file\n');
  expect(await source({ environment: { ...environment, token: ' from-env \n', tokenFile: file } }).get()).toBe(
    'from-env',
  );
  expect(await source({ environment: { ...environment, tokenFile: file } }).get()).toBe('from-file');
});

test('a token file is read again when it has changed', async () => {
  const file = join(environment.configDir, 'token');
  writeFileSync(file, 'one');
  const tokens = tokenFromFile(file);
  expect(await tokens.get()).toBe('one');
  writeFileSync(file, 'two');
  utimesSync(file, new Date(), new Date(Date.now() + 5000));
  expect(await tokens.get()).toBe('two');
  expect(await tokens.renew('two')).toBeNull();
  writeFileSync(file, '');
  await expect(tokens.renew('two')).rejects.toMatchObject({ code: 'login_required' });
});
