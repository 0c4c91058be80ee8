import { spawnSync } from 'node:child_process';
import { copyFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verifyAll } from '../../../src/recording/verify-all.js';
import { opening, recordSession, startRecorder, statement, tempDir } from './support.js';

const script = new URL('../../../scripts/verify-recording.py', import.meta.url).pathname;

function verify(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync('python3', [script, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('the independent verifier', () => {
  it('agrees with ours on sound recordings, whole, live and alone', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    const one = await recordSession(recorder, [statement(1, 'select ‘Zoë’'), statement(2, 'select 2')]);
    const off = await recordSession(recorder, [], opening({ mode: 'off' }));
    const live = await recorder.openSession(opening({ reason: 'INC-42' }));
    for (const event of statement(1, 'x'.repeat(70_000))) live.append(event);
    void live.commit();
    const recordings = join(dir, 'recordings');
    const { status, stdout } = verify(recordings);
    expect(stdout).toContain(`valid    ${one}  7 records\n`);
    expect(stdout).toContain(`valid    ${live.session}  5 records, open\n`);
    expect(stdout).toContain(`valid    ${off}  0 records\n`);
    expect(status).toBe(0);
    const journal = join(recordings, '2026-03-01', `${one}.journal`);
    const [key] = await recorder.keys();
    const keyFile = join(dir, 'trusted.pem');
    await writeFile(keyFile, key?.public_key_pem ?? '');
    expect(verify(journal, '--key', keyFile)).toMatchObject({ status: 0 });
    expect(verify(join(recordings, '2026-03-01', `${live.session}.journal`))).toMatchObject({ status: 3 });
    expect(verify(join(recordings, '2026-03-01', `${live.session}.journal`), '--allow-open')).toMatchObject({
      status: 0,
    });
  });

  it('agrees with ours on what is wrong', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    const one = await recordSession(recorder, [statement(1, 'select 1')]);
    const two = await recordSession(recorder, [statement(1, 'select 2')]);
    await recorder.close();
    const recordings = join(dir, 'recordings');
    const journal = (id: string): string => join(recordings, '2026-03-01', `${id}.journal`);
    const [whole, ledger] = [await readFile(journal(one)), await readFile(join(recordings, 'ledger.journal'))];
    const flipped = (bytes: Buffer, at: number): Buffer => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      return changed;
    };
    const changes: (() => Promise<unknown>)[] = [
      ...[0, 30, 300, 500, whole.length - 1].map((at) => () => writeFile(journal(one), flipped(whole, at))),
      ...[5, 300, whole.length - 5].map((length) => () => truncate(journal(one), length)),
      () => rm(journal(one)),
      () => copyFile(journal(two), journal(one)),
      () => copyFile(journal(two), journal('ses_0123456789abcdef')),
      () => writeFile(join(recordings, 'ledger.journal'), flipped(ledger, 400)),
      () => truncate(join(recordings, 'ledger.journal'), 800),
      () => rm(join(recordings, 'ledger.journal')),
    ];
    expect(verify(recordings).status).toBe(0);
    for (const [index, change] of changes.entries()) {
      await change();
      expect(verify(recordings).status, `change ${index}`).toBe(3);
      expect((await verifyAll(recordings)).valid, `change ${index}`).toBe(false);
      await rm(journal('ses_0123456789abcdef'), { force: true });
      await writeFile(journal(one), whole);
      await writeFile(join(recordings, 'ledger.journal'), ledger);
    }
    expect(verify(join(dir, 'nowhere')).status).toBe(2);
  });
});
