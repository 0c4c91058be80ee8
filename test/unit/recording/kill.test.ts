import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { newId } from '../../../src/lib/ids.js';
import { readEvents } from '../../../src/recording/read.js';
import { startRecorder, tempDir } from './support.js';

const program = new URL('./killed-gateway.ts', import.meta.url).pathname;

/** Runs a recorder until it has committed about `statements`, then kills it; returns the last one it had confirmed. */
async function runAndKill(stateDir: string, session: string, statements: number): Promise<number> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, stateDir, session], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('latin1');
  for await (const chunk of child.stdout as AsyncIterable<string>) {
    said = (said + chunk).slice(-4096);
    if (Number(said.split('\n').at(-2) ?? 0) >= statements) child.kill('SIGKILL');
  }
  return Number(said.split('\n').at(-2));
}

// Three processes start from source: on a busy machine that takes a while.
it('loses nothing that was committed when the gateway is killed, time and again', { timeout: 120_000 }, async () => {
  const dir = await tempDir();
  for (const statements of [1, 300, 2500]) {
    const session = newId('ses');
    const confirmed = await runAndKill(dir, session, statements);
    expect(confirmed).toBeGreaterThanOrEqual(statements);
    const { recorder, problems } = await startRecorder(dir);
    expect(problems.filter((problem) => !problem.includes('torn end'))).toEqual([]);
    expect((await recorder.verifyAll()).valid).toBe(true);
    const journal = await recorder.journal(session);
    let last = 0;
    for await (const event of readEvents(journal?.path ?? '')) {
      if (event.type === 'operation') expect(event.op).toBe(++last);
    }
    expect(last).toBeGreaterThanOrEqual(confirmed);
    expect((await recorder.get(session))?.session).toMatchObject({ state: 'interrupted', operations: last });
    expect((await recorder.search(`"select ${confirmed}"`, {})).sessions.map(({ id }) => id)).toContain(session);
    await recorder.close();
  }
});
