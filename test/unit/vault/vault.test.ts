import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Principal } from '../../../src/policy/types.js';
import { openStore, type Store } from '../../../src/store/open.js';
import { parseMasterKey, readMasterKey } from '../../../src/vault/master-key.js';
import { openVault, type Vault } from '../../../src/vault/vault.js';

const secret = 'hunter2-ürgent-$ecret';
const ada: Principal = { id: 'i#ada', name: 'ada@corp.example', kind: 'human', issuer: 'i', mfa: true, groups: [] };

let directory: string;
let store: Store;
let vault: Vault;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-vault-'));
  store = openStore(join(directory, 'state.db'));
  vault = openVault({ store: store.secrets, masterKey: { file: join(directory, 'keys', 'master') }, now: () => 42 });
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The message, details and stack of whatever `work` throws. */
async function failure(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    return inspect(error, { depth: 10 });
  }
  throw new Error('nothing was thrown');
}

describe('vault', () => {
  it('gives back what was set, lists names only, and forgets', async () => {
    vault.set('db-prod', secret, ada);
    expect(await vault.resolveSecret('vault:db-prod', null)).toBe(secret);
    expect(await vault.resolveSecret({ provider: 'vault', name: 'db-prod' }, null)).toBe(secret);
    expect(vault.list()).toEqual([{ name: 'db-prod', updatedAt: 42, updatedBy: ada.name }]);
    expect(vault.remove('db-prod', ada)).toBe(true);
    expect(vault.remove('db-prod', ada)).toBe(false);
    await expect(vault.resolveSecret('vault:db-prod', null)).rejects.toThrow(/no secret "db-prod"/);
  });

  it('survives a restart with the same key and is closed to another', async () => {
    vault.set('db', secret, 'gateway');
    const same = openVault({ store: store.secrets, masterKey: { file: join(directory, 'keys', 'master') } });
    expect(await same.resolveSecret('vault:db', null)).toBe(secret);
    expect(same.deriveKey('hash')).toEqual(vault.deriveKey('hash'));
    expect(same.deriveKey('hash')).not.toEqual(vault.deriveKey('secrets'));
    const other = openVault({ store: store.secrets, masterKey: Buffer.alloc(32, 7) });
    const text = await failure(() => other.resolveSecret('vault:db', null));
    expect(text).toContain('master key is another one');
    expect(text).not.toContain(secret);
  });

  it('leaves no trace of the secret in the database file', async () => {
    vault.set('db', secret, 'gateway');
    store.close();
    const bytes = readFileSync(join(directory, 'state.db'));
    for (const form of [
      Buffer.from(secret),
      Buffer.from(Buffer.from(secret).toString('hex')),
      Buffer.from(Buffer.from(secret).toString('base64')),
    ]) {
      expect(bytes.includes(form)).toBe(false);
    }
  });

  it('notices every changed byte, a swapped name and a shortened value', async () => {
    vault.set('a', secret, 'gateway');
    const stored = store.secrets.get('a');
    if (stored === null) throw new Error('not stored');
    for (let index = 0; index < stored.sealed.length; index++) {
      const sealed = Buffer.from(stored.sealed);
      sealed[index] = (sealed[index] ?? 0) ^ 1;
      store.secrets.put({ ...stored, sealed });
      await expect(vault.resolveSecret('vault:a', null)).rejects.toThrow(/cannot be opened/);
    }
    for (const length of [0, 1, 28, stored.sealed.length - 1]) {
      store.secrets.put({ ...stored, sealed: stored.sealed.subarray(0, length) });
      await expect(vault.resolveSecret('vault:a', null)).rejects.toThrow(/cannot be opened/);
    }
    store.secrets.put({ ...stored, name: 'b' });
    await expect(vault.resolveSecret('vault:b', null)).rejects.toThrow(/cannot be opened/);
  });

  it('refuses names and values that cannot be secrets, without repeating them', async () => {
    for (const name of ['', '.hidden', 'a/b', '../x', 'a b', 'x'.repeat(64), 'ä']) {
      expect(() => vault.set(name, secret, ada)).toThrow(expect.objectContaining({ code: 'usage' }));
    }
    for (const value of ['', 'a\0b', 'x'.repeat(70_000)]) {
      expect(() => vault.set('ok', value, ada)).toThrow(expect.objectContaining({ code: 'usage' }));
    }
    const text = await failure(() => vault.resolveSecret(secret, null));
    expect(text).not.toContain(secret);
  });
});

