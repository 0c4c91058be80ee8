import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sessionListDocument } from '../../src/gateway/schemas/sessions.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { tryPort } from '../../src/quickstart/ports.js';
import { seedShop, shopDatabase } from '../../src/quickstart/seed.js';
import { smallShop } from '../../src/quickstart/shop-rows.js';
import { journalPaths } from '../../src/recording/layout.js';
import { readEvents } from '../../src/recording/read.js';
import { gatewayProcess, type GatewayProcess } from '../support/gateway-process.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { type GatewayUnderTest, startTestGateway } from './gateway-harness.js';

/** How often the gateway is killed; SLUICE_KILLS=200 takes some minutes. */
const inCi = process.env['CI'] !== undefined;
const kills = Number(process.env['SLUICE_KILLS'] ?? (inCi ? 8 : 4));
/** As installed where it was built right before, else from source. */
const program = new URL(inCi ? '../../bin/run.js' : '../../bin/dev.js', import.meta.url).pathname;
const clientsAtOnce = 6;
const maxMarksBefore = 60;

let server: TestPostgres;
let dir: string;
let gateway: GatewayUnderTest;
let postgresPort: number;
let serving: GatewayProcess;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-kills-'));
  server = await startPostgres();
  const { password } = await seedShop(server, { dir, size: smallShop });
  await server.query('create table marks (mark text primary key)', shopDatabase);
  await server.query('grant select, insert on marks to sluice_gateway', shopDatabase);
  const files = new Map(starterBundle({ pgPort: server.port }));
  const targets = files.get('targets.yaml') ?? '';
  const [, demo = ''] = targets.split('  - name: demo-db\n');
  files.set(
    'targets.yaml',
    `${targets}  - name: durable-db\n${demo.replace(/recording: strict.*/, 'recording: durable')}`,
  );
  postgresPort = (await tryPort(0)) ?? 0;
  // Set up in this process, then served by one of its own that can be killed.
  gateway = await startTestGateway({ pgPort: server.port, bundle: files });
  await gateway.gateway.setSecret('demo-db', password);
  await gateway.gateway.close({ graceMs: 0 });
  serving = await gatewayProcess(gateway, { dir, postgresPort, program });
}, 120_000);
afterAll(async () => {
  await serving.kill();
  await gateway.stop();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Inserts one mark after the other until the connection breaks; says which were confirmed. */
async function insertMarks(name: string, database: string, password: string, onMark: () => void): Promise<string[]> {
  const client = new pg.Client({ host: '127.0.0.1', port: postgresPort, user: 'me', database, password, ssl: false });
  client.on('error', () => undefined);
  const confirmed: string[] = [];
  try {
    await client.connect();
    for (let at = 1; ; at++) {
      const mark = `${name}-${at}`;
      // Now with parameters, now without; now and then a large one.
      if (at % 3 === 0) await client.query(`insert into marks values ('${mark}') -- ${'x'.repeat((at * 97) % 5000)}`);
      else await client.query('insert into marks values ($1)', [mark]);
      confirmed.push(mark);
      onMark();
    }
  } catch {
    return confirmed;
  }
}

/** Every text and parameter that a journal has of an operation that was allowed. */
async function recordedMarks(): Promise<ReadonlySet<string>> {
  const recordings = join(gateway.stateDir, 'recordings');
  const marks = new Set<string>();
  for await (const path of journalPaths(recordings)) {
    const attempted = new Map<number, string>();
    for await (const event of readEvents(join(recordings, path))) {
      if (event.type === 'operation') {
        const mark = event.parameters[0] ?? /'(k\d+-c\d+-\d+)'/.exec(event.text)?.[1];
        if (mark !== undefined) attempted.set(event.op, mark);
      } else if (event.type === 'decision' && event.verdict === 'allow') {
        const mark = attempted.get(event.op);
        if (mark !== undefined) marks.add(mark);
      }
    }
  }
  return marks;
}

it(
  `a gateway that is killed ${kills} times under load has recorded all that reached the target`,
  async () => {
    const token = await gateway.token('engineer', { expiresInSeconds: 3600 });
    const confirmed: string[] = [];
    const startMs: number[] = [];
    for (let round = 1; round <= kills; round++) {
      const started = performance.now();
      await serving.start();
      startMs.push(performance.now() - started);
      // After some work rather than some time: a busy machine works slowly, and is killed amid its work all the same.
      let left = 1 + Math.floor(Math.random() * maxMarksBefore);
      let atWork: () => void = () => undefined;
      const working = new Promise<void>((resolve) => (atWork = resolve));
      const onMark = (): void => {
        if (--left === 0) atWork();
      };
      const clients = Array.from({ length: clientsAtOnce }, (_, at) =>
        insertMarks(`k${round}-c${at}`, at % 2 === 0 ? 'demo-db' : 'durable-db', token, onMark),
      );
      await working;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 100));
      await serving.kill();
      confirmed.push(...(await Promise.all(clients)).flat());
    }
    const started = performance.now();
    await serving.start();
    const lastStartMs = performance.now() - started;

    const rows = await server.query('select mark from marks', shopDatabase);
    const reached = new Set(rows.map(({ mark }) => String(mark)));
    const recorded = await recordedMarks();
    expect([...reached].filter((mark) => !recorded.has(mark))).toEqual([]);
    expect(confirmed.filter((mark) => !reached.has(mark))).toEqual([]);
    expect(confirmed.length).toBeGreaterThanOrEqual(kills);

    const verdict = await gateway.call('GET', '/v1/sessions/verify', { as: 'reviewer' });
    expect(verdict.document).toMatchObject({ valid: true });
    const live = await gateway.call('GET', '/v1/sessions?state=live', { as: 'reviewer' });
    expect(sessionListDocument.parse(live.document).sessions).toEqual([]);
    const last = await gateway.call(
      'GET',
      `/v1/sessions/search?q=${encodeURIComponent(`"${confirmed.at(-1) ?? ''}"`)}`,
      {
        as: 'reviewer',
      },
    );
    expect(last.document['sessions']).toHaveLength(1);
    const sessions = verdict.document['sessions'];
    process.stderr.write(
      `${kills} kills: ${reached.size} statements reached the target, ${recorded.size} recorded, ` +
        `${Array.isArray(sessions) ? sessions.length : 0} sessions; starts ${Math.round(Math.min(...startMs))}–` +
        `${Math.round(Math.max(...startMs))} ms, the last ${Math.round(lastStartMs)} ms\n`,
    );
  },
  kills * 40_000,
);
