import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { copyFile, cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readAnchors } from '../../../src/cli/verify.js';
import { parseAnchors, type LedgerAnchor } from '../../../src/recording/anchor.js';
import type { AnchorSink } from '../../../src/recording/anchor-keeper.js';
import { fileAnchors, objectAnchors, webhookAnchors } from '../../../src/recording/anchor-sinks.js';
import { openS3 } from '../../../src/recording/objects/s3.js';
import { publishedKeys } from '../../../src/recording/keys.js';
import { decodeLedgerRecord } from '../../../src/recording/ledger-codec.js';
import { readLedger } from '../../../src/recording/ledger-read.js';
import { ledgerHeader } from '../../../src/recording/records.js';
import { RecordScanner } from '../../../src/recording/scan.js';
import { verifyAll } from '../../../src/recording/verify-all.js';
import { ObjectServer } from '../../support/object-server.js';
import { ManualTime, opening, recordSession, startOfTime, startRecorder, statement, tempDir } from './support.js';

const script = new URL('../../../scripts/verify-recording.py', import.meta.url).pathname;
const work = [statement(1, 'select 1')];

function verifyInPython(...args: readonly string[]): { readonly status: number | null; readonly text: string } {
  const { status, stdout } = spawnSync('python3', [script, ...args], { encoding: 'utf8' });
  return { status, text: stdout };
}

/** Where the ledger's nth signature ends: what a rollback to an earlier moment leaves is signed to its end. */
async function endOfSignature(ledger: string, nth: number): Promise<number> {
  const scanner = new RecordScanner(ledgerHeader);
  let seen = 0;
  for (const { body } of scanner.push(await readFile(ledger))) {
    if (decodeLedgerRecord(body).type === 'checkpoint' && ++seen === nth) return scanner.offset;
  }
  throw new Error('no such signature');
}

