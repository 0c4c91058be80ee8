import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBootstrap } from '../../src/gateway/bootstrap-file.js';
import { recordingsSchema } from '../../src/gateway/recordings-config.js';
import { execDocument } from '../../src/gateway/schemas/exec.js';
import { sessionKeyDocument, sessionSearchDocument } from '../../src/gateway/schemas/sessions.js';
import { seedShop } from '../../src/quickstart/seed.js';
import { smallShop } from '../../src/quickstart/shop-rows.js';
import { verifyBundle } from '../../src/recording/bundle/verify-bundle.js';
import { newIdentity } from '../../src/recording/encryption/recipients.js';
import { publishedKeys } from '../../src/recording/keys.js';
import { readEvents } from '../../src/recording/read.js';
import { ObjectServer } from '../support/object-server.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { type GatewayUnderTest, startTestGateway } from './gateway-harness.js';

/** For what happens in other processes, on a machine that may be busy. */
const patience = { timeout: 15_000, interval: 100 };
const text = 'select name as dearest from products order by price desc limit 1';

let dir: string;
let server: TestPostgres;
let objects: ObjectServer;
let running: GatewayUnderTest;
let session: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-evidence-'));
  server = await startPostgres();
  objects = await ObjectServer.start();
  const { password } = await seedShop(server, { dir, size: smallShop });
  const { file, recipient } = newIdentity(new Date());
  const [identityFile, secretFile] = [join(dir, 'identity.txt'), join(dir, 's3.txt')];
  await writeFile(identityFile, file, { mode: 0o600 });
  await writeFile(secretFile, 'S3RVER\n', { mode: 0o600 });
  const { bucket, prefix, region, endpoint, pathStyle } = objects.options();
  const recordings = recordingsSchema.parse({
    recipients: [recipient],
    identityFile,
    retention: { days: 30, byTarget: { 'demo-*': null } },
    objects: {
      ...{ bucket, prefix, region, endpoint, pathStyle },
      credentials: { accessKeyId: 'S3RVER', secretKey: `file:${secretFile}` },
    },
  });
  running = await startTestGateway({ pgPort: server.port, bootstrap: { recordings } });
  await running.gateway.setSecret('demo-db', password);
  const answer = await running.call('POST', '/v1/exec', { as: 'engineer', body: { target: 'demo-db', text } });
  session = execDocument.parse(answer.document).session_id ?? '';
}, 120_000);
afterAll(async () => {
  await running.stop();
  await objects.stop();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

const get = (path: string, as: 'engineer' | 'reviewer' | 'robot') => running.call('GET', path, { as });
async function bytesOf(path: string, as: 'engineer' | 'reviewer'): Promise<Buffer> {
  const response = await fetch(`${running.url}${path}`, {
    headers: { authorization: `Bearer ${await running.token(as)}` },
  });
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

describe('a gateway that encrypts its recordings', () => {
  it('gives the key of a session to who may read it, and the journal only as it is', async () => {
    const journal = await bytesOf(`/v1/sessions/${session}/journal`, 'engineer');
    expect(journal.includes('dearest')).toBe(false);
    expect((await get(`/v1/sessions/${session}/key`, 'robot')).status).toBe(404);
    for (const as of ['engineer', 'reviewer'] as const) {
      const { key } = sessionKeyDocument.parse((await get(`/v1/sessions/${session}/key`, as)).document);
      const texts: string[] = [];
      for await (const event of readEvents(journal, { openKey: () => Buffer.from(key ?? '', 'base64') })) {
        if (event.type === 'operation') texts.push(event.text);
      }
      expect(texts).toContain(text);
    }
    const found = await get('/v1/sessions/search?q=dearest', 'reviewer');
    expect(sessionSearchDocument.parse(found.document).sessions.map(({ id }) => id)).toEqual([session]);
  });

  it('exports a session with its proofs, which verify offline with the public key alone', async () => {
    expect((await get(`/v1/sessions/${session}/bundle`, 'engineer')).status).toBe(403);
    const path = join(dir, 'one.sluice');
    await writeFile(path, await bytesOf(`/v1/sessions/${session}/bundle`, 'reviewer'));
    const keys = await publishedKeys(join(running.stateDir, 'recordings'));
    expect(await verifyBundle(path, keys)).toMatchObject({ valid: true, sessions: [{ id: session }] });
  });

  it('lets only some hold a session, with a reason, and says what stands already', async () => {
    const hold = (as: 'engineer' | 'reviewer', body: object) =>
      running.call('POST', `/v1/sessions/${session}/hold`, { as, body });
    expect((await hold('engineer', { reason: 'mine' })).status).toBe(403);
    expect((await hold('reviewer', { reason: ' ' })).status).toBe(400);
    expect((await hold('reviewer', { reason: 'case 42' })).document).toMatchObject({ held: true });
    expect((await hold('reviewer', { reason: 'case 42' })).status).toBe(409);
    const release = await running.call('POST', `/v1/sessions/${session}/release`, {
      as: 'reviewer',
      body: { reason: 'closed' },
    });
    expect(release.document).toMatchObject({ session_id: session, held: false });
    expect((await get('/v1/sessions/verify', 'reviewer')).document).toMatchObject({ valid: true });
  });

  it('stores the session in the bucket a moment after its end', async () => {
    const stored = async (): Promise<boolean> => (await objects.keys()).some((key) => key.includes(session));
    await expect.poll(stored, patience).toBe(true);
    const key = (await objects.keys()).find((each) => each.includes(session)) ?? '';
    const [name = ''] = (await readdir(join(running.stateDir, 'recordings'), { recursive: true })).filter((each) =>
      each.endsWith(`${session}.journal`),
    );
    expect((await objects.read(key)).equals(await readFile(join(running.stateDir, 'recordings', name)))).toBe(true);
  });
});

describe('a bootstrap file', () => {
  it('names recipients, identity and secrets relative to itself', async () => {
    const folder = join(dir, 'etc');
    await mkdir(folder);
    const path = join(folder, 'gateway.yaml');
    await writeFile(
      path,
      `listen: { host: 127.0.0.1 }
publicUrl: http://127.0.0.1:7480
stateDir: ./state
issuers: [{ url: https://login.example.com, audience: a, clientId: c }]
recordings:
  recipients: [recipients.txt, age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef]
  identityFile: identity.txt
  retention: { days: 90, byTarget: { "prod-*": 365, audit: null } }
  objects: { bucket: b, credentials: { accessKeyId: a, secretKey: file:s3.key }, lock: { mode: COMPLIANCE, days: 30 } }
`,
    );
    const { recordings } = readBootstrap(path);
    expect(recordings.recipients).toEqual([
      join(folder, 'recipients.txt'),
      'age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef',
    ]);
    expect(recordings.identityFile).toBe(join(folder, 'identity.txt'));
    expect(recordings.objects?.credentials?.secretKey).toBe(`file:${join(folder, 's3.key')}`);
    expect(recordings.retention).toEqual({ days: 90, byTarget: { 'prod-*': 365, audit: null } });
  });
});
