import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../../src/store/open.js';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-store-'));
  path = join(directory, 'state', 'state.db');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('openStore', () => {
  it('makes a file that only its owner can read, and keeps what it was given', () => {
    const store = openStore(path);
    store.values.set('gateway', 'gw-1');
    store.close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const again = openStore(path);
    expect(again.values.get('gateway')).toBe('gw-1');
    expect(again.values.ensure('gateway', () => 'other')).toBe('gw-1');
    expect(again.values.ensure('new', () => 'made')).toBe('made');
    expect(again.values.get('absent')).toBeNull();
    again.close();
    again.close();
  });

  it('closes a readable file to others', () => {
    openStore(path).close();
    chmodSync(path, 0o644);
    openStore(path).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is refused to a second gateway in the same process and in another one', () => {
    const store = openStore(path);
    expect(() => openStore(path)).toThrow(/Another gateway is using/);
    const module = new URL('../../../src/store/open.ts', import.meta.url).href;
    const script = `const { openStore } = await import(${JSON.stringify(module)}); try { openStore(${JSON.stringify(path)}); console.log('opened'); } catch (error) { console.log(error.code + ': ' + error.message); }`;
    const run = () =>
      execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(run()).toMatch(/^local: Another gateway is using .*state\.db/);
    store.close();
    expect(run()).toBe('opened\n');
  }, 20_000);

  it('says that a file is damaged', () => {
    writeFileSync(join(directory, 'junk.db'), 'this is no database, whatever its name may say '.repeat(50));
    expect(() => openStore(join(directory, 'junk.db'))).toThrow(/damaged or not a Sluice database/);
  });

  it('refuses a file that a newer version wrote', () => {
    openStore(path).close();
    const database = new Database(path);
    database.exec('INSERT INTO migrations VALUES (999, 0)');
    database.close();
    expect(() => openStore(path)).toThrow(/newer Sluice/);
  });

  it('says why a directory cannot be used', () => {
    writeFileSync(join(directory, 'file'), '');
    expect(() => openStore(join(directory, 'file', 'state.db'))).toThrow(/Cannot open .*(ENOTDIR|EEXIST)/);
  });
});

describe('bundles', () => {
  it('remembers every application in order and what each version held', () => {
    const { bundles, close } = openStore(path);
    const files = (text: string) =>
      new Map([
        ['targets.yaml', text],
        ['policies/a.cedar', 'permit(…);'],
      ]);
    expect(bundles.latest()).toBeNull();
    bundles.append({ version: 'v1', files: files('one'), appliedAt: 1, by: 'ada', message: null });
    bundles.append({ version: 'v2', files: files('two'), appliedAt: 2, by: 'bob', message: 'more' });
    bundles.append({ version: 'v1', files: files('one'), appliedAt: 3, by: 'ada', message: 'rollback' });
    expect(bundles.latest()).toEqual({ version: 'v1', files: files('one') });
    expect(bundles.files('v2')).toEqual(files('two'));
    expect(bundles.files('v3')).toBeNull();
    expect(bundles.list().map(({ version, by }) => `${version} ${by}`)).toEqual(['v1 ada', 'v2 bob', 'v1 ada']);
    close();
  });
});

describe('audit', () => {
  it('pages from the newest, and refuses to change or forget', () => {
    const { audit, close } = openStore(path);
    for (let at = 1; at <= 5; at++) {
      audit.append({
        at,
        actor: 'ada',
        action: 'secret.set',
        object: `s${at}`,
        outcome: 'done',
        detail: { note: `n${at}` },
      });
    }
    const [newest, second] = audit.list({ limit: 2 });
    expect([newest?.object, second?.object]).toEqual(['s5', 's4']);
    expect(audit.list({ limit: 9, before: second?.sequence ?? 0 }).map(({ object }) => object)).toEqual([
      's3',
      's2',
      's1',
    ]);
    expect(newest?.detail).toEqual({ note: 'n5' });
    close();
    const database = new Database(path);
    expect(() => database.exec('DELETE FROM audit')).toThrow(/only grows/);
    expect(() => database.exec("UPDATE audit SET actor = 'eve'")).toThrow(/only grows/);
    database.close();
  });
});
