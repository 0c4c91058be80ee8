import { createServer, type Server } from 'node:http';
import fc from 'fast-check';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createTokenVerifier, type TrustedIssuer } from '../../../src/identity/verifier.js';
import type { TokenVerifier } from '../../../src/identity/types.js';
import { close, listen } from '../client/small-gateway.js';

interface Key {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

async function makeKey(kid: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' } };
}

/** A provider that publishes keys and nothing else. */
let server: Server;
let issuer: string;
let key: Key;
let published: JWK[];
let fetches: string[];
let verifier: TokenVerifier;
const audience = 'https://gateway.example';

function trusted(changes: Partial<TrustedIssuer> = {}): TrustedIssuer {
  return {
    url: issuer,
    audience,
    groupsClaim: 'groups',
    nameClaim: 'email',
    machineClaim: null,
    clockSkewSeconds: 30,
    ...changes,
  };
}

function sign(claims: JWTPayload = {}, options: { key?: Key; expires?: number; type?: string } = {}): Promise<string> {
  const by = options.key ?? key;
  const time = Math.floor(Date.now() / 1000);
  return new SignJWT({ iss: issuer, aud: audience, sub: 'u1', exp: options.expires ?? time + 600, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: by.jwk.kid ?? '', typ: options.type ?? 'at+jwt' })
    .sign(by.privateKey);
}

const seconds = (offset: number): number => Math.floor(Date.now() / 1000) + offset;

beforeEach(async () => {
  key = await makeKey('k1');
  published = [key.jwk];
  fetches = [];
  server = createServer((request, response) => {
    fetches.push(request.url ?? '');
    const discovery = { issuer, jwks_uri: `${issuer}/jwks` };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.url === '/jwks' ? { keys: published } : discovery));
  });
  issuer = await listen(server);
  verifier = createTokenVerifier([trusted()]);
});

afterEach(async () => {
  vi.useRealTimers();
  await close(server);
});

test('knows a person by every name in the token, and whoever acts for them as no person', async () => {
  const claims = { name: 'Ann', email: 'ann@corp.example', preferred_username: 'ann', scope: 'openid', azp: 'cli' };
  const alone = await verifier.verify(await sign(claims));
  expect(alone.kind).toBe('human');
  expect([alone.name, ...(alone.aliases ?? [])]).toEqual(expect.arrayContaining(['ann@corp.example', 'ann']));
  // RFC 8693 4.1: the actor now, and the one before it.
  const acted = await verifier.verify(
    await sign({ ...claims, act: { sub: 'agent-7', act: { client_id: 'planner' } } }),
  );
  expect(acted.kind).toBe('machine');
  expect(acted.aliases).toEqual(expect.arrayContaining(['agent-7', 'planner']));
});

test('accepts a good token and reads its claims', async () => {
  const token = await sign({
    email: 'ann@corp.example',
    groups: ['dba', 'dba', 7, 'ops'],
    amr: ['pwd', 'mfa'],
    client_id: 'cli',
  });
  expect(await verifier.verify(token)).toMatchObject({
    issuer,
    subject: 'u1',
    name: 'ann@corp.example',
    kind: 'human',
    mfa: true,
    claimGroups: ['dba', 'ops'],
  });
});

test('reads groups from one string and names people by what the provider has', async () => {
  expect(await verifier.verify(await sign({ groups: 'dba ops,web', preferred_username: 'ann' }))).toMatchObject({
    name: 'ann',
    claimGroups: ['dba', 'ops', 'web'],
    mfa: false,
  });
  expect(await verifier.verify(await sign({}))).toMatchObject({ name: 'u1', claimGroups: [], kind: 'human' });
});

test('names nobody by an address that the provider has not verified, nor by what they may have typed instead', async () => {
  const claims = { email: 'admin@corp.example', preferred_username: 'admin@corp.example', scope: 'openid', azp: 'cli' };
  for (const email_verified of [false, 'false'])
    expect((await verifier.verify(await sign({ ...claims, email_verified }))).name).toBe('u1');
  for (const said of [{ email_verified: true }, {}])
    // a provider that does not say so stands for its addresses
    expect((await verifier.verify(await sign({ ...claims, ...said }))).name).toBe('admin@corp.example');
  const byUsername = createTokenVerifier([trusted({ nameClaim: 'preferred_username' })]);
  expect((await byUsername.verify(await sign({ ...claims, email_verified: false }))).name).toBe('admin@corp.example');
});

