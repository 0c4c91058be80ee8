import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seedShop } from '../../src/quickstart/seed.js';
import { smallShop } from '../../src/quickstart/shop-rows.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { type GatewayUnderTest, startTestGateway } from './gateway-harness.js';

interface Line {
  readonly sequence: number;
  readonly event: string;
  readonly session: string | null;
  readonly outcome: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

let dir: string;
let server: TestPostgres;
let running: GatewayUnderTest;
let receiver: Server;
const received: Line[] = [];
let refusals = 0;
const patience = { timeout: 10_000, interval: 20 };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-audit-'));
  // A receiver that is away at first.
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => {
      const refuse = refusals > 0;
      if (refuse) refusals--;
      else for (const line of body.trimEnd().split('\n')) received.push(JSON.parse(line) as Line);
      response.writeHead(refuse ? 503 : 204).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  server = await startPostgres();
  const { password } = await seedShop(server, { dir, size: smallShop });
  const { port } = receiver.address() as AddressInfo;
  running = await startTestGateway({
    pgPort: server.port,
    bootstrap: {
      audit: {
        sinks: [
          { type: 'file', path: join(dir, 'audit.jsonl') },
          { type: 'http', url: `http://127.0.0.1:${port}/in`, tokenFile: null },
        ],
      },
    },
  });
  await running.gateway.setSecret('demo-db', password);
}, 120_000);
afterAll(async () => {
  await running.stop();
  receiver.close();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

const inFile = async (): Promise<Line[]> =>
  (await readFile(join(dir, 'audit.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
const exec = (text: string) =>
  running.call('POST', '/v1/exec', { as: 'engineer', body: { target: 'demo-db', text, wait: false } });

it('tells file and receiver everything of note, numbered without a gap', async () => {
  refusals = 2;
  expect((await exec('select count(*) from orders')).status).toBe(200);
  expect((await exec('drop table orders')).status).toBe(403);
  await running.call('GET', '/v1/secrets', { as: 'engineer' });
  const sessions = await running.call('GET', '/v1/sessions?limit=1', { as: 'reviewer' });
  const [{ id }] = sessions.document['sessions'] as [{ id: string }];
  await running.call('GET', `/v1/sessions/${id}/journal`, { as: 'reviewer' });
  const last = async () => (await inFile()).at(-1)?.event;
  await expect.poll(last, patience).toBe('session.export');
  const lines = await inFile();
  expect(lines.map(({ sequence }) => sequence)).toEqual(lines.map((_, index) => index + 1));
  const events = lines.map(({ event }) => event);
  for (const event of ['gateway.started', 'secret.set', 'bundle.apply', 'session.opened', 'operation.allowed'])
    expect(events).toContain(event);
  for (const event of ['operation.completed', 'operation.denied', 'session.ended', 'api.refused', 'session.list'])
    expect(events).toContain(event);
  expect(lines.find(({ event }) => event === 'operation.denied')).toMatchObject({
    ...{ schema: 'sluice.audit/v1', outcome: 'denied', severity: 'warning', target: 'demo-db' },
    actor: { id: expect.stringContaining('engineer') as unknown },
    detail: { text: 'drop table orders', policies: ['no-drop'] },
  });
  // The receiver got the same, in spite of being away at first.
  await expect.poll(() => received.length, patience).toBe(lines.length);
  expect(received).toEqual(lines);
});

it('goes on numbering after a restart and tells each event once', async () => {
  await running.restart();
  expect((await exec('select 1')).status).toBe(200);
  await expect
    .poll(async () => (await inFile()).filter(({ event }) => event === 'session.ended').length, patience)
    .toBe(3);
  const lines = await inFile();
  expect(lines.map(({ sequence }) => sequence)).toEqual(lines.map((_, index) => index + 1));
  expect(lines.filter(({ event }) => event === 'gateway.started')).toHaveLength(2);
  expect(lines.filter(({ event }) => event === 'gateway.stopped')).toHaveLength(1);
  await expect.poll(() => received.length, patience).toBe(lines.length);
  expect(received).toEqual(lines);
});

it('never waits for a sink: sessions go on while a receiver is away, and it hears all of it later', async () => {
  refusals = 1_000_000;
  for (let round = 0; round < 5; round++) expect((await exec(`select ${round}`)).status).toBe(200);
  const before = received.length;
  await running.restart(); // what was kept for the receiver is on the disk
  refusals = 0;
  await expect.poll(async () => received.length - (await inFile()).length, patience).toBe(0);
  expect(received.length).toBeGreaterThan(before + 10);
  expect(received.map(({ sequence }) => sequence)).toEqual(received.map((_, index) => index + 1));
});
