import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readClientKey } from '../../../src/client/client-key.js';
import { confirmDeviceCode } from '../../../src/client/demo-confirm.js';
import type { LoginOptions, LoginResult } from '../../../src/client/login.js';
import { completeDeviceLogin, startDeviceLogin } from '../../../src/client/login-device.js';
import { loginAsPerson, type PersonLogin } from '../../../src/client/login-person.js';
import { Profiles } from '../../../src/client/profiles.js';
import { Transport } from '../../../src/client/transport.js';
import { startSmallGateway, temporaryEnvironment, type SmallGateway } from './small-gateway.js';

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

const base = (): LoginOptions => ({ environment, transport, gateway: gateway.url, profile: 'default' });
const inBrowser = (onUrl: PersonLogin['onUrl'], more: Partial<LoginOptions> = {}): Promise<LoginResult> =>
  loginAsPerson({ ...base(), ...more, way: () => 'browser', onPrompt: () => expect.unreachable(), onUrl });

/** A person with a browser: follows the provider's pages, and then the way back to the command line's own port. */
async function browse(url: string, decision: 'confirm' | 'deny' = 'confirm'): Promise<string> {
  let seen = '';
  await confirmDeviceCode({
    verificationUriComplete: url,
    user: 'engineer',
    decision,
    async fetch(page, init) {
      const answer = await fetch(page, init);
      const back = answer.headers.get('location');
      if (back === null || new URL(back, gateway.url).origin === gateway.url) return answer;
      seen = await (await fetch(back)).text();
      return new Response('<body data-step="done">');
    },
  });
  return seen;
}

test('logs a person in by the browser on this machine: code, PKCE, and an answer to loopback', async () => {
  let page: Promise<string> = Promise.resolve('');
  let asked = new URL(gateway.url);
  const result = await inBrowser((url) => {
    asked = new URL(url);
    page = browse(url);
  });
  expect(result).toMatchObject({ name: 'engineer', kind: 'human', groups: ['engineers'] });
  expect(await page).toContain('You are logged in');
  expect(asked.searchParams.get('code_challenge_method')).toBe('S256');
  expect(asked.searchParams.get('redirect_uri')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/);
  const stored = JSON.parse(readFileSync(join(environment.configDir, 'credentials/default.json'), 'utf8')) as {
    refreshToken: string | null;
  };
  expect(stored.refreshToken).not.toBeNull();
});

test('a person who refuses in the browser ends the login', async () => {
  let page: Promise<string> = Promise.resolve('');
  await expect(inBrowser((url) => void (page = browse(url, 'deny')))).rejects.toMatchObject({
    code: 'login_required',
    message: 'The login was refused',
  });
  expect(await page).toContain('did not succeed');
});

test('an answer without our state, for another host or at another path is nobody’s; the real one still counts', async () => {
  const answers: number[] = [];
  const result = await inBrowser((url) => {
    const back = new URL(url).searchParams.get('redirect_uri') ?? '';
    const state = new URL(url).searchParams.get('state') ?? '';
    void (async () => {
      for (const [path, init] of [
        [`${back}?code=stolen&state=guessed`, {}],
        [`${back}?code=stolen`, {}],
        [`${back.replace('/callback', '/other')}?code=x&state=${state}`, {}],
        [`${back}?code=x&state=${state}`, { method: 'POST' }],
        [`${back.replace('127.0.0.1', 'localhost')}?code=x&state=${state}`, {}],
      ] as const) {
        answers.push((await fetch(path, init)).status);
      }
      await browse(url);
    })();
  });
  expect(answers).toEqual([400, 400, 400, 400, 400]);
  expect(result.name).toBe('engineer');
});

test('Ctrl-C while the browser is open ends the login, and the port is free again', async () => {
  const abort = new AbortController();
  const why = new Error('interrupted');
  let back = '';
  const login = inBrowser(
    (url) => {
      back = new URL(url).searchParams.get('redirect_uri') ?? '';
      abort.abort(why);
    },
    { signal: abort.signal },
  );
  await expect(login).rejects.toBe(why);
  await expect(fetch(back)).rejects.toThrow('fetch failed');
});

test.each(['browser', 'device'] as const)('a gateway that forbids the %s login is obeyed, and named', async (way) => {
  gateway.ways = { device: way !== 'device', browser: way !== 'browser' };
  const login = loginAsPerson({
    ...base(),
    way: () => way,
    onPrompt: () => expect.unreachable(),
    onUrl: () => expect.unreachable(),
  });
  await expect(login).rejects.toMatchObject({ code: 'denied', details: { decider: 'gateway' } });
  expect(gateway.requests).toEqual(['GET /v1/login']);
});