test.each<[string, JWTPayload, 'human' | 'machine']>([
  ['subject is the client', { sub: 'robot', client_id: 'robot' }, 'machine'],
  ['another subject than the client', { sub: 'u1', client_id: 'cli' }, 'human'],
  ['an authorised party and nothing about a person', { sub: 'x@clients', azp: 'x' }, 'machine'],
  ['an authorised party and an e-mail address', { sub: 'u1', azp: 'x', email: 'a@b.example' }, 'human'],
  ['an authorised party and the scope of a person', { sub: 'u1', azp: 'x', scope: 'openid sluice' }, 'human'],
  [
    'a client of Keycloak, which looks like a person',
    {
      sub: 'f3c1',
      azp: 'ci',
      client_id: 'ci',
      scope: 'openid',
      preferred_username: 'service-account-ci',
      email: 'c@i',
    },
    'machine',
  ],
  ['a client of an older Keycloak', { sub: 'f3c1', azp: 'ci', preferred_username: 'service-account-ci' }, 'machine'],
  ['a person of Keycloak', { sub: 'f3c2', azp: 'sluice', preferred_username: 'ann', scope: 'profile' }, 'human'],
  ['a client of Auth0', { sub: 'x@clients', azp: 'x', gty: 'client-credentials', name: 'CI' }, 'machine'],
  ['a client of Okta', { sub: '0oa1', cid: '0oa1', scp: ['api'] }, 'machine'],
  ['a person of Okta', { sub: 'ann@corp.example', cid: '0oa2', uid: '00u1', scp: ['api'], auth_time: 1 }, 'human'],
  ['a client of Entra', { sub: 'b7', oid: 'b7', azp: '9a', roles: ['run'] }, 'machine'],
  ['a client of Entra’s first version', { sub: 'b7', oid: 'b7', appid: '9a', idtyp: 'app' }, 'machine'],
  ['a person of Entra’s first version', { sub: 'c8', appid: '9a', upn: 'ann@corp.example', scp: 'use' }, 'human'],
])('tells people from machines: %s', async (_name, claims, kind) => {
  expect((await verifier.verify(await sign(claims))).kind).toBe(kind);
});

test('takes a configured claim as the mark of a machine', async () => {
  const marked = createTokenVerifier([trusted({ machineClaim: 'svc' })]);
  expect((await marked.verify(await sign({ svc: true, email: 'a@b.example' }))).kind).toBe('machine');
  expect((await marked.verify(await sign({ svc: false }))).kind).toBe('human');
});

test('refuses an expired token, but allows for clock skew', async () => {
  await expect(verifier.verify(await sign({}, { expires: seconds(-31) }))).rejects.toMatchObject({
    code: 'login_required',
    message: 'The login has expired',
  });
  await expect(verifier.verify(await sign({}, { expires: seconds(-10) }))).resolves.toMatchObject({ subject: 'u1' });
});

test('refuses a token from the future beyond clock skew', async () => {
  await expect(verifier.verify(await sign({ nbf: seconds(60) }))).rejects.toThrow('not valid yet');
  await expect(verifier.verify(await sign({ nbf: seconds(10) }))).resolves.toBeDefined();
});

test('refuses another audience, and says which it expects', async () => {
  await expect(verifier.verify(await sign({ aud: 'https://other.example' }))).rejects.toMatchObject({
    code: 'login_required',
    message: `The access token has the wrong audience; this gateway expects "${audience}"`,
  });
});

test('refuses an issuer that is not configured', async () => {
  await expect(verifier.verify(await sign({ iss: 'https://evil.example\n' }))).rejects.toThrow(
    'unknown issuer ("https://evil.example?")',
  );
});

test('refuses a changed token, a foreign key, and a shared-secret signature', async () => {
  const token = await sign({});
  const [header = '', , signature = ''] = token.split('.');
  const body = Buffer.from(JSON.stringify({ iss: issuer, aud: audience, sub: 'root', exp: seconds(600) })).toString(
    'base64url',
  );
  await expect(verifier.verify(`${header}.${body}.${signature}`)).rejects.toThrow('signature is wrong');
  const foreign = await makeKey('k2');
  await expect(verifier.verify(await sign({}, { key: foreign }))).rejects.toThrow('does not publish');
  const forged = await new SignJWT({ iss: issuer, aud: audience, sub: 'root', exp: seconds(600) })
    .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
    .sign(Buffer.from(JSON.stringify(key.jwk)));
  await expect(verifier.verify(forged)).rejects.toThrow('refused algorithm');
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
  await expect(verifier.verify(none)).rejects.toMatchObject({ code: 'login_required' });
});