describe('env: and file: references', () => {
  it('reads the environment, but not the variables of Sluice itself', async () => {
    const env = { DB_PASSWORD: secret, SLUICE_MASTER_KEY: 'k', SLUICE_SECRET_DB: 'mine', EMPTY: '' };
    const open = openVault({ store: store.secrets, masterKey: Buffer.alloc(32), env });
    expect(await open.resolveSecret('env:DB_PASSWORD', null)).toBe(secret);
    expect(await open.resolveSecret('env:SLUICE_SECRET_DB', null)).toBe('mine');
    await expect(open.resolveSecret('env:SLUICE_MASTER_KEY', null)).rejects.toMatchObject({ code: 'config_invalid' });
    for (const name of ['EMPTY', 'ABSENT', 'toString', '__proto__']) {
      await expect(open.resolveSecret(`env:${name}`, null)).rejects.toThrow(/has no/);
    }
  });

  it('reads files beneath its roots only, whatever path or link leads out', async () => {
    const roots = join(directory, 'secrets');
    mkdirSync(join(roots, 'sub'), { recursive: true });
    writeFileSync(join(roots, 'sub', 'db'), `${secret}\n`);
    writeFileSync(join(roots, 'empty'), '\n');
    writeFileSync(join(roots, 'huge'), 'x'.repeat(70_000));
    writeFileSync(join(directory, 'outside'), 'other');
    symlinkSync(join(directory, 'outside'), join(roots, 'link'));
    symlinkSync(join(roots, 'sub', 'db'), join(roots, 'inner'));
    const open = openVault({ store: store.secrets, masterKey: Buffer.alloc(32), fileRoots: [roots] });
    expect(await open.resolveSecret(`file:${join(roots, 'sub', 'db')}`, null)).toBe(secret);
    expect(await open.resolveSecret(`file:${join(roots, 'inner')}`, null)).toBe(secret);
    for (const path of ['link', '../outside', '../state.db']) {
      await expect(open.resolveSecret(`file:${roots}/${path}`, null)).rejects.toThrow(/outside of the directories/);
    }
    for (const path of ['sub', 'empty', 'huge', 'absent']) {
      await expect(open.resolveSecret(`file:${join(roots, path)}`, null)).rejects.toMatchObject({
        code: 'config_invalid',
      });
    }
  });
});

describe('master key', () => {
  it('is made once, for its owner alone', () => {
    const path = join(directory, 'fresh', 'key');
    const key = readMasterKey(path);
    expect(key).toHaveLength(32);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readMasterKey(path)).toEqual(key);
    expect(parseMasterKey(readFileSync(path, 'utf8'))).toEqual(key);
  });

  it('is refused when others may read it, through a link, or when it is no key', () => {
    const path = join(directory, 'key');
    readMasterKey(path);
    for (const mode of [0o640, 0o604, 0o660]) {
      chmodSync(path, mode);
      expect(() => readMasterKey(path)).toThrow(/chmod 600/);
    }
    chmodSync(path, 0o600);
    symlinkSync(path, join(directory, 'link'));
    expect(() => readMasterKey(join(directory, 'link'))).toThrow(/ELOOP/);
    writeFileSync(path, 'short', { mode: 0o600 });
    expect(() => readMasterKey(path)).toThrow(/32 bytes/);
    for (const text of ['', 'x'.repeat(44), Buffer.alloc(31).toString('base64'), Buffer.alloc(33).toString('base64')]) {
      expect(() => parseMasterKey(text)).toThrow(/32 bytes/);
    }
  });
});
