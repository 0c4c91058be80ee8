import { fdatasync } from 'node:fs';
import { copyFile, cp, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { decodeCommits, encodeCommits } from '../../../src/recording/commit-frame.js';
import { CommitLog, type SyncFile } from '../../../src/recording/commit-log.js';
import { replayCommits } from '../../../src/recording/commit-replay.js';
import type { SessionRecorder } from '../../../src/recording/events.js';
import { readEvents } from '../../../src/recording/read.js';
import { ManualTime, opening, recordSession, startOfTime, startRecorder, statement, tempDir } from './support.js';

const day = '2026-03-01';

function journalOf(dir: string, session: string): string {
  return join(dir, 'recordings', day, `${session}.journal`);
}

function logOf(dir: string): string {
  return join(dir, 'recordings', 'commit.log');
}

async function operationsIn(path: string): Promise<number> {
  let count = 0;
  for await (const event of readEvents(path)) if (event.type === 'operation') count++;
  return count;
}

/** Commits statements one after the other, as an engine does: each waits for the last. */
async function run(session: SessionRecorder, statements: number): Promise<void> {
  for (let op = 1; op <= statements; op++) {
    for (const event of statement(op, `select ${op} /* ${'x'.repeat(300)} */`)) {
      session.append(event);
      await session.commit();
    }
  }
}

describe('group commit', () => {
  it('makes sixteen sessions safe with far fewer syncs than commits', async () => {
    const { recorder } = await startRecorder(await tempDir());
    const sessions = await Promise.all(
      Array.from({ length: 16 }, () => recorder.openSession(opening({ mode: 'durable' }))),
    );
    await Promise.all(sessions.map((session) => run(session, 20)));
    const { commits, syncs } = recorder.commitCounts;
    expect(commits).toBeGreaterThanOrEqual(16 * 20 * 3);
    expect(syncs).toBeLessThan(commits / 4);
    await Promise.all(sessions.map((session) => session.close('client closed', '')));
    expect((await recorder.verifyAll()).valid).toBe(true);
  });

  it('puts back what a power cut took: pages of a journal that never reached the disk', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    const opened = [opening({ mode: 'durable' }), opening({ mode: 'durable' })];
    const sessions = await Promise.all(opened.map((open) => recorder.openSession(open)));
    const sizes = await Promise.all(opened.map(({ session }) => readFile(journalOf(dir, session))));
    await Promise.all(sessions.map((session) => run(session, 25)));

    const after = await tempDir();
    await cp(dir, after, { recursive: true });
    await rm(join(after, 'recordings', 'lock.db'));
    const [lost, zeroed] = opened.map(({ session }) => journalOf(after, session));
    await truncate(lost ?? '', sizes[0]?.length);
    const whole = await readFile(zeroed ?? '');
    await writeFile(zeroed ?? '', whole.fill(0, (sizes[1]?.length ?? 0) + 700)); // its length was kept, its bytes were not

    const { recorder: next, problems } = await startRecorder(after);
    expect(problems).toEqual(['put back into 2 journals what a power cut took from them']);
    expect(await next.verifyAll()).toMatchObject({ valid: true });
    for (const { session } of opened) {
      expect(await operationsIn(journalOf(after, session))).toBe(25);
      expect((await next.get(session))?.session).toMatchObject({ state: 'interrupted', operations: 25 });
    }
  });

  it('makes sessions of mode strict safe a moment later, all with one sync', async () => {
    const dir = await tempDir();
    const time = new ManualTime();
    const { recorder } = await startRecorder(dir, { schedule: time.schedule });
    const opened = Array.from({ length: 8 }, () => opening());
    const sessions = await Promise.all(opened.map((open) => recorder.openSession(open)));
    const atFirst = await readFile(journalOf(dir, opened[0]?.session ?? ''));
    await Promise.all(sessions.map((session) => run(session, 25)));
    expect(recorder.commitCounts).toEqual({ commits: 0, syncs: 0 });
    time.fire();
    await vi.waitFor(() => expect(recorder.commitCounts.syncs).toBeGreaterThan(0));
    await vi.waitFor(async () => expect([...decodeCommits(await readFile(logOf(dir)))]).toHaveLength(8));
    expect(recorder.commitCounts).toEqual({ commits: 8, syncs: 1 });

    const after = await tempDir();
    await cp(dir, after, { recursive: true });
    await rm(join(after, 'recordings', 'lock.db'));
    for (const { session } of opened) await truncate(journalOf(after, session), atFirst.length);
    const { recorder: next, problems } = await startRecorder(after);
    expect(problems).toEqual(['put back into 8 journals what a power cut took from them']);
    expect(await next.verifyAll()).toMatchObject({ valid: true });
    for (const { session } of opened) expect(await operationsIn(journalOf(after, session))).toBe(25);
  });

  it('ends a session of mode strict whose journal somebody has cut', async () => {
    const dir = await tempDir();
    const time = new ManualTime();
    const { recorder } = await startRecorder(dir, { schedule: time.schedule });
    const opened = [opening(), opening()];
    const [cut, other] = await Promise.all(opened.map((open) => recorder.openSession(open)));
    if (cut === undefined || other === undefined) throw new Error('two were opened');
    await Promise.all([run(cut, 3), run(other, 3)]);
    await truncate(journalOf(dir, cut.session), 500);
    time.fire();
    for (const event of statement(4, 'select 4')) cut.append(event);
    expect(() => cut.commit()).toThrow('shorter than what was written');
    await run(other, 3);
  });

  it('begins the log anew when it is full, after the journals are on the disk', async () => {
    const dir = await tempDir();
    await mkdir(join(dir, day));
    const synced: number[] = [];
    const log = CommitLog.create(join(dir, 'commit.log'), 16 * 1024);
    const { session } = opening();
    const place = `${day}/${session}.journal`;
    const journal = { place, syncFile: () => Promise.resolve(void synced.push(1)) };
    for (let at = 0; at < 100; at++) await log.add(journal, at * 500, Buffer.alloc(500, at));
    expect(synced.length).toBeGreaterThan(2);
    expect(log.counts).toMatchObject({ commits: 100 });
    await log.close();
    // What stands in the log now is a tail of what was written; all before was synced.
    const [first] = [...decodeCommits(await readFile(join(dir, 'commit.log')))];
    expect(first?.offset).toBeGreaterThan(0);
    await writeFile(join(dir, place), Buffer.alloc(first?.offset ?? 0));
    expect(await replayCommits(dir, () => false)).toEqual([place]);
    expect((await readFile(join(dir, place))).at(-1)).toBe(99);
  });

  it('syncs every journal itself once the log cannot be', async () => {
    const dir = await tempDir();
    let fails = false;
    const sync: SyncFile = (file, done) => (fails ? done(new Error('EIO')) : fdatasync(file, done));
    const log = CommitLog.create(join(dir, 'commit.log'), 64 * 1024, sync);
    let synced = 0;
    const sound = { place: 'a', syncFile: () => Promise.resolve(void synced++) };
    const broken = { place: 'b', syncFile: () => Promise.reject(new Error('EIO: fdatasync')) };
    await log.add(sound, 0, Buffer.from('1'));
    expect(synced).toBe(0);
    fails = true;
    await log.add(sound, 1, Buffer.from('2'));
    expect(synced).toBe(1);
    await log.add(sound, 2, Buffer.from('3'));
    expect(synced).toBe(2);
    await expect(log.add(broken, 0, Buffer.from('4'))).rejects.toThrow('EIO');
    await log.close();
  });

  it('leaves closed journals and foreign names alone, and stops at the first byte that is not its own', async () => {
    const dir = await tempDir();
    const open = opening();
    const place = `${day}/${open.session}.journal`;
    await mkdir(join(dir, day));
    await writeFile(join(dir, place), 'as it was');
    const parts = [
      { place, offset: 0, bytes: Buffer.from('changed') },
      { place: '../../etc/passwd', offset: 0, bytes: Buffer.from('root') },
    ];
    const log = join(dir, 'commit.log');
    await writeFile(log, encodeCommits(1, parts));
    expect(await replayCommits(dir, (session) => session === open.session)).toEqual([]);
    const frames = Buffer.concat([encodeCommits(7, parts), encodeCommits(7, parts), encodeCommits(6, parts)]);
    expect([...decodeCommits(frames)]).toHaveLength(4);
    for (let at = 0; at < frames.length; at += 3) {
      const damaged = Buffer.from(frames);
      damaged.writeUInt8((damaged.readUInt8(at) + 1) % 256, at);
      expect([...decodeCommits(damaged)].length).toBeLessThanOrEqual(4);
      expect([...decodeCommits(frames.subarray(0, at))].length).toBeLessThanOrEqual(4);
    }
    expect(await readFile(join(dir, place), 'utf8')).toBe('as it was');
    expect(await replayCommits(dir, () => false)).toEqual([]);
  });
});

