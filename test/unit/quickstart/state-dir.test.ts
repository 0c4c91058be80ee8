import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTimeOf } from '../../../src/quickstart/process-start.js';
import { claimStateDir } from '../../../src/quickstart/state-dir.js';

describe('the state directory', () => {
  let root: string;
  let path: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sluice-state-'));
    path = join(root, 'state');
  });
  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });

  it('is made private, and is no longer fresh the second time', async () => {
    const first = await claimStateDir({ path, reset: false });
    expect(first.fresh).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    await first.release();
    const second = await claimStateDir({ path, reset: false });
    expect(second.fresh).toBe(false);
    await second.release();
  });

  it('refuses a folder that holds something else, with and without reset', async () => {
    await mkdir(path);
    await writeFile(join(path, 'thesis.txt'), 'do not delete');
    for (const reset of [false, true]) {
      await expect(claimStateDir({ path, reset })).rejects.toMatchObject({
        code: 'local',
        message: expect.stringContaining('not the state of a quickstart') as string,
      });
    }
    expect(await readFile(join(path, 'thesis.txt'), 'utf8')).toBe('do not delete');
  });

  it('forgets what quickstart made on reset, and nothing else', async () => {
    await (await claimStateDir({ path, reset: false })).release();
    for (const folder of ['recordings', 'keys', 'bundle']) await mkdir(join(path, folder));
    for (const file of ['state.db', 'state.db-wal', 'index.db', 'gateway.log', 'mine.txt']) {
      await writeFile(join(path, file), '');
    }
    const again = await claimStateDir({ path, reset: true });
    expect(again.fresh).toBe(true);
    await again.release();
    expect((await readdir(path)).sort()).toEqual(['mine.txt', 'quickstart.json']);
  });

  it('belongs to one process at a time, and says to which', async () => {
    const holder = await claimStateDir({ path, reset: false });
    for (const reset of [false, true]) {
      await expect(claimStateDir({ path, reset })).rejects.toMatchObject({
        message: expect.stringContaining(`process ${process.pid}`) as string,
      });
    }
    await holder.release();
    expect((await readdir(path)).sort()).toEqual(['quickstart.json']);
  });

  it.each([
    ['of a process that is gone', () => Promise.resolve({ pid: 2 ** 22 + 7, started: '1' })],
    [
      'whose process number belongs to a newer process',
      async () => ({ pid: process.ppid, started: `${String(await startTimeOf(process.ppid))}0` }),
    ],
  ])('takes over a lock %s', async (_, holder) => {
    await (await claimStateDir({ path, reset: false })).release();
    await writeFile(join(path, 'quickstart.lock'), JSON.stringify(await holder()));
    await (await claimStateDir({ path, reset: false })).release();
  });

  it('says why a path cannot be used', async () => {
    await writeFile(path, 'a file');
    await expect(claimStateDir({ path, reset: false })).rejects.toMatchObject({
      code: 'local',
      message: expect.stringContaining('EEXIST') as string,
    });
    await expect(claimStateDir({ path: join(path, 'below'), reset: false })).rejects.toMatchObject({ code: 'local' });
  });
});

describe('the start time of a process', () => {
  it('is null once the process is gone', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()']);
    const pid = child.pid ?? 0;
    expect(await startTimeOf(pid)).toMatch(/\S/);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill();
    await gone;
    expect(await startTimeOf(pid)).toBeNull();
  });
});
