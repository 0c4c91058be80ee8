import { randomBytes } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openS3 } from '../../../src/recording/objects/s3.js';
import { verifyAll } from '../../../src/recording/verify-all.js';
import { ObjectServer } from '../../support/object-server.js';
import { ManualTime, opening, recordSession, startRecorder, statement, tempDir } from './support.js';

const dayMs = 86_400_000;
const day = '2026-03-01';

async function objectServer(): Promise<ObjectServer> {
  const server = await ObjectServer.start();
  onTestFinished(() => server.stop());
  return server;
}

async function archiving(
  dir: string,
  server: ObjectServer,
  change: { localDays?: number | null; port?: number; retention?: { days: number } } = {},
) {
  const time = new ManualTime();
  const { localDays = null, port, ...more } = change;
  const store = await openS3(server.options(port), time.clock);
  const started = await startRecorder(dir, {
    ...{ clock: time.clock, schedule: time.schedule, objects: { store, localDays }, ...more },
  });
  return { ...started, time };
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
const localOf = (dir: string, id: string): string => join(dir, 'recordings', day, `${id}.journal`);

/** Passes everything on to the server; `spoil` may change what the server answers. */
async function between(port: number, spoil: (method: string, url: string, body: Buffer) => Buffer): Promise<number> {
  const proxy = createServer((incoming, answer) => {
    const onward = request({ port, path: incoming.url, method: incoming.method, headers: incoming.headers }, (back) => {
      const chunks: Buffer[] = [];
      back.on('data', (chunk: Buffer) => chunks.push(chunk));
      back.on('end', () => {
        answer.writeHead(back.statusCode ?? 500, back.headers);
        const body = Buffer.concat(chunks);
        answer.end(back.statusCode === 200 ? spoil(incoming.method ?? '', incoming.url ?? '', body) : body);
      });
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void proxy.close());
  proxy.unref();
  return (proxy.address() as AddressInfo).port;
}

describe('object storage', () => {
  it('holds journals, the ledger in parts and the public keys, enough to verify from the bucket alone', async () => {
    const [dir, server] = [await tempDir(), await objectServer()];
    const { recorder, problems } = await archiving(dir, server);
    const first = await recordSession(recorder, [statement(1, 'select 1')]);
    expect(await recorder.upkeep()).toMatchObject({ stored: 1, left: 0 });
    const second = await recordSession(recorder, [statement(1, 'select 2')]);
    expect(await recorder.upkeep()).toMatchObject({ stored: 1, left: 0 });
    expect(await recorder.upkeep()).toMatchObject({ stored: 0, left: 0 });
    const keys = await server.keys();
    for (const id of [first, second]) {
      expect((await server.read(`${day}/${id}.journal`)).equals(await readFile(localOf(dir, id)))).toBe(true);
    }
    const parts = keys.filter((key) => key.startsWith('ledger/'));
    expect(parts).toHaveLength(2);
    const ledger = Buffer.concat(await Promise.all(parts.map((part) => server.read(part))));
    expect(ledger.equals(await readFile(join(dir, 'recordings', 'ledger.journal')))).toBe(true);
    expect(keys.filter((key) => key.startsWith('keys/'))).toHaveLength(1);
    expect(problems).toEqual([]);
  });

  it('stores a session a moment after its end by itself', async () => {
    const [dir, server] = [await tempDir(), await objectServer()];
    const { recorder, time } = await archiving(dir, server);
    time.fire(); // the first round
    const id = await recordSession(recorder, [statement(1, 'select 1')]);
    time.fire();
    await recorder.close(); // waits for the round under way
    expect(await server.keys()).toContain(`${day}/${id}.journal`);
  });

  it('keeps what it could not store over a restart, and goes on when the server is back', async () => {
    const [dir, server] = [await tempDir(), await objectServer()];
    const first = await archiving(dir, server, { localDays: 0 });
    await server.pause();
    const ids = [
      await recordSession(first.recorder, [statement(1, 'select 1')]),
      await recordSession(first.recorder, [statement(1, 'select 2')]),
    ];
    first.time.now += dayMs;
    expect(await first.recorder.upkeep()).toMatchObject({ stored: 0, offloaded: 0, left: 2 });
    expect(first.problems.join()).toContain('bucket recordings did not take recordings');
    for (const id of ids) expect(await isThere(localOf(dir, id))).toBe(true);
    await first.recorder.close();
    await server.resume();
    const again = await archiving(dir, server);
    expect(await again.recorder.upkeep()).toMatchObject({ stored: 2, left: 0 });
    expect(again.problems).toEqual([]);
  });

  it('sees an object that came through before a crash lost its receipt, and stores it only once', async () => {
    const [dir, server] = [await tempDir(), await objectServer()];
    const first = await archiving(dir, server);
    await recordSession(first.recorder, [statement(1, 'select 1')]);
    await first.recorder.upkeep();
    await first.recorder.close();
    await rm(join(dir, 'recordings', 'objects.jsonl'));
    const puts: string[] = [];
    const port = await between(server.port, (method, url, body) => {
      if (method === 'PUT') puts.push(url);
      return body;
    });
    const again = await archiving(dir, server, { port });
    expect(await again.recorder.upkeep()).toMatchObject({ stored: 1, left: 0 });
    // The ledger has grown by the restart: its parts are others now. The journal is not sent again.
    expect(puts.filter((url) => !url.includes('/ledger/'))).toEqual([]);
  });

  it('does not take for stored what does not read back the same', async () => {
    const [dir, server] = [await tempDir(), await objectServer()];
    let spoiled = true;
    const port = await between(server.port, (method, url, body) => {
      if (spoiled && method === 'GET' && url.includes('.journal') && body.length > 0) body[0] = (body[0] ?? 0) ^ 1;
      return body;
    });
    const { recorder, problems, time } = await archiving(dir, server, { port, localDays: 0 });
    const id = await recordSession(recorder, [statement(1, 'select 1')]);
    time.now += dayMs;
    expect(await recorder.upkeep()).toMatchObject({ stored: 0, offloaded: 0, left: 1 });
    expect(problems.join()).toContain('does not read back as it was stored');
    expect(await isThere(localOf(dir, id))).toBe(true);
    spoiled = false;
    expect(await recorder.upkeep()).toMatchObject({ stored: 1, left: 0 });
  });

  it('removes a journal here only after reading it back once more, verifies it there, and fetches it to be played', async () => {
    const [dir, server] = [await tempDir(), await objectServer()];
    const { recorder, problems, time, options } = await archiving(dir, server, { localDays: 7 });
    const good = await recordSession(recorder, [statement(1, 'select 1 from good')]);
    const spoiled = await recordSession(recorder, [statement(1, 'select 1 from spoiled')]);
    const original = await readFile(localOf(dir, good));
    expect((await recorder.list({})).sessions).toHaveLength(2); // indexed, as it is long before that
    await recorder.upkeep();
    await server.corrupt(`${day}/${spoiled}.journal`);
    time.now += 8 * dayMs;
    await recorder.upkeep();
    expect(await isThere(localOf(dir, good))).toBe(false);
    expect(problems.join()).toContain('it stays here and is stored again');
    // Rounds of the recorder's own may have come first: what counts is where the journal is in the end.
    await vi.waitFor(async () => {
      await recorder.upkeep();
      if (await isThere(localOf(dir, spoiled))) throw new Error('still here');
    });
    expect(await recorder.verifyAll()).toMatchObject({ valid: true });
    expect((await verifyAll(options.dir)).valid).toBe(false); // without the store it is missing, and that is said

    const fetched = await recorder.journal(good);
    expect((await readFile(fetched?.path ?? '')).equals(original)).toBe(true);
    expect(await recorder.upkeep()).toMatchObject({ offloaded: 0 }); // who asked may be reading it
    expect(await isThere(localOf(dir, good))).toBe(true);
    time.now += dayMs;
    expect(await recorder.upkeep()).toMatchObject({ offloaded: 1 });
    await recorder.reindex();
    expect((await recorder.search('good', {})).sessions).toMatchObject([{ id: good }]);
  });

  it('shows a change of what is only in the store, and that the store is away', async () => {
    const [dir, server] = [await tempDir(), await objectServer()];
    const { recorder, problems, time } = await archiving(dir, server, { localDays: 7 });
    const id = await recordSession(recorder, [statement(1, 'select 1')]);
    expect((await recorder.list({})).sessions).toHaveLength(1);
    await recorder.upkeep();
    time.now += 8 * dayMs;
    await recorder.upkeep();
    await server.corrupt(`${day}/${id}.journal`);
    expect((await recorder.verify(id))?.sessions[0]?.problem?.message).toContain('does not fit the chain');
    expect(await recorder.journal(id)).toBeNull();
    expect(problems.join()).toContain('holds another');
    await server.pause();
    expect((await recorder.verify(id))?.sessions[0]?.problem?.message).toContain('cannot be read now');
    await server.resume();
  });

  it('removes from the store what retention deletes', async () => {
    const [dir, server] = [await tempDir(), await objectServer()];
    const { recorder, time } = await archiving(dir, server, { localDays: 1, retention: { days: 10 } });
    const id = await recordSession(recorder, [statement(1, 'select 1')]);
    await recorder.upkeep();
    time.now += 2 * dayMs;
    await recorder.upkeep();
    time.now += 9 * dayMs;
    await recorder.upkeep();
    expect(await server.keys()).not.toContain(`${day}/${id}.journal`);
    expect(await recorder.verifyAll()).toMatchObject({ valid: true, sessions: [{ id, deleted: true }] });
  });

  it('sends what is large in parts', async () => {
    const server = await objectServer();
    const store = await openS3(server.options());
    const piece = randomBytes(1024 * 1024 + 7);
    const pieces = 40;
    await store.put('large', {
      bytes: piece.length * pieces,
      async *chunks() {
        for (let index = 0; index < pieces; index++) yield piece;
      },
    });
    const stored = await server.read('large');
    expect(stored.equals(Buffer.concat(Array.from({ length: pieces }, () => piece)))).toBe(true);
    expect(await store.get('nothing')).toBeNull();
    store.close();
  });

  const lock = { mode: 'COMPLIANCE', days: 30 } as const;

  /** Answers like a store whose bucket has object lock, and shows a lock of so many days, or none, on what it is asked about. */
  async function lockingStore(daysNow: () => number | null) {
    const server = await objectServer();
    const seen: Record<string, unknown>[] = [];
    const proxy = createServer((incoming, answer) => {
      incoming.resume();
      seen.push({ method: incoming.method, url: incoming.url, ...incoming.headers });
      const days = daysNow();
      const shown = days !== null && {
        'x-amz-object-lock-mode': 'COMPLIANCE',
        'x-amz-object-lock-retain-until-date': new Date(days * dayMs).toISOString(),
      };
      const body = incoming.url?.includes('object-lock')
        ? '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>'
        : '<x><UploadId>u</UploadId></x>';
      incoming.on('end', () =>
        answer.writeHead(200, { etag: '"x"', ...(incoming.method === 'HEAD' && shown) }).end(body),
      );
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void proxy.close());
    const { port } = proxy.address() as AddressInfo;
    const store = await openS3({ ...server.options(port), lock }, () => 0);
    onTestFinished(() => store.close());
    return { store, seen };
  }

  const contentOf = (body: Buffer) => ({
    bytes: body.length,
    async *chunks() {
      yield body;
    },
  });

  it('asks for the lock that it was told, on whole objects and on parts', async () => {
    const { store, seen } = await lockingStore(() => 30);
    for (const body of [Buffer.from('x'), Buffer.alloc(17 * 1024 * 1024)]) await store.put('k', contentOf(body));
    const locked = seen.filter((headers) => headers['x-amz-object-lock-mode'] === 'COMPLIANCE');
    expect(locked).toHaveLength(2);
    for (const headers of locked) expect(headers['x-amz-object-lock-retain-until-date']).toBe('1970-01-31T00:00:00Z');
    expect(locked[0]?.['x-amz-checksum-sha256']).toBeTypeOf('string');
  });

  it('locks what a store took in parts without the lock, as Ceph does', async () => {
    const { store, seen } = await lockingStore(() =>
      seen.some(({ url }) => String(url).includes('retention')) ? 30 : null,
    );
    await store.put('k', contentOf(Buffer.alloc(17 * 1024 * 1024)));
    expect(seen.filter(({ url }) => String(url).includes('retention'))).toMatchObject([{ method: 'PUT' }]);
  });

  it('does not take an object for stored that is locked for less than was asked for', async () => {
    const { store } = await lockingStore(() => 29);
    await expect(store.put('k', contentOf(Buffer.from('x')))).rejects.toThrow('without the lock that was asked for');
  });

  it('stores nothing in a bucket without the lock that is asked for, removes nothing here, and says why', async () => {
    const [dir, server] = [await tempDir(), await objectServer()];
    const problems: string[] = [];
    const time = new ManualTime();
    const store = await openS3({ ...server.options(), lock }, time.clock);
    const { recorder } = await startRecorder(dir, {
      ...{ clock: time.clock, schedule: time.schedule, objects: { store, localDays: 1 } },
      onProblem: (problem) => problems.push(problem),
    });
    const id = await recordSession(recorder, [statement(1, 'select 1')]);
    time.now += 8 * dayMs;
    expect(await recorder.upkeep()).toMatchObject({ stored: 0, offloaded: 0, left: 1 });
    expect(await server.keys()).toEqual([]);
    expect(problems.join()).toContain('the bucket recordings offers no object lock');
    expect((await recorder.verify(id))?.valid).toBe(true);
  });

  it('locks what was stored before the lock was asked for, and removes nothing here until it is locked', async () => {
    const [dir, server] = [await tempDir(), await objectServer()];
    const before = await archiving(dir, server);
    const id = await recordSession(before.recorder, [statement(1, 'select 1')]);
    await before.recorder.upkeep();
    await before.recorder.close();

    const locked = new Set<string>();
    let refusing = true;
    const proxy = createServer((incoming, answer) => {
      const { pathname, search } = new URL(incoming.url ?? '', 'http://store');
      if (search.includes('object-lock')) {
        answer.end('<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>');
      } else if (search.includes('retention')) {
        if (refusing) answer.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
        else answer.end();
        if (!refusing) locked.add(pathname);
      } else {
        const onward = request({ port: server.port, path: incoming.url, method: incoming.method }, (back) => {
          const shown = locked.has(pathname) && {
            'x-amz-object-lock-mode': 'COMPLIANCE',
            'x-amz-object-lock-retain-until-date': new Date(time.now + 31 * dayMs).toISOString(),
          };
          answer.writeHead(back.statusCode ?? 500, { ...back.headers, ...shown });
          back.pipe(answer);
        });
        for (const [name, value] of Object.entries(incoming.headers)) onward.setHeader(name, value ?? '');
        incoming.pipe(onward);
      }
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void proxy.close());
    const time = new ManualTime();
    time.now += 8 * dayMs;
    const store = await openS3({ ...server.options((proxy.address() as AddressInfo).port), lock }, time.clock);
    const problems: string[] = [];
    const { recorder } = await startRecorder(dir, {
      ...{ clock: time.clock, schedule: time.schedule, objects: { store, localDays: 1 } },
      onProblem: (problem) => problems.push(problem),
    });
    expect(await recorder.upkeep()).toMatchObject({ offloaded: 0 });
    expect(problems.join()).toContain('AccessDenied');
    expect(await isThere(localOf(dir, id))).toBe(true);

    refusing = false;
    await recorder.upkeep();
    const journals = [...locked].filter((path) => path.endsWith('.journal'));
    expect(journals).toEqual([`/recordings/gw/${day}/${id}.journal`]);
    for (const kind of ['/keys/', '/ledger/']) expect([...locked].some((path) => path.includes(kind))).toBe(true);
    expect(await recorder.upkeep()).toMatchObject({ offloaded: 1 });
    expect((await recorder.verify(id))?.valid).toBe(true);
  });

  it('is verified with sessions of every kind together', async () => {
    const [dir, server] = [await tempDir(), await objectServer()];
    const { recorder, time } = await archiving(dir, server, { localDays: 7 });
    await recordSession(recorder, [statement(1, 'select 1')]);
    await recordSession(recorder, [], opening({ mode: 'off' }));
    const live = await recorder.openSession(opening());
    await recorder.upkeep();
    time.now += 8 * dayMs;
    await recorder.upkeep();
    expect(await recorder.verifyAll()).toMatchObject({ valid: true });
    await live.close('client closed', '');
  });
});
