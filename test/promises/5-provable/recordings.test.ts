import { execFile } from 'node:child_process';
import { appendFile, cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readAnchors, type VerifyDocument, verifyFolder } from '../../../src/cli/verify.js';
import { makeHome, runCli } from '../../cli/support/run-cli.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { nextRecord, type RecordingAttack, recordingAttacks, recordsIn, type Seized } from './recordings.js';

const script = fileURLToPath(new URL('../../../scripts/verify-recording.py', import.meta.url));

const patience = { timeout: 60_000, interval: 100 };
/** What exec answers where a statement waits for approval. */
const heldStatus = 202;

/** Kept where who has the recordings cannot reach: the gateway's public key, and the ledger's head. */
interface Kept {
  readonly key: string;
  readonly anchor: string;
}

let root = '';
let home: Awaited<ReturnType<typeof makeHome>>;
let kept: Kept;
/** Nobody has changed it. */
let sound: string;
let seized: Omit<Seized, 'dir'>;

/** Runs a statement, and waits until its session is closed in journal and ledger. */
async function record(gateway: TestGateway, text: string): Promise<void> {
  const { status } = await gateway.call('engineer', 'POST', '/v1/exec', { target: 'demo-db', text });
  expect(status).toBe(text.startsWith('delete') ? heldStatus : 200);
  await vi.waitFor(async () => expect(await openOnes(gateway)).toBe(0), patience);
}

/** Sessions that the ledger has opened and not closed. */
async function openOnes(gateway: TestGateway): Promise<number> {
  const file = await readFile(join(gateway.stateDir, 'recordings', 'ledger.journal'));
  const ids = recordsIn(file).flatMap(({ body }) => /ses_[0-9a-z]{16}/.exec(body.toString('latin1'))?.[0] ?? []);
  return ids.filter((id) => ids.filter((other) => other === id).length < 2).length;
}

async function journalsIn(dir: string): Promise<readonly string[]> {
  const all = await readdir(dir, { recursive: true });
  return all.filter((name) => /ses_\w+\.journal$/.test(name));
}

async function copyOf(dir: string, name: string): Promise<string> {
  const copy = join(root, name);
  await cp(dir, copy, { recursive: true });
  return copy;
}

/** Two gateways record, and what they have written is taken while they run. */
async function seize(): Promise<void> {
  root = await mkdtemp(join(tmpdir(), 'sluice-provable-'));
  home = await makeHome();
  const gateways: TestGateway[] = [];
  try {
    const gateway = await startTestGateway();
    gateways.push(gateway);
    const recordings = join(gateway.stateDir, 'recordings');
    const journals: string[] = [];
    let older = '';
    for (const text of ['delete from orders where id = 3', 'select name from customers', 'select 1']) {
      if (journals.length === 2) older = await copyOf(recordings, 'older');
      await record(gateway, text);
      for (const name of await journalsIn(recordings)) if (!journals.includes(name)) journals.push(name);
    }
    expect(journals).toHaveLength(3);
    const other = await startTestGateway();
    gateways.push(other);
    await record(other, 'select 1');
    const foreign = await copyOf(join(other.stateDir, 'recordings'), 'foreign');
    const keys = await copyOf(join(recordings, 'keys'), 'keys');
    const [name = ''] = (await readdir(keys)).filter((file) => file.endsWith('.pub.pem'));
    const anchors = join(gateway.stateDir, 'keys', 'ledger.anchor');
    // The head that is kept is the ledger's own, once its last entry is signed.
    await vi.waitFor(async () => {
      await rm(join(root, 'sound'), { recursive: true, force: true });
      await cp(anchors, join(root, 'ledger.anchor'));
      sound = await copyOf(recordings, 'sound');
      const { records } = JSON.parse(await readFile(join(root, 'ledger.anchor'), 'utf8')) as { records: number };
      expect(recordsIn(await readFile(join(sound, 'ledger.journal'))).length - records).toBe(1); // the signature itself
    }, patience);
    kept = { key: join(keys, name), anchor: join(root, 'ledger.anchor') };
    seized = { journals, older, foreign, foreignJournals: await journalsIn(foreign) };
  } finally {
    for (const gateway of gateways) await gateway.stop();
  }
}

