import { spawn } from 'node:child_process';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readEvents } from '../../../src/recording/read.js';
import { startRecordings } from '../../../src/recording/start.js';
import { verifyAll } from '../../../src/recording/verify-all.js';
import { startRecorder } from './support.js';
import { watchWrites } from './write-points.js';
import { workThrough, type Confirmed } from './write-points-work.js';

const program = new URL('./killed-at-write.ts', import.meta.url).pathname;
/** Messages that a start after a kill may give: what was torn was set aside. */
const harmless = /torn (end|beginning of a journal) was set aside|put back into/;

interface Snapshot {
  readonly dir: string;
  readonly point: string;
  readonly confirmed: readonly Confirmed[];
}

/** In memory where there is such a place: what a kill leaves does not depend on the disk, and there are many syncs. */
async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-kill-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Runs `work` in `dir` and copies the whole directory at every point where a kill could leave it. */
async function snapshots(
  dir: string,
  work: (confirm: (confirmed: Confirmed) => void) => Promise<void>,
): Promise<readonly Snapshot[]> {
  const into = await tempDir();
  const taken: Snapshot[] = [];
  const confirmed: Confirmed[] = [];
  cpSync(dir, join(into, 'warm'), { recursive: true }); // loads what node copies with before that is watched
  const stop = await watchWrites(({ what, half }) => {
    const copy = join(into, String(taken.length));
    // After a mere kill commit.log changes nothing; being large it is taken along only now and then.
    const left = taken.length % 10 === 0 ? /index\.db|lock\.db/ : /index\.db|lock\.db|commit\.log/;
    cpSync(dir, copy, { recursive: true, filter: (path) => !left.test(path) });
    taken.push({
      dir: copy,
      point: `${taken.length} ${half ? 'half of ' : 'before '}${what}`,
      confirmed: [...confirmed],
    });
  });
  try {
    await work((each) => confirmed.push(each));
  } finally {
    stop();
  }
  return taken;
}

/** Starts on what a kill left, and holds it against all that had been confirmed before. */
async function expectRecovered({ dir, point, confirmed }: Snapshot): Promise<void> {
  const problems: string[] = [];
  const started = await startRecordings({
    ...{ dir: join(dir, 'recordings'), keysDir: join(dir, 'keys'), gateway: 'gateway-1', clock: Date.now },
    ...{ reserveBytes: 4096, onProblem: (message: string) => problems.push(message) },
  });
  await started.ledger.close();
  started.lock.release();
  expect(
    problems.filter((problem) => !harmless.test(problem)),
    point,
  ).toEqual([]);
  await expectWhole(dir, point, confirmed);
}

async function expectWhole(dir: string, point: string, confirmed: readonly Confirmed[]): Promise<void> {
  const recordings = join(dir, 'recordings');
  const verdict = await verifyAll(recordings);
  const wrong = verdict.sessions.filter(({ valid }) => !valid);
  expect([wrong, verdict.ledger.problem], point).toEqual([[], null]);
  const known = new Map(verdict.sessions.map((session) => [session.id, session]));
  for (const session of known.values()) expect(session.closed, point).toBe(true);
  for (const { session, op, path } of confirmed) {
    expect(known.has(session), `${point}: session ${session}`).toBe(true);
    let last = 0;
    for await (const event of readEvents(join(recordings, path))) if (event.type === 'operation') last = event.op;
    expect(last, `${point}: operations of ${session}`).toBeGreaterThanOrEqual(op);
  }
}

describe('killed at every write', () => {
  it('a gateway loses nothing confirmed, and the next start closes and verifies everything', async () => {
    const dir = await tempDir();
    const points = await snapshots(dir, (confirm) => workThrough(dir, confirm));
    expect(points.length).toBeGreaterThan(80);
    for (const point of points) await expectRecovered(point);
  });

  it('a recovery can be killed as well, wherever it is', async () => {
    const dir = await tempDir();
    const points = await snapshots(dir, (confirm) => workThrough(dir, confirm));
    const middle = points.filter(({ point }) => point.includes('half of writeSync'));
    const left = middle[Math.floor(middle.length * 0.7)] ?? missing();
    const again = await snapshots(left.dir, async () => {
      await expectRecovered({ ...left, point: 'undisturbed' });
    });
    expect(again.length).toBeGreaterThan(10);
    for (const { dir: copy, point } of again) await expectRecovered({ dir: copy, point, confirmed: left.confirmed });
  });

  it('the same with a process that is really killed, and the index built after', async () => {
    const everyPoint = process.env['SLUICE_KILL_POINTS'] === 'all';
    const total = everyPoint ? Infinity : 90;
    for (let at = 1; at < total; at += everyPoint ? 1 : 17) {
      const dir = await tempDir();
      const { killed, confirmed } = await runAndKill(dir, at);
      if (!killed) break;
      const { recorder, problems } = await startRecorder(dir);
      expect(
        problems.filter((problem) => !harmless.test(problem)),
        `point ${at}`,
      ).toEqual([]);
      await expectWhole(dir, `point ${at}`, confirmed);
      for (const { session, op } of confirmed) {
        const found = (await recorder.get(session))?.session;
        expect(found?.state, `point ${at}`).not.toBe('live');
        expect(found?.operations, `point ${at}`).toBeGreaterThanOrEqual(op);
      }
      await recorder.close();
      rmSync(dir, { recursive: true, force: true });
    }
  }, 3_600_000);
});

async function runAndKill(dir: string, at: number): Promise<{ killed: boolean; confirmed: readonly Confirmed[] }> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, dir, String(at)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  const ended = new Promise<string | null>((resolve) => child.once('close', (_code, signal) => resolve(signal)));
  child.stdout.setEncoding('utf8');
  for await (const chunk of child.stdout as AsyncIterable<string>) said += chunk;
  const lines = said.split('\n').slice(0, -1);
  return { killed: (await ended) === 'SIGKILL', confirmed: lines.map((line) => JSON.parse(line) as Confirmed) };
}

function missing(): never {
  throw new Error('no such point');
}
