import { execFileSync } from 'node:child_process';
import { copyFile, cp, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isSluiceError } from '../../../src/lib/errors.js';
import { newId } from '../../../src/lib/ids.js';
import { readEvents } from '../../../src/recording/read.js';
import type { SessionEvent } from '../../../src/recording/events.js';
import { verifyAll } from '../../../src/recording/verify-all.js';
import { ManualTime, opening, recordSession, startOfTime, startRecorder, statement, tempDir } from './support.js';

const day = '2026-03-01';
const journalOf = (dir: string, id: string): string => join(dir, 'recordings', day, `${id}.journal`);

/** What a killed gateway leaves: a copy of its files while it runs, without the index, which is changing and derived. */
async function killed(stateDir: string): Promise<string> {
  const copy = join(await tempDir(), 'state');
  await cp(stateDir, copy, { recursive: true, filter: (path) => !basename(path).startsWith('index.db') });
  return copy;
}

async function eventsOf(path: string): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  for await (const event of readEvents(path)) events.push(event);
  return events;
}

describe('a gateway’s recorder', () => {
  it('records a session, lists it, and verifies while it is live, after its end and after a restart', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    const open = opening();
    const session = await recorder.openSession(open);
    for (const event of statement(1, 'select * from customers')) session.append(event);
    expect(session.commit()).toBeUndefined();
    expect(await eventsOf(journalOf(dir, open.session))).toEqual([open, ...statement(1, 'select * from customers')]);
    expect(recorder.liveSessions).toBe(1);
    expect(await recorder.verify(open.session)).toMatchObject({ valid: true, sessions: [{ closed: false }] });
    expect((await recorder.list({})).sessions).toMatchObject([
      { id: open.session, state: 'live', operations: 1, rows: 2 },
    ]);

    await session.close('client closed', '');
    await session.close('revoked', 'too late to matter');
    expect(recorder.liveSessions).toBe(0);
    expect(await recorder.verifyAll()).toMatchObject({ valid: true, sessions: [{ closed: true }] });
    expect((await recorder.list({})).sessions).toMatchObject([{ state: 'closed', end_reason: 'client closed' }]);
    expect(() => session.commit()).toThrow('closed');
    await recorder.close();

    const again = await startRecorder(dir);
    expect(await again.recorder.verifyAll()).toMatchObject({ valid: true, ledger: { entries: 5 } });
    expect((await again.recorder.list({})).sessions).toMatchObject([{ id: open.session, state: 'closed' }]);
    expect(again.problems).toEqual([]);
  });

  it('keeps key and journals from other users of the machine', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    const id = await recordSession(recorder, [statement(1, 'select 1')]);
    const mode = async (path: string): Promise<number> => (await stat(join(dir, path))).mode & 0o777;
    expect(await mode('keys/recording-ed25519.pem')).toBe(0o600);
    expect(await mode(`recordings/${day}/${id}.journal`)).toBe(0o600);
    expect(await mode('recordings')).toBe(0o700);
    expect(await recorder.keys()).toMatchObject([{ algorithm: 'Ed25519', state: 'active' }]);
  });

  it('says of a deleted, swapped, copied, rewound or cut journal what happened', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    const one = await recordSession(recorder, [statement(1, 'select 1')]);
    const two = await recordSession(recorder, [statement(1, 'select 2'), statement(2, 'select 3')]);
    await recorder.close();
    const recordings = join(dir, 'recordings');
    const original = await readFile(journalOf(dir, one));
    const attempt = async (change: () => Promise<unknown>) => {
      await change();
      const verdict = await verifyAll(recordings);
      await rm(journalOf(dir, one), { force: true });
      await writeFile(journalOf(dir, one), original);
      return verdict;
    };
    expect(await verifyAll(recordings)).toMatchObject({ valid: true });
    expect(await attempt(() => rm(journalOf(dir, one)))).toMatchObject({
      ...{ valid: false, ledger: { valid: true } },
      sessions: [{ id: one, valid: false, problem: { message: expect.stringContaining('missing') } }, { valid: true }],
    });
    expect(await attempt(() => copyFile(journalOf(dir, two), journalOf(dir, one)))).toMatchObject({
      sessions: [{ id: one, valid: false, problem: { message: expect.stringContaining(`journal of ${two}`) } }, {}],
    });
    expect(await attempt(() => truncate(journalOf(dir, one), original.length - 1))).toMatchObject({
      sessions: [{ id: one, valid: false }, { valid: true }],
    });
    const stranger = newId('ses');
    await copyFile(journalOf(dir, two), journalOf(dir, stranger));
    expect(await verifyAll(recordings)).toMatchObject({
      ...{ valid: false },
      sessions: [
        {},
        {},
        { id: stranger, valid: false, problem: { message: expect.stringContaining('does not know') } },
      ],
    });
    await rm(journalOf(dir, stranger));
    expect(await verifyAll(recordings)).toMatchObject({ valid: true });
  });

  it('detects a changed byte and a cut anywhere in the ledger, or its loss', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    await recordSession(recorder, [statement(1, 'select 1')]);
    await recorder.close();
    const recordings = join(dir, 'recordings');
    const path = join(recordings, 'ledger.journal');
    const whole = await readFile(path);
    for (let at = 0; at < whole.length; at += 7) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      await writeFile(path, changed);
      expect((await verifyAll(recordings)).valid, `byte ${at}`).toBe(false);
    }
    // The entry that the gateway stopped is the only one whose loss no session shows.
    const lastEntries = 120 + 140;
    for (let length = 0; length < whole.length - lastEntries; length += 7) {
      await writeFile(path, whole.subarray(0, length));
      expect((await verifyAll(recordings)).valid, `cut at ${length}`).toBe(false);
    }
    await rm(path);
    expect(await verifyAll(recordings)).toMatchObject({ valid: false, ledger: { problem: 'there is no ledger' } });
  });

  it('does not start on a ledger that was changed', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    await recordSession(recorder, [statement(1, 'select 1')]);
    await recorder.close();
    const path = join(dir, 'recordings', 'ledger.journal');
    const changed = await readFile(path);
    changed[60] = (changed[60] ?? 0) ^ 1;
    await writeFile(path, changed);
    await expect(startRecorder(dir)).rejects.toThrow('the ledger of recordings was changed or is damaged');
    await rename(path, `${path}.damaged`);
    const again = await startRecorder(dir);
    expect((await again.recorder.verifyAll()).valid).toBe(false); // the old journals are strangers to the new ledger
  });

  it('keeps a second gateway out of the same recordings', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    await expect(startRecorder(dir)).rejects.toSatisfy((error) => isSluiceError(error, 'conflict'));
    await recorder.close();
    await (await startRecorder(dir)).recorder.close();
  });

  it('refuses ids that are none and never writes over a journal', async () => {
    const { recorder } = await startRecorder(await tempDir());
    for (const session of ['../../etc/passwd', 'ses_1', '', 'ses_0123456789abcdef/..']) {
      await expect(recorder.openSession(opening({ session }))).rejects.toThrow(TypeError);
      expect(await recorder.get(session)).toBeNull();
      expect(await recorder.journal(session)).toBeNull();
      expect(await recorder.verify(session)).toBeNull();
    }
    const open = opening();
    await (await recorder.openSession(open)).close('client closed', '');
    await expect(recorder.openSession(open)).rejects.toThrow('cannot be recorded');
    expect(await recorder.verifyAll()).toMatchObject({ valid: true, sessions: [{ id: open.session }] });
  });

  it('ends every live session when it closes, and opens none after', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    const open = opening();
    const session = await recorder.openSession(open);
    session.append(statement(1, 'select 1')[0] ?? open);
    await Promise.all([recorder.close(), recorder.close()]);
    expect((await eventsOf(journalOf(dir, open.session))).at(-1)).toMatchObject({
      type: 'end',
      reason: 'ended by gateway',
    });
    await expect(recorder.openSession(opening())).rejects.toSatisfy((error) => isSluiceError(error, 'unavailable'));
    expect(await verifyAll(join(dir, 'recordings'))).toMatchObject({ valid: true });
  });

  it('opens and closes many sessions at once', async () => {
    const { recorder } = await startRecorder(await tempDir());
    const opens = Array.from({ length: 100 }, () => opening());
    await Promise.all(opens.map((open) => recordSession(recorder, [statement(1, 'select 1')], open)));
    const verdict = await recorder.verifyAll();
    expect(verdict).toMatchObject({ valid: true, ledger: { entries: 201 } });
    expect(verdict.sessions).toHaveLength(100);
  });

  it('signs within a second and every thousand records, without being asked', async () => {
    const dir = await tempDir();
    const time = new ManualTime();
    const { recorder } = await startRecorder(dir, { clock: time.clock, schedule: time.schedule });
    const open = opening();
    const session = await recorder.openSession(open);
    const signed = async () => {
      const { verifyJournal } = await import('../../../src/recording/verify.js');
      const { publishedKeys } = await import('../../../src/recording/keys.js');
      const keys = await publishedKeys(join(dir, 'recordings'));
      const verdict = await verifyJournal(journalOf(dir, open.session), keys, { allowOpen: true });
      return [verdict.records, verdict.signed];
    };
    for (const event of statement(1, 'select 1')) session.append(event);
    void session.commit();
    expect(await signed()).toEqual([4, 3]);
    time.fire();
    expect(await signed()).toEqual([5, 5]);
    for (let op = 2; op < 1200; op++) {
      for (const event of statement(op, 'select 1')) session.append(event);
      void session.commit();
    }
    const [records = 0, last = 0] = await signed();
    expect(records - last).toBeLessThan(1000);
    expect(last).toBeGreaterThan(5);
  });

  it('in durable mode answers a commit with a promise, many of them with few syncs', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    const open = opening({ mode: 'durable' });
    const session = await recorder.openSession(open);
    const commits = [1, 2, 3].map((op) => {
      for (const event of statement(op, 'select 1')) session.append(event);
      return session.commit();
    });
    expect(commits.every((commit) => commit instanceof Promise)).toBe(true);
    await Promise.all(commits.map((commit) => Promise.resolve(commit)));
    expect(await eventsOf(journalOf(dir, open.session))).toHaveLength(10);
  });

  it('in mode off writes no journal but keeps the session in ledger and index', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    const open = opening({ mode: 'off' });
    const session = await recorder.openSession(open);
    session.append(statement(1, 'select 1')[0] ?? open);
    expect(session.commit()).toBeUndefined();
    expect((await recorder.list({})).sessions).toMatchObject([{ id: open.session, state: 'live', recording: 'off' }]);
    await session.close('client closed', '');
    expect(await readdir(join(dir, 'recordings'))).not.toContain(day);
    expect((await recorder.list({})).sessions).toMatchObject([{ id: open.session, state: 'closed', operations: 0 }]);
    expect(await recorder.verifyAll()).toMatchObject({ valid: true, sessions: [{ id: open.session, records: 0 }] });
    await recorder.reindex();
    expect((await recorder.list({})).sessions).toMatchObject([{ id: open.session, state: 'closed', recording: 'off' }]);
  });

  it('shows every event to a listener, and survives its faults', async () => {
    const seen: string[] = [];
    const { recorder, problems } = await startRecorder(await tempDir(), {
      onEvent: (_, event) => {
        seen.push(event.type);
        if (event.type === 'result') throw new Error('listener broke');
      },
    });
    await recordSession(recorder, [statement(1, 'select 1')]);
    expect(seen).toEqual(['open', 'operation', 'decision', 'result', 'end']);
    expect(problems).toEqual(['a listener for session events failed']);
  });
});