describe('volumes', () => {
  it('keep the journals of their targets, and are verified, found and recovered like the rest', async () => {
    const dir = await tempDir();
    const volumes = [{ name: 'prod', targets: ['db-prod*', 'bank'] }];
    const { recorder } = await startRecorder(dir, { volumes });
    const target = { name: 'db-prod-1', kind: 'postgres', labels: {} };
    const inside = await recordSession(recorder, [statement(1, 'select 1')], opening({ target }));
    const outside = await recordSession(recorder, [statement(1, 'select 1')]);
    expect((await recorder.journal(inside))?.path).toBe(join(dir, 'recordings', 'prod', day, `${inside}.journal`));
    expect((await recorder.journal(outside))?.path).toBe(journalOf(dir, outside));
    const open = opening({ target, mode: 'durable', at: startOfTime + 1 });
    const live = await recorder.openSession(open);
    await run(live, 3);
    expect(await recorder.verifyAll()).toMatchObject({ valid: true, sessions: { length: 3 } });

    const after = await tempDir();
    await cp(dir, after, { recursive: true });
    await rm(join(after, 'recordings', 'lock.db'));
    // Also a gateway that is no longer told of the volume recovers what is in it.
    const { recorder: next } = await startRecorder(after);
    expect((await next.get(open.session))?.session).toMatchObject({ state: 'interrupted', operations: 3 });
    expect(await next.verifyAll()).toMatchObject({ valid: true });
    await copyFile(
      (await next.journal(inside))?.path ?? '',
      join(after, 'recordings', 'prod', day, `${opening().session}.journal`),
    );
    expect(await next.verifyAll()).toMatchObject({ valid: false });
  });
});
