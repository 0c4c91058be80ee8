import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionEvent } from '../../src/recording/events.js';
import { renderFile } from '../../src/recording/playback/kept-files.js';
import { makeHome, runCli } from '../cli/support/run-cli.js';
import { startSshLab, type SshLab } from '../support/ssh-lab.js';

const keepFileBytes = 100_000;
let lab: SshLab;
let there: string;
let here: string;
beforeAll(async () => {
  lab = await startSshLab({ detectors: '{ email: mask }', keepFileBytes });
  there = join(lab.sshd.dir, 'there');
  here = join(lab.sshd.dir, 'here');
  for (const dir of [there, here]) mkdirSync(dir);
}, 60_000);
afterAll(() => lab.stop());

/** Moves one file up and down again; what the newest session has recorded of it. */
async function moved(
  name: string,
  content: string | Buffer,
): Promise<{ readonly id: string; readonly events: readonly SessionEvent[] }> {
  writeFileSync(join(here, name), content);
  const commands = [`put ${here}/${name} ${there}/${name}`, `get ${there}/${name} ${here}/${name}.back`];
  const { code } = await lab.run('sftp', ['-F', lab.config, '-b', '-', 'web-1'], { input: `${commands.join('\n')}\n` });
  expect(code).toBe(0);
  expect(readFileSync(join(here, `${name}.back`)).equals(Buffer.from(content))).toBe(true);
  const [session] = await lab.sessions();
  const id = session?.id ?? '';
  return { id, events: await lab.events(id) };
}

const results = (events: readonly SessionEvent[]) => events.filter((event) => event.type === 'result');
async function kept(events: readonly SessionEvent[], op: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of renderFile(events, op)) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('files that are kept', () => {
  it('stand in the recording in both directions, with what detectors find as stars, and pass as they are', async () => {
    const { events } = await moved('notes', 'first line\nmail ada@corp.example today\n');
    expect(results(events)).toMatchObject([
      { tag: expect.stringMatching(/^uploaded/), truncated: false },
      { tag: expect.stringMatching(/^downloaded/), truncated: false },
    ]);
    for (const { op } of results(events))
      expect((await kept(events, op)).toString()).toBe('first line\nmail **************** today\n');
    expect(JSON.stringify(events).includes('ada@corp')).toBe(false);
  });

  it('are kept up to the cap, and counted and digested beyond it', async () => {
    const content = Buffer.alloc(1_000_000, 'abcdefgh\n');
    const { events } = await moved('large', content);
    for (const { op, truncated, byteCount, digest } of results(events)) {
      expect([truncated, byteCount, digest.length]).toEqual([true, 1_000_000, 64]);
      expect((await kept(events, op)).equals(content.subarray(0, keepFileBytes))).toBe(true);
    }
    expect(results(events)).toHaveLength(2);
  });

  it('are shown by play and saved by export', async () => {
    const { id, events } = await moved('shown', 'one\n\u001b[2Jtwo\n');
    const transcript = await lab.transcript(id);
    expect(transcript).toContain('  │ one\n  │ \\x1b[2Jtwo\n');
    expect(transcript).not.toContain('not kept');
    const [up] = results(events);
    const home = await makeHome();
    const env = {
      SLUICE_GATEWAY: lab.gateway.url,
      SLUICE_TOKEN: await lab.gateway.token('engineer'),
      SLUICE_NO_DAEMON: '1',
    };
    const args = ['sessions', 'export', id, '--format', 'file', '--op', String(up?.op), '-o', '-'];
    const run = await runCli(home.dir, args, { env, input: null });
    expect([run.code, run.stdout]).toEqual([0, 'one\n\u001b[2Jtwo\n']);
    expect((await runCli(home.dir, args.slice(0, 5), { env, input: null })).code).toBe(2);
    await home.remove();
    const binary = await moved('binary', Buffer.from([0, 1, 2, 255]));
    expect(await lab.transcript(binary.id)).toContain('(4 bytes are kept, no text: sluice sessions export');
  });
});