describe('recovery', () => {
  async function live(): Promise<{ dir: string; id: string }> {
    const dir = await tempDir();
    // No timer runs: nothing is signed after the opening, however slow the machine is.
    const { recorder } = await startRecorder(dir, { schedule: () => () => undefined });
    const open = opening();
    const session = await recorder.openSession(open);
    for (const event of statement(1, 'select 1')) session.append(event);
    void session.commit();
    await recorder.list({});
    return { dir, id: open.session };
  }

  it('ends what a killed gateway left open as interrupted, and says what was signed', async () => {
    const { dir, id } = await live();
    const state = await killed(dir);
    const { recorder, problems } = await startRecorder(state);
    expect(problems).toEqual([]);
    expect(await recorder.verifyAll()).toMatchObject({ valid: true, sessions: [{ id, closed: true }] });
    expect((await eventsOf(journalOf(state, id))).at(-1)).toMatchObject({
      ...{ type: 'end', reason: 'interrupted' },
      detail: 'the gateway stopped; records up to 3 were signed before; records up to 4 were recovered unsigned',
    });
    expect(await recorder.get(id)).toMatchObject({
      session: { state: 'interrupted', end_reason: 'interrupted', operations: 1 },
      operations: [{ op: 1, text: 'select 1' }],
    });
  });

  it('sets a torn end aside, wherever it was torn', async () => {
    const { dir, id } = await live();
    const whole = await readFile(journalOf(dir, id));
    const scanned = await killed(dir);
    for (const cut of [1, 33, 90, 150]) {
      const state = join(await tempDir(), 'state');
      await cp(scanned, state, { recursive: true });
      await truncate(journalOf(state, id), whole.length - cut);
      const { recorder } = await startRecorder(state);
      expect(await recorder.verifyAll(), `torn by ${cut}`).toMatchObject({ valid: true });
      const torn = await readFile(`${journalOf(state, id)}.torn`).catch(() => Buffer.alloc(0));
      const sound = (await eventsOf(journalOf(state, id))).at(-1);
      expect(sound).toMatchObject({ type: 'end', reason: 'interrupted' });
      expect(whole.includes(torn)).toBe(true);
      await recorder.close();
    }
  });

  it('sets aside blocks that never reached the disk', async () => {
    const { dir, id } = await live();
    const state = await killed(dir);
    const whole = await readFile(journalOf(state, id));
    whole.fill(0, whole.length - 60);
    await writeFile(journalOf(state, id), Buffer.concat([whole, Buffer.alloc(4096)]));
    const { recorder } = await startRecorder(state);
    expect(await recorder.verifyAll()).toMatchObject({ valid: true, sessions: [{ closed: true }] });
    expect((await stat(`${journalOf(state, id)}.torn`)).size).toBeGreaterThan(4096);
  });

  it('leaves a journal that was changed before its last signature as it is, and invalid', async () => {
    const { dir, id } = await live();
    const state = await killed(dir);
    const changed = await readFile(journalOf(state, id));
    changed[60] = (changed[60] ?? 0) ^ 1;
    await writeFile(journalOf(state, id), changed);
    const { recorder, problems } = await startRecorder(state);
    expect(problems.join()).toContain(id);
    expect(await readFile(journalOf(state, id))).toEqual(changed);
    expect(await recorder.verifyAll()).toMatchObject({ valid: false, sessions: [{ id, valid: false }] });
  });

  it('says that a journal is missing, once and for ever', async () => {
    const { dir, id } = await live();
    const state = await killed(dir);
    await rm(journalOf(state, id));
    for (let start = 0; start < 2; start++) {
      const { recorder, problems } = await startRecorder(state);
      expect(problems).toHaveLength(start === 0 ? 1 : 0);
      expect(await recorder.verifyAll()).toMatchObject({
        sessions: [{ id, valid: false, problem: { message: expect.stringContaining('missing') } }],
      });
      await recorder.close();
    }
  });

  it('finds a journal that was created just before the gateway died, and no planted one', async () => {
    const { dir, id } = await live();
    const ledger = await readFile(join(dir, 'recordings', 'ledger.journal'));
    const state = await killed(dir);
    const planted = newId('ses');
    await copyFile(journalOf(state, id), journalOf(state, planted));
    // As if the ledger's entry of the opening had not been written any more, or not even all of the one before.
    for (const bytes of [ledger.indexOf(id), ledger.indexOf(id) - 16, ledger.indexOf(id) - 17]) {
      const cut = join(await tempDir(), 'state');
      await cp(state, cut, { recursive: true });
      await truncate(join(cut, 'recordings', 'ledger.journal'), bytes);
      const { recorder } = await startRecorder(cut);
      expect(await recorder.verify(id)).toMatchObject({ sessions: [{ id, valid: true, closed: true }] });
      expect(await recorder.verify(planted)).toMatchObject({ sessions: [{ id: planted, valid: false }] });
      await recorder.close();
    }
  });

  it('recovers hundreds of open journals at once', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    const sessions = await Promise.all(Array.from({ length: 300 }, () => recorder.openSession(opening())));
    for (const session of sessions) {
      for (const event of statement(1, 'select 1')) session.append(event);
      void session.commit();
    }
    const state = await killed(dir);
    const again = await startRecorder(state);
    const verdict = await again.recorder.verifyAll();
    expect(verdict.valid).toBe(true);
    expect(verdict.sessions.filter(({ closed }) => closed)).toHaveLength(300);
    // A list right after a start waits two seconds for what the last gateway left behind, then gives what there is.
    const listed = async (): Promise<number> =>
      (await again.recorder.list({ state: 'interrupted', limit: 500 })).sessions.length;
    await expect.poll(listed, { timeout: 20_000 }).toBe(300);
  });
});