describe('anchors', () => {
  it('show a ledger that was rolled back, with its journals, to an earlier sound moment', async () => {
    const [dir, elsewhere] = [await tempDir(), await tempDir()];
    const file = join(elsewhere, 'anchors.jsonl');
    const { recorder } = await startRecorder(dir, { anchors: [fileAnchors(file)] });
    await recordSession(recorder, work);
    await recorder.rotateKey();
    await recordSession(recorder, work, opening({ at: startOfTime + 1 }));
    await recorder.close();
    const recordings = join(dir, 'recordings');
    const ledger = join(recordings, 'ledger.journal');
    const anchors = await readAnchors([file], AbortSignal.timeout(1000));
    expect(anchors.length).toBeGreaterThanOrEqual(2);
    expect(await verifyAll(recordings, { anchors })).toMatchObject({ valid: true });
    expect(verifyInPython(recordings, '--anchor', file)).toMatchObject({ status: 0 });

    await copyFile(ledger, `${ledger}.whole`);
    await truncate(ledger, await endOfSignature(ledger, 2)); // before the first session closed
    const rolledBack = await readLedger(ledger, await publishedKeys(recordings));
    expect(rolledBack).toMatchObject({ problem: null, unfinished: false });
    const verdict = await verifyAll(recordings, { anchors });
    expect(verdict.ledger).toMatchObject({ valid: false, problem: expect.stringContaining('rewound') as string });
    expect(verifyInPython(recordings, '--anchor', file)).toMatchObject({
      status: 3,
      text: expect.stringContaining('it was rewound') as string,
    });

    // Another history under the same keys: the gateway goes on from the earlier moment, past the anchor.
    const { recorder: again } = await startRecorder(dir);
    for (let at = 2; at < 8; at++) await recordSession(again, work, opening({ at: startOfTime + at }));
    await again.close();
    const rewritten = await verifyAll(recordings, { anchors });
    expect(rewritten.ledger.problem).toContain('rewritten');
    expect(verifyInPython(recordings, '--anchor', file).text).toContain('it was rewritten');
  });

  it('show it also when a ledger that was rolled back has told anchors of its own since, as many records later', async () => {
    const dir = await tempDir();
    const kept: LedgerAnchor[] = [];
    const sink: AnchorSink = { name: 'memory', put: async (anchor) => void kept.push(anchor) };
    const { recorder } = await startRecorder(dir, { anchors: [sink] });
    await recorder.close();
    const recordings = join(dir, 'recordings');
    const ledger = join(recordings, 'ledger.journal');
    await copyFile(ledger, `${ledger}.before`);
    const live = async (tag: string): Promise<void> => {
      const { recorder: again } = await startRecorder(dir, { anchors: [sink] });
      await recordSession(again, [statement(1, tag)], opening({ at: startOfTime + 1 }));
      await again.close();
    };
    await live('select secrets');
    await copyFile(`${ledger}.before`, ledger);
    await rm(join(recordings, new Date(startOfTime).toISOString().slice(0, 10)), { recursive: true });
    await live('select nothing');
    const numbers = kept.map(({ records }) => records);
    expect(new Set(numbers).size).toBeLessThan(new Set(kept.map(({ head }) => head)).size);
    expect(await verifyAll(recordings)).toMatchObject({ valid: true }); // in itself it is sound
    for (const anchors of [kept, [...kept].reverse()])
      expect((await verifyAll(recordings, { anchors })).ledger.problem).toContain('rewritten');
  });

  it('of the gateway’s own show a folder that was put back, or emptied, by who has no more than its disk', async () => {
    const dir = await tempDir();
    const [recordings, before] = [join(dir, 'recordings'), join(await tempDir(), 'before')];
    const live = async (tag: string): Promise<readonly string[]> => {
      const { recorder, problems } = await startRecorder(dir);
      await recordSession(recorder, [statement(1, tag)], opening({ at: startOfTime + 1 }));
      await recorder.close();
      return problems;
    };
    expect(await live('select 1')).toEqual([]);
    await cp(recordings, before, { recursive: true });
    expect(await live('select secrets')).toEqual([]); // whose recording is to vanish

    await rm(recordings, { recursive: true });
    await cp(before, recordings, { recursive: true });
    expect(await verifyAll(recordings)).toMatchObject({ valid: true });
    expect(await live('select nothing')).toEqual([expect.stringContaining('rewound')]);
    await rm(recordings, { recursive: true });
    expect(await live('select nothing')).toEqual([expect.stringContaining('it is gone')]);

    // It stays so, however long the gateway goes on, until somebody says that they know.
    const { recorder, problems } = await startRecorder(dir);
    expect(problems).toEqual([]);
    expect((await recorder.verifyAll()).ledger).toMatchObject({ valid: false });
    for (const name of await readdir(join(dir, 'keys')))
      if (name.startsWith('ledger-lost-')) await rm(join(dir, 'keys', name));
    expect(await recorder.verifyAll()).toMatchObject({ valid: true });
  });

  it('of the gateway’s own are kept while it runs, for one that is killed keeps none at its end', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    const kept = async (): Promise<number> =>
      parseAnchors(await readFile(join(dir, 'keys', 'ledger.anchor'), 'utf8'))[0]?.records ?? 0;
    await expect.poll(kept).toBeGreaterThan(0);
    const before = await kept();
    await recordSession(recorder, work);
    await expect.poll(kept, { timeout: 20_000 }).toBeGreaterThan(before);
  });

  it('prove nothing when they are not signed by a key that is trusted', async () => {
    const [dir, other] = [await tempDir(), await tempDir()];
    const kept: LedgerAnchor[] = [];
    const sink: AnchorSink = { name: 'memory', put: async (anchor) => void kept.push(anchor) };
    const { recorder } = await startRecorder(dir, { anchors: [sink] });
    const { recorder: foreign } = await startRecorder(other);
    await recorder.close();
    await foreign.close();
    const verdict = await verifyAll(join(other, 'recordings'), { anchors: kept });
    expect(verdict.ledger.problem).toContain('proves nothing');
    const forged = kept.map((anchor) => ({ ...anchor, records: anchor.records + 1 }));
    expect((await verifyAll(join(dir, 'recordings'), { anchors: forged })).ledger.problem).toContain('proves nothing');
  });

  it('are told at once, then at most once an interval, and at the end; what fails is tried again with the newest', async () => {
    const time = new ManualTime();
    const told: number[] = [];
    let fails = false;
    let asked: () => void = () => undefined;
    const sink: AnchorSink = {
      name: 'the test',
      put: async ({ records }) => {
        asked();
        if (fails) throw new Error('away');
        told.push(records);
      },
    };
    const { recorder, problems } = await startRecorder(await tempDir(), { anchors: [sink], schedule: time.schedule });
    await expect.poll(() => told.length).toBe(1);
    await recordSession(recorder, work);
    await recordSession(recorder, work, opening({ at: startOfTime + 1 }));
    expect(told).toHaveLength(1);
    time.fire();
    await expect.poll(() => told.length).toBe(2);
    fails = true;
    await recordSession(recorder, work, opening({ at: startOfTime + 2 }));
    for (let tries = 0; tries < 2; tries++) {
      const failed = new Promise<void>((resolve) => (asked = resolve));
      time.fire();
      await failed;
      await new Promise((resolve) => setImmediate(resolve)); // the keeper takes note and waits again
    }
    fails = false;
    await recorder.close();
    expect(problems).toEqual(['the test does not take anchors: away']);
    expect(told).toHaveLength(3);
    expect([...told].sort((one, two) => one - two)).toEqual(told);
  });

  it('go to a webhook with its token; a redirect or an error is a failure', async () => {
    const bodies: string[] = [];
    const tokens: (string | undefined)[] = [];
    let status = 500;
    const server = createServer((request, response) => {
      tokens.push(request.headers.authorization);
      if (request.method === 'GET') return void response.end(bodies.at(-1));
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        if (status === 200) bodies.push(body);
        response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end();
      });
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/anchors`;
    const sink = webhookAnchors(url, 'secret');
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir, { anchors: [{ ...sink, put: async () => undefined }] });
    const anchor: LedgerAnchor = parseAnchors(await anchorText())[0] ?? missing();
    const signal = AbortSignal.timeout(5000);
    for (status of [500, 302]) await expect(sink.put(anchor, signal)).rejects.toThrow();
    status = 200;
    await sink.put(anchor, signal);
    expect(tokens).toEqual(['Bearer secret', 'Bearer secret', 'Bearer secret']);
    expect(await readAnchors([url], signal)).toEqual([anchor]);
    await recorder.close();
  });

  it('are objects in a bucket', async () => {
    const server = await ObjectServer.start();
    onTestFinished(() => server.stop());
    const store = await openS3(server.options());
    const dir = await tempDir();
    const { recorder, problems } = await startRecorder(dir, { anchors: [objectAnchors(store)] });
    await recordSession(recorder, work);
    await recorder.close();
    expect(problems).toEqual([]);
    const keys = (await server.keys()).filter((key) => key.startsWith('anchors/')).sort();
    expect(keys.length).toBeGreaterThanOrEqual(2);
    const newest = await store.get(keys.at(-1) ?? '');
    const anchors = parseAnchors(await text(Readable.from(newest ?? [])));
    expect(await verifyAll(join(dir, 'recordings'), { anchors })).toMatchObject({ valid: true });
  });

  it('are read strictly', async () => {
    const dir = await tempDir();
    for (const text of ['', '{}', '[1]', '{"schema":"sluice.anchor/v1"}', 'nonsense']) {
      const file = join(dir, 'anchor.json');
      await writeFile(file, text);
      await expect(readAnchors([file], AbortSignal.timeout(1000))).rejects.toMatchObject({ code: 'usage' });
    }
  });
});

async function anchorText(): Promise<string> {
  const file = join(await tempDir(), 'anchors.jsonl');
  const { recorder } = await startRecorder(await tempDir(), { anchors: [fileAnchors(file)] });
  await recorder.close();
  return readFile(file, 'utf8');
}

function missing(): never {
  throw new Error('no anchor was kept');
}