beforeAll(seize, 180_000);

afterAll(async () => {
  await home.remove();
  await rm(root, { recursive: true, force: true });
});

interface Verified {
  readonly code: number | null;
  readonly text: string;
}

/** What `sluice sessions verify --dir` does. */
async function ours(dir: string, { key, anchor }: Partial<Kept> = kept): Promise<VerifyDocument> {
  const anchors = anchor === undefined ? [] : await readAnchors([anchor], AbortSignal.timeout(10_000));
  return await verifyFolder(dir, key === undefined ? [] : [key], anchors);
}

/** The verifier that shares nothing with the gateway but the format's description. */
function theirs(dir: string, { key, anchor }: Kept): Promise<Verified> {
  return new Promise((resolve) =>
    execFile('python3', [script, dir, '--key', key, '--anchor', anchor], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), text: stdout + stderr });
    }),
  );
}

async function attacked(name: string, change: RecordingAttack['change']): Promise<string> {
  const dir = await copyOf(sound, `attack ${name.replaceAll('/', ' ')}`);
  await change({ ...seized, dir });
  return dir;
}

describe('recordings in the hands of who owns their disk', () => {
  it('are valid as the gateway wrote them', async () => {
    expect(await ours(sound)).toMatchObject({ valid: true, ledger: { valid: true } });
    expect(await theirs(sound, kept)).toMatchObject({ code: 0 });
  });

  it('of another gateway, and as they were before, are sound in themselves: only what is kept elsewhere tells', async () => {
    expect(await ours(seized.foreign, {})).toMatchObject({ valid: true });
    expect(await ours(seized.older, { key: kept.key })).toMatchObject({ valid: true });
  });

  it.each(recordingAttacks)('$name', async ({ name, change }) => {
    const dir = await attacked(name, change);
    const [our, their] = await Promise.all([ours(dir), theirs(dir, kept)]);
    expect.soft(our, 'sluice sessions verify').toMatchObject({ valid: false });
    expect.soft(their.code, their.text).toBe(3);
  });

  it.each([
    ['the beginning of a record', () => Buffer.from([0, 0, 4, 0, 0x85, 17])],
    ['a whole record whose hash fits', (file: Buffer) => nextRecord(file, Buffer.from([0x82, 0x18, 99, 0]))],
  ])('with %s behind the ledger are sound, and it is said that nobody has signed it', async (what, added) => {
    const dir = await attacked(what, async ({ dir: copy }) => {
      const ledger = join(copy, 'ledger.journal');
      const bytes = added(await readFile(ledger));
      await appendFile(ledger, bytes);
    });
    const told = /^\d+ bytes behind its last signature are signed by nobody/;
    expect(await ours(dir)).toMatchObject({ valid: true, ledger: { notice: expect.stringMatching(told) as string } });
    expect(await ours(sound)).toMatchObject({ ledger: { notice: null } });
    const [theirsNow, before] = [await theirs(dir, kept), await theirs(sound, kept)];
    expect([theirsNow.code, before.code]).toEqual([0, 0]);
    expect(theirsNow.text).toContain('NOTE     ledger');
    expect(before.text).not.toContain('NOTE');
    const { stdout } = await runCli(home.dir, ['sessions', 'verify', '--dir', dir, '--key', kept.key]);
    expect(stdout).toContain('signed by nobody');
  });

  it('are checked by the command line with no gateway to ask, which says where and ends with 1', async () => {
    const verify = (dir: string): ReturnType<typeof runCli> =>
      runCli(home.dir, ['sessions', 'verify', '--dir', dir, '--key', kept.key, '--anchor', kept.anchor]);
    expect(await verify(sound)).toMatchObject({ code: 0 });
    for (const { name, change } of recordingAttacks.slice(-3)) {
      const { code, stdout } = await verify(await attacked(`${name} once more`, change));
      expect(code).toBe(1);
      expect(stdout).toMatch(/NOT valid/);
    }
  });
});