describe('a full disk', () => {
  /** A file system of its own with 1 MiB; null where that needs more rights than the test has. */
  async function smallDisk(): Promise<string | null> {
    const dir = join(await tempDir(), 'disk');
    await mkdir(dir);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir], { stdio: 'ignore' });
    } catch {
      return null;
    }
    onTestFinished(() => void execFileSync('umount', ['--lazy', dir]));
    return dir;
  }

  it('ends sessions cleanly, refuses new ones, and goes on when there is space again', async () => {
    const dir = await smallDisk();
    if (dir === null) return; // the same is tested with a failing file in journal.test.ts
    const { recorder } = await startRecorder(dir, { indexPath: join(await tempDir(), 'index.db') });
    const [writer, idle] = [await recorder.openSession(opening()), await recorder.openSession(opening())];
    const fill = (): void => {
      for (let op = 1; op < 10_000; op++) {
        for (const event of statement(op, `select '${'x'.repeat(1000)}'`)) writer.append(event);
        void writer.commit();
      }
    };
    expect(fill).toThrow(/the disk for recordings is full/);
    expect(() => writer.commit()).toThrow(/the disk for recordings is full/);
    idle.append(statement(1, 'select 1')[0] ?? opening());
    expect(() => idle.commit()).toThrow(/the disk for recordings is full/);
    await expect(recorder.openSession(opening())).rejects.toSatisfy((error) => isSluiceError(error, 'unavailable'));
    expect(recorder.ready).toBe(false);

    await writer.close('recorder failed', '');
    await idle.close('recorder failed', '');
    expect(await recorder.verifyAll()).toMatchObject({ valid: true, sessions: [{ closed: true }, { closed: true }] });
    expect((await recorder.list({})).sessions).toMatchObject([
      { id: idle.session, end_reason: 'recorder failed' },
      { id: writer.session, end_reason: 'recorder failed' },
    ]);

    const kept = join(await tempDir(), 'kept.journal');
    await copyFile(journalOf(dir, writer.session), kept);
    await rm(journalOf(dir, writer.session));
    const after = await recorder.openSession(opening({ at: startOfTime + 1 }));
    expect(recorder.ready).toBe(true);
    await after.close('client closed', '');
  });
});
