import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRecorder } from '../../src/recording/recorder.js';
import { newId } from '../../src/lib/ids.js';
import { makeHome, onlyDocument, runCli } from './support/run-cli.js';

let home: Awaited<ReturnType<typeof makeHome>>;
let journal = '';
const session = newId('ses');
const at = Date.parse('2026-11-23T10:00:00Z');

/** Records one session with the real recorder and closes it. */
async function record(dir: string): Promise<string> {
  const recorder = await openRecorder({ dir, keysDir: join(home.dir, 'keys'), gateway: 'test' });
  const target = { name: 'demo-db', kind: 'postgres', labels: { env: 'demo' } };
  const identity = { subject: 'engineer', name: 'engineer', kind: 'human', issuer: 'test', groups: [] } as const;
  const client = { address: '127.0.0.1', application: 'psql', via: 'tunnel' } as const;
  const open = {
    type: 'open',
    at,
    session,
    identity,
    client,
    target,
    mode: 'strict',
    policyVersion: 'v1',
    reason: null,
  } as const;
  const journalOf = await recorder.openSession(open);
  const operation = {
    type: 'operation',
    at: at + 1000,
    op: 1,
    kind: 'query',
    parameters: [],
    effects: [],
    fault: null,
  } as const;
  journalOf.append({ ...operation, text: 'drop table orders \u001b]0;title\u0007' });
  journalOf.append({
    type: 'decision',
    at: at + 1001,
    op: 1,
    verdict: 'deny',
    policies: ['no-drop'],
    message: '',
    policyVersion: 'v1',
    request: null,
  });
  await journalOf.commit();
  await journalOf.close('client closed', '');
  await recorder.close();
  const names = await readdir(dir, { recursive: true });
  return join(dir, names.find((name) => name.includes(session)) ?? '');
}

beforeAll(async () => {
  home = await makeHome();
  journal = await record(join(home.dir, 'recordings'));
});
afterAll(() => home.remove());

describe('verify, offline', () => {
  it('says 0 and valid for an untouched journal, with the key published beside it', async () => {
    const run = await runCli(home.dir, ['sessions', 'verify', journal, '--json']);
    expect(run.code).toBe(0);
    expect(onlyDocument(run)).toMatchObject({
      schema: 'sluice.verify/v1',
      ok: true,
      valid: true,
      sessions: [{ id: session, valid: true }],
      ledger: null,
    });
  });

  it('says 1, valid false and which record, once a single bit differs', async () => {
    const copy = join(home.dir, 'copy.journal');
    const bytes = await readFile(journal);
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 1;
    await writeFile(copy, bytes);
    const keys = await readdir(join(home.dir, 'recordings/keys'));
    const key = join(home.dir, 'recordings/keys', keys[0] ?? '');
    const run = await runCli(home.dir, ['sessions', 'verify', copy, '--key', key, '--json']);
    expect(run.code).toBe(1);
    const document = onlyDocument(run) as {
      valid: boolean;
      sessions: { valid: boolean; problem: { record: number } }[];
    };
    expect(document.valid).toBe(false);
    expect(document.sessions[0]?.problem.record).toBeGreaterThan(0);
  });

  it('checks a whole folder with its ledger', async () => {
    const run = await runCli(home.dir, ['sessions', 'verify', '--dir', 'recordings']);
    expect(run.code).toBe(0);
    expect(run.stdout).toMatch(/✓ ses_\w+ .*\n✓ ledger .*\n✓ valid\n$/);
  });

  it('asks for a key where there is none, instead of trusting the file', async () => {
    await writeFile(join(home.dir, 'lonely.journal'), await readFile(journal));
    const run = await runCli(home.dir, ['sessions', 'verify', 'lonely.journal', '--json']);
    expect(run.code).toBe(2);
    expect(onlyDocument(run)).toMatchObject({ error: { message: expect.stringContaining('--key FILE') as unknown } });
  });
});

describe('play', () => {
  it('prints a file as text without a gateway, escape sequences shown and not obeyed', async () => {
    const run = await runCli(home.dir, ['play', journal, '--format', 'text']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toContain('demo-db=> drop table orders');
    expect(run.stdout).toContain('denied by policy "no-drop"');
    expect(run.stdout).not.toContain('\u001b');
  });

  it('prints one JSON document with --json and with --format json', async () => {
    const [json, format] = await Promise.all([
      runCli(home.dir, ['play', journal, '--json']),
      runCli(home.dir, ['play', journal, '--format', 'json']),
    ]);
    expect(onlyDocument(json)).toMatchObject({ schema: 'sluice.playback/v1', ok: true });
    expect(format.stdout).toBe(json.stdout);
  });

  it('falls back to text when stdout is no terminal', async () => {
    const run = await runCli(home.dir, ['play', journal]);
    expect(run.stdout).toContain('drop table orders');
  });

  it('refuses a file that is not there and a speed that is not known', async () => {
    expect((await runCli(home.dir, ['play', './none.journal'])).code).toBe(2);
    expect((await runCli(home.dir, ['play', journal, '--speed', '100'])).code).toBe(2);
  });
});