const complete = (handle: string, limitMs = 20_000): Promise<LoginResult> =>
  completeDeviceLogin({ environment, transport, handle, limitMs });
const waiting = (): readonly string[] => readdirSync(join(environment.stateDir, 'logins'));

test('a login in two steps: one asks, a person confirms, another one fetches it, once', async () => {
  const { pending, prompt } = await startDeviceLogin({ ...base(), profile: 'agent' });
  const file = join(environment.stateDir, 'logins', `${pending.handle}.json`);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await expect(complete(pending.handle, 1)).rejects.toMatchObject({
    code: 'timeout',
    details: { retryable: true, next: [{ command: `sluice login --complete ${pending.handle}` }] },
  });
  await confirmDeviceCode({ verificationUriComplete: prompt.verificationUriComplete ?? '', user: 'engineer' });
  expect(await complete(pending.handle)).toMatchObject({ name: 'engineer', profile: 'agent' });
  expect(new Profiles(environment.configDir).get('agent')).toMatchObject({ user: 'engineer' });
  expect(existsSync(file)).toBe(false);
  await expect(complete(pending.handle)).rejects.toMatchObject({ code: 'not_found' });
});

test('a second step that is refused is over, and names how to start again', async () => {
  const { pending, prompt } = await startDeviceLogin(base());
  const uri = prompt.verificationUriComplete ?? '';
  await confirmDeviceCode({ verificationUriComplete: uri, user: 'engineer', decision: 'deny' });
  await expect(complete(pending.handle)).rejects.toMatchObject({
    code: 'login_required',
    message: 'The login was refused',
    details: { next: [{ command: `sluice login ${gateway.url} --non-interactive` }] },
  });
  expect(waiting()).toEqual([]);
});

test('a handle is no path, and what nobody finished is swept out', async () => {
  for (const handle of ['../../config', 'lgn_x', ''])
    await expect(complete(handle)).rejects.toMatchObject({ code: 'usage' });
  const { pending } = await startDeviceLogin(base());
  const late = await startDeviceLogin({ ...base(), now: () => Date.now() - 3_600_000 });
  expect(waiting()).toHaveLength(2);
  const next = await startDeviceLogin(base());
  expect([...waiting()].sort()).toEqual([`${pending.handle}.json`, `${next.pending.handle}.json`].sort());
  expect(late.pending.handle).not.toBe(pending.handle);
});

test('a code that nobody confirms in its time is over, in one step or two', async () => {
  await gateway.close();
  gateway = await startSmallGateway({ ttlSeconds: { deviceCode: 1 } });
  const { pending } = await startDeviceLogin(base());
  const once = loginAsPerson({
    ...base(),
    way: () => 'device',
    onPrompt: () => undefined,
    onUrl: () => expect.unreachable(),
  });
  const expired = {
    code: 'login_required',
    message: expect.stringMatching(/^The code (has )?expired/) as string,
  };
  await expect(once).rejects.toMatchObject(expired);
  await expect(complete(pending.handle)).rejects.toMatchObject(expired);
});

test.each([
  ['rsa', { modulusLength: 2048 }, 'RSASSA-PKCS1-v1_5'],
  ['ec', { namedCurve: 'P-256' }, 'ECDSA'],
  ['ed25519', {}, 'Ed25519'],
] as const)('reads a private key of kind %s from PEM and from a JWK', async (kind, parameters, algorithm) => {
  const { privateKey } = generateKeyPairSync(kind as 'rsa', parameters as { modulusLength: number });
  const [pem, jwk] = [join(environment.stateDir, 'key.pem'), join(environment.stateDir, 'key.json')];
  await startDeviceLogin(base()); // makes the directory
  writeFileSync(pem, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(jwk, JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: 'one' }));
  expect((await readClientKey(pem)).key.algorithm.name).toBe(algorithm);
  expect(await readClientKey(jwk)).toMatchObject({ kid: 'one', key: { algorithm: { name: algorithm } } });
});

test('a file that is no usable private key is named, and nothing of it is shown', async () => {
  await startDeviceLogin(base());
  const file = join(environment.stateDir, 'key.pem');
  writeFileSync(file, 'geheim');
  await expect(readClientKey(file)).rejects.toMatchObject({
    code: 'usage',
    message: expect.not.stringContaining('geheim') as string,
  });
  await expect(readClientKey(join(environment.stateDir, 'none'))).rejects.toThrow('there is no such file');
  const { privateKey } = generateKeyPairSync('x25519');
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await expect(readClientKey(file)).rejects.toThrow('signs no tokens');
});