test('refuses a token of another type, without a subject, or without an end', async () => {
  await expect(verifier.verify(await sign({}, { type: 'logout+jwt' }))).rejects.toThrow('not an access token');
  await expect(verifier.verify(await sign({ sub: undefined as unknown as string }))).rejects.toThrow(
    '"sub" is missing',
  );
  await expect(verifier.verify(await sign({ exp: undefined as unknown as number }))).rejects.toThrow(
    '"exp" is missing',
  );
});

test('whatever is not a token is refused as one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ maxLength: 200 }), async (text) => {
      await expect(verifier.verify(text)).rejects.toMatchObject({ code: 'login_required' });
    }),
    { numRuns: 200 },
  );
  await expect(verifier.verify('a'.repeat(20_000))).rejects.toThrow('too long');
});

test('asks the provider once for its keys, however many tokens come', async () => {
  const tokens = await Promise.all(['a', 'b', 'c'].map((sub) => sign({ sub })));
  await Promise.all([...tokens, ...tokens].map((token) => verifier.verify(token)));
  expect(fetches).toEqual(['/.well-known/openid-configuration', '/jwks']);
});

test('a remembered token still expires', async () => {
  let now = Date.now();
  const timed = createTokenVerifier([trusted({ clockSkewSeconds: 0 })], { now: () => now });
  const token = await sign({}, { expires: seconds(100) });
  await timed.verify(token);
  now += 101_000;
  await expect(timed.verify(token)).rejects.toThrow('expired');
});

test('finds rotated keys by itself', async () => {
  await verifier.verify(await sign({}));
  const next = await makeKey('k2');
  published = [key.jwk, next.jwk];
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 }); // past the cool-down between fetches
  await expect(verifier.verify(await sign({}, { key: next }))).resolves.toMatchObject({ subject: 'u1' });
});

test('a token signed with a withdrawn key stops counting', async () => {
  let now = Date.now();
  const timed = createTokenVerifier([trusted()], { now: () => now });
  const token = await sign({}, { expires: seconds(3600) });
  await timed.verify(token);
  published = [(await makeKey('k2')).jwk];
  now += 11 * 60_000;
  vi.useFakeTimers({ toFake: ['Date'], now });
  await expect(timed.verify(token)).rejects.toThrow('does not publish');
});

test('says that the provider is away, and recovers with it', async () => {
  const { port } = new URL(issuer);
  await close(server);
  const token = await sign({});
  await expect(verifier.verify(token)).rejects.toMatchObject({
    code: 'unavailable',
    details: { decider: 'identity-provider', retryable: true },
  });
  await listen(server, Number(port));
  await expect(verifier.verify(token)).resolves.toMatchObject({ subject: 'u1' });
});

test('serves on with known keys while the provider is away, but not for ever', async () => {
  let now = Date.now();
  const timed = createTokenVerifier([trusted()], { now: () => now });
  await timed.verify(await sign({ sub: 'a' }, { expires: seconds(9000) }));
  await close(server);
  now += 15 * 60_000;
  vi.useFakeTimers({ toFake: ['Date'], now });
  const token = await sign({ sub: 'b' }, { expires: seconds(9000) });
  await expect(timed.verify(token)).resolves.toMatchObject({ subject: 'b' });
  now += 60 * 60_000;
  vi.setSystemTime(now);
  await expect(timed.verify(await sign({ sub: 'c' }))).rejects.toMatchObject({ code: 'unavailable' });
});

test('does not trust a discovery document that names another issuer', async () => {
  server.removeAllListeners('request');
  server.on('request', (_request, response) =>
    response.end(JSON.stringify({ issuer: 'https://evil.example', jwks_uri: issuer })),
  );
  await expect(verifier.verify(await sign({}))).rejects.toThrow('another issuer');
});

test('refuses to trust an issuer over plain HTTP elsewhere', () => {
  expect(() => createTokenVerifier([trusted({ url: 'http://idp.example' })])).toThrow('must use https');
});

test('takes keys of a provider in the same process', async () => {
  const local = createTokenVerifier([trusted()], { jwks: { [issuer]: { keys: [key.jwk] } } });
  await expect(local.verify(await sign({}))).resolves.toMatchObject({ subject: 'u1' });
  expect(fetches).toEqual([]);
});
