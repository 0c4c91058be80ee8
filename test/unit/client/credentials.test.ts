import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCredentialStore, reopenCredentialStore, type Keyring } from '../../../src/client/credentials.js';
import type { StoredLogin } from '../../../src/client/stored-login.js';
import { temporaryEnvironment } from './small-gateway.js';

const login: StoredLogin = {
  gateway: 'https://gateway.example',
  issuer: 'https://idp.example',
  clientId: 'cli',
  audience: 'https://gateway.example',
  accessToken: 'a',
  expiresAt: 1,
  refreshToken: 'r',
  clientSecret: null,
  clientKeyFile: null,
  identityTokenFile: null,
};

let environment: ReturnType<typeof temporaryEnvironment>;
let configDir: string;
beforeEach(() => {
  environment = temporaryEnvironment();
  ({ configDir } = environment);
});
afterEach(() => environment.remove());

function memoryKeyring(): Keyring & { readonly entries: Map<string, string> } {
  const entries = new Map<string, string>();
  return {
    entries,
    get: async (account) => entries.get(account) ?? null,
    set: async (account, secret) => void entries.set(account, secret),
    delete: async (account) => void entries.delete(account),
  };
}

test('a file is for its owner only, whatever was there before', async () => {
  const store = await openCredentialStore({ choice: 'file', configDir });
  await store.write('default', login);
  const file = join(configDir, 'credentials/default.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(configDir, 'credentials')).mode & 0o777).toBe(0o700);
  writeFileSync(file, 'damaged', { mode: 0o644 });
  expect(await store.read('default')).toBeNull();
  await store.write('default', { ...login, accessToken: 'b' });
  expect((await store.read('default'))?.accessToken).toBe('b');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await store.remove('default');
  expect(await store.read('default')).toBeNull();
  await store.remove('default');
});

test('a profile name never leaves the directory', async () => {
  const store = await openCredentialStore({ choice: 'file', configDir });
  for (const name of ['../x', '.hidden', 'a/b', '', 'a'.repeat(65)]) {
    await expect(store.write(name, login)).rejects.toMatchObject({ code: 'usage' });
  }
});

test('the keyring is used where it works, and its probe leaves nothing behind', async () => {
  const keyring = memoryKeyring();
  const store = await openCredentialStore({ choice: 'auto', configDir, loadKeyring: async () => keyring });
  expect([store.kind, store.note, keyring.entries.size]).toEqual(['keyring', null, 0]);
  await store.write('default', login);
  expect(await store.read('default')).toEqual(login);
  const again = await reopenCredentialStore('keyring', { choice: 'auto', configDir, loadKeyring: async () => keyring });
  expect(await again.read('default')).toEqual(login);
  const other = { choice: 'auto', configDir: `${configDir}-2`, loadKeyring: async () => keyring } as const;
  expect(await (await openCredentialStore(other)).read('default')).toBeNull();
});

test('a keyring that fails is replaced by a file, and the user hears of it', async () => {
  const store = await openCredentialStore({
    choice: 'auto',
    configDir,
    loadKeyring: async () => Promise.reject(new Error('no D-Bus')),
  });
  expect(store.kind).toBe('file');
  expect(store.note).toBe('No usable keyring here; the login is kept in a file that only you can read');
});

test('a keyring that never answers is given up', async () => {
  const silent: Keyring = { ...memoryKeyring(), set: () => new Promise(() => undefined) };
  const options = { configDir, loadKeyring: async () => silent, limitMs: 20 };
  expect((await openCredentialStore({ ...options, choice: 'auto' })).note).toContain('is it locked?');
  await expect(openCredentialStore({ ...options, choice: 'keyring' })).rejects.toMatchObject({
    code: 'local',
    details: { next: [{ command: 'SLUICE_CREDENTIAL_STORE=file sluice login' }] },
  });
});

test('a keyring that forgets is not trusted', async () => {
  const forgetful: Keyring = { ...memoryKeyring(), get: async () => null };
  const store = await openCredentialStore({ choice: 'auto', configDir, loadKeyring: async () => forgetful });
  expect(store.kind).toBe('file');
});

test('the keyring of this system, if it has one, keeps or refuses within its time', async () => {
  const store = await openCredentialStore({ choice: 'auto', configDir });
  expect(['keyring', 'file']).toContain(store.kind);
});
