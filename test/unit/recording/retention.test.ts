import { execFileSync } from 'node:child_process';
import { copyFile, cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { SessionEvent } from '../../../src/recording/events.js';
import { readEvents } from '../../../src/recording/read.js';
import { daysKept, isExpired } from '../../../src/recording/retention/policy.js';
import { pieceBytes } from '../../../src/recording/sealing/members.js';
import { verifyAll } from '../../../src/recording/verify-all.js';
import { verifyJournal } from '../../../src/recording/verify.js';
import { publishedKeys } from '../../../src/recording/keys.js';
import { ManualTime, opening, recordSession, startOfTime, startRecorder, statement, tempDir } from './support.js';

const dayMs = 86_400_000;
const day = '2026-03-01';
const journalOf = (dir: string, id: string): string => join(dir, 'recordings', day, `${id}.journal`);
const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function recorderAt(dir: string, change: Parameters<typeof startRecorder>[1] = {}) {
  const time = new ManualTime();
  const started = await startRecorder(dir, { clock: time.clock, schedule: time.schedule, ...change });
  return { ...started, time };
}

describe('retention', () => {
  it('goes by the target’s name, then by the pattern that keeps longest', () => {
    const policy = { days: 30, byTarget: { 'db-*': 10, '*-prod': 400, 'db-audit': null, exact: 1 } };
    expect(daysKept(policy, 'web')).toBe(30);
    expect(daysKept(policy, 'db-test')).toBe(10);
    expect(daysKept(policy, 'db-prod')).toBe(400);
    expect(daysKept(policy, 'db-audit')).toBeNull();
    expect(daysKept(policy, 'toString')).toBe(30);
    expect(isExpired(policy, 'exact', startOfTime, startOfTime + dayMs)).toBe(false);
    expect(isExpired(policy, 'exact', startOfTime, startOfTime + dayMs + 1)).toBe(true);
    expect(isExpired(policy, 'db-audit', 0, startOfTime)).toBe(false);
  });

  it('deletes what expired, leaves a tombstone that verifies, and takes it out of the index', async () => {
    const dir = await tempDir();
    const { recorder, time, options } = await recorderAt(dir, { retention: { days: 30, byTarget: { keep: null } } });
    const target = { name: 'keep', kind: 'postgres', labels: {} };
    const old = await recordSession(recorder, [statement(1, 'select 1 from expiring')]);
    const kept = await recordSession(recorder, [statement(1, 'select 1 from kept')], opening({ target }));
    expect(await recorder.upkeep()).toMatchObject({ deleted: 0, sealed: 0 });
    time.now += 31 * dayMs;
    const live = await recorder.openSession(opening({ at: time.now }));
    expect(await recorder.upkeep()).toMatchObject({ deleted: 1, sealed: 0 });
    expect(await exists(journalOf(dir, old))).toBe(false);
    expect(await exists(journalOf(dir, kept))).toBe(true);
    const verdict = await recorder.verifyAll();
    expect(verdict).toMatchObject({ valid: true });
    expect(verdict.sessions.find(({ id }) => id === old)).toMatchObject({ valid: true, deleted: true });
    expect((await recorder.search('expiring', {})).sessions).toEqual([]);
    expect(await recorder.get(old)).toBeNull();
    expect((await recorder.list({})).sessions.map(({ id }) => id).sort()).toEqual([kept, live.session].sort());
    await live.close('client closed', '');
    await recorder.close();
    expect(await verifyAll(options.dir)).toMatchObject({ valid: true });
    execFileSync('python3', ['scripts/verify-recording.py', options.dir]);
  });

  it('accepts a missing journal with a tombstone and nothing else', async () => {
    const dir = await tempDir();
    const { recorder, time, options } = await recorderAt(dir, { retention: { days: 1 } });
    const id = await recordSession(recorder, [statement(1, 'select 1')]);
    const copy = join(dir, 'copy.journal');
    await copyFile(journalOf(dir, id), copy);
    time.now += 2 * dayMs;
    await recorder.upkeep();
    const other = await recordSession(recorder, [statement(1, 'select 2')], opening({ at: time.now }));
    await recorder.close();
    await copyFile(copy, journalOf(dir, id));
    const back = await verifyAll(options.dir);
    expect(back.sessions.find((session) => session.id === id)?.problem?.message).toContain('deleted by policy');
    await rm(journalOf(dir, id));
    await rm(join(options.dir, '2026-03-03', `${other}.journal`));
    const missing = await verifyAll(options.dir);
    expect(missing.sessions.find((session) => session.id === id)).toMatchObject({ valid: true });
    expect(missing.sessions.find((session) => session.id === other)).toMatchObject({ valid: false });
  });

  it('deletes nothing under a legal hold, which survives a restart, until it is released', async () => {
    const dir = await tempDir();
    const first = await recorderAt(dir, { retention: { days: 1 } });
    const id = await recordSession(first.recorder, [statement(1, 'select 1')]);
    await first.recorder.setHold(id, true, 'reviewer', 'case 42');
    await expect(first.recorder.setHold(id, true, 'reviewer', 'again')).rejects.toThrow('held already');
    await expect(first.recorder.setHold('ses_0000000000000000', true, 'r', 'x')).rejects.toThrow('no session');
    await first.recorder.close();
    const { recorder, time } = await recorderAt(dir, { retention: { days: 1 } });
    time.now += 99 * dayMs;
    expect(await recorder.upkeep()).toMatchObject({ deleted: 0 });
    await recorder.setHold(id, false, 'reviewer', 'case 42 closed');
    expect(await recorder.upkeep()).toMatchObject({ deleted: 1 });
    await expect(recorder.setHold(id, true, 'reviewer', 'too late')).rejects.toThrow('was deleted');
    expect(await recorder.verifyAll()).toMatchObject({ valid: true });
  });

  it('finishes what a crash between tombstone and deletion left', async () => {
    const dir = await tempDir();
    const { recorder, time, options } = await recorderAt(dir, { retention: { days: 1 } });
    const id = await recordSession(recorder, [statement(1, 'select 1')]);
    const copy = join(dir, 'copy.journal');
    await copyFile(journalOf(dir, id), copy);
    time.now += 2 * dayMs;
    await recorder.upkeep();
    await recorder.close();
    await copyFile(copy, journalOf(dir, id));
    const again = await recorderAt(dir);
    expect(await again.recorder.upkeep()).toMatchObject({ deleted: 1 });
    expect(await exists(journalOf(dir, id))).toBe(false);
    expect(await verifyAll(options.dir)).toMatchObject({ valid: true });
  });
});

describe('a sealed journal', () => {
  async function sealedOne(dir: string, statements: number) {
    const { recorder, time, options } = await recorderAt(dir, { sealAfterDays: 7 });
    const events = Array.from({ length: statements }, (_, index) => statement(index + 1, `select ${'x'.repeat(900)}`));
    const id = await recordSession(recorder, events);
    const before = await readFile(journalOf(dir, id));
    time.now += 8 * dayMs;
    return { recorder, options, id, before, time, packed: `${journalOf(dir, id)}.gz` };
  }

  it('is smaller, unpacks with gunzip to the same bytes, verifies and plays', async () => {
    const dir = await tempDir();
    const { recorder, options, id, before, packed } = await sealedOne(dir, 2000);
    expect(before.length).toBeGreaterThan(2 * pieceBytes);
    expect(await recorder.upkeep()).toMatchObject({ deleted: 0, sealed: 1 });
    expect(await recorder.upkeep()).toMatchObject({ deleted: 0, sealed: 0 });
    expect(await readdir(join(options.dir, day))).toEqual([`${id}.journal.gz`]);
    const gz = await readFile(packed);
    expect(gz.length).toBeLessThan(before.length / 2);
    expect(gunzipSync(gz).equals(before)).toBe(true);
    expect(await recorder.verifyAll()).toMatchObject({ valid: true, sessions: [{ closed: true }] });
    const found = await recorder.journal(id);
    expect(found).toEqual({ path: packed, bytes: before.length });
    const events: SessionEvent[] = [];
    for await (const event of readEvents(packed)) events.push(event);
    expect(events).toHaveLength(2000 * 3 + 2);
    expect(await recorder.reindex()).toEqual({ sessions: 1 });
    expect((await recorder.get(id, { limit: 1 }))?.session).toMatchObject({ operations: 2000, state: 'closed' });
    await recorder.close();
    expect(await verifyAll(options.dir)).toMatchObject({ valid: true });
    execFileSync('python3', ['scripts/verify-recording.py', options.dir]);
    const again = await recorderAt(dir, { sealAfterDays: 7 });
    expect((await again.recorder.list({})).sessions).toMatchObject([{ id, state: 'closed' }]);
  });

  it('shows a change at any of its bytes that changes what it holds, and a cut anywhere', async () => {
    const dir = await tempDir();
    const { recorder, options, before, packed } = await sealedOne(dir, 1);
    await recorder.upkeep();
    await recorder.close();
    const keys = await publishedKeys(options.dir);
    const gz = await readFile(packed);
    for (let at = 0; at < gz.length; at += at < 40 || at > gz.length - 20 ? 1 : 5) {
      const changed = Buffer.from(gz);
      changed[at] = (gz[at] ?? 0) ^ 0x01;
      await writeFile(packed, changed);
      const { valid } = await verifyJournal(packed, keys);
      if (valid) expect(gunzipSync(changed).equals(before)).toBe(true);
      await writeFile(packed, gz.subarray(0, at));
      expect((await verifyJournal(packed, keys)).valid).toBe(false);
    }
    await writeFile(packed, Buffer.concat([gz, Buffer.from('more')]));
    expect((await verifyJournal(packed, keys)).valid).toBe(false);
  });

  it('is found whole after a crash while sealing, and when it was sealed already', async () => {
    const dir = await tempDir();
    const { recorder, options, id, before, packed } = await sealedOne(dir, 3);
    await recorder.upkeep();
    await recorder.close();
    await writeFile(journalOf(dir, id), before); // the crash came before the journal was removed
    await cp(packed, join(options.dir, day, `${id}.sealing.journal.gz`)); // and another before the rename
    expect(await verifyAll(options.dir)).toMatchObject({ valid: true, sessions: [{ id }] });
    const again = await recorderAt(dir, { sealAfterDays: 7 });
    again.time.now += 8 * dayMs;
    expect(await again.recorder.upkeep()).toMatchObject({ sealed: 1 });
    expect(await readdir(join(options.dir, day))).toEqual([`${id}.journal.gz`]);
  });
});
