import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { recordingsSchema } from '../../src/gateway/recordings-config.js';
import { sessionListDocument } from '../../src/gateway/schemas/sessions.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { tryPort } from '../../src/quickstart/ports.js';
import { seedShop } from '../../src/quickstart/seed.js';
import { smallShop } from '../../src/quickstart/shop-rows.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { type GatewayUnderTest, type Role, startTestGateway } from './gateway-harness.js';

const patience = { timeout: 10_000, interval: 50 };
const mayWorkUnrecorded = `
@id("machines-unrecorded")
permit (principal in Group::"machines", action == Action::"unrecorded", resource == Target::"off-db");
`;

let server: TestPostgres;
let dir: string;
let running: GatewayUnderTest;
let clients: pg.Client[] = [];
/** Disks of one megabyte, when this machine lets us mount some. */
let disks: string[] = [];

/** The starter bundle with the same database under several names, each recorded in another way or on another disk. */
function bundle(): ReadonlyMap<string, string> {
  const files = new Map(starterBundle({ pgPort: server.port }));
  const [head = '', demo = ''] = (files.get('targets.yaml') ?? '').split('  - name: demo-db\n');
  const target = (name: string, recording: string): string =>
    `  - name: ${name}\n${demo.replace(/recording: strict.*/, `recording: ${recording}`)}`;
  const targets = [
    ...[target('demo-db', 'strict'), target('durable-db', 'durable'), target('off-db', 'off')],
    ...[target('small-db', 'strict'), target('small-durable-db', 'durable')],
  ];
  files.set('targets.yaml', head + targets.join(''));
  files.set('policies/unrecorded.cedar', mayWorkUnrecorded);
  return files;
}

function smallDisk(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=10m', 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    return false;
  }
  disks.push(path);
  return true;
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-modes-'));
  server = await startPostgres();
  const { password } = await seedShop(server, { dir, size: smallShop });
  const port = await tryPort(0);
  running = await startTestGateway({
    pgPort: server.port,
    bundle: bundle(),
    bootstrap: {
      listeners: { postgres: { host: '127.0.0.1', port: port ?? 0, tls: null }, ssh: null },
      recordings: recordingsSchema.parse({
        volumes: [{ name: 'small', targets: ['small-*'] }],
        reserveMegabytes: 0.25,
      }),
    },
  });
  await running.gateway.setSecret('demo-db', password);
}, 120_000);
afterEach(async () => {
  await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  clients = [];
});
afterAll(async () => {
  await running.stop().catch(() => undefined);
  for (const disk of disks) execFileSync('umount', ['--lazy', disk]);
  disks = [];
  await rm(running.stateDir, { recursive: true, force: true });
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

async function open(role: Role, database: string): Promise<{ client: pg.Client; notices: string[] }> {
  const port = running.gateway.postgresPort ?? 0;
  const password = await running.token(role);
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'me', database, password, ssl: false });
  const notices: string[] = [];
  client.on('notice', (notice) => notices.push(String(notice.message)));
  client.on('error', () => undefined);
  clients.push(client);
  await client.connect();
  return { client, notices };
}

describe('recording modes', () => {
  it.each([
    ['strict', 'demo-db', 'engineer'],
    ['durable', 'durable-db', 'engineer'],
    ['off', 'off-db', 'robot'],
  ] as const)('%s is named in the banner and in the record', async (mode, target, role) => {
    const { client, notices } = await open(role, target);
    const { rows } = await client.query<{ name: string }>('select name from products order by id limit 1');
    expect(rows).toHaveLength(1);
    const [banner = ''] = notices;
    const id = /ses_[0-9a-z]{16}/.exec(banner)?.[0] ?? '';
    expect(banner).toBe(
      mode === 'off'
        ? `Sluice does not record this session (off): ${id}`
        : `Sluice records this session (${mode}): ${id}`,
    );
    await client.end();
    await expect
      .poll(async () => {
        const answer = await running.call('GET', `/v1/sessions?target=${target}`, { as: 'reviewer' });
        return sessionListDocument.parse(answer.document).sessions.find((session) => session.id === id);
      }, patience)
      .toMatchObject({ recording: mode, state: 'closed', operations: mode === 'off' ? 0 : 1 });
  });

  it('off is refused without its own permission, in the words of the protocol', async () => {
    await expect(open('engineer', 'off-db')).rejects.toMatchObject({
      code: '42501',
      message: expect.stringContaining('needs the permission "unrecorded"') as string,
    });
    const exec = await running.call('POST', '/v1/exec', {
      as: 'engineer',
      body: { target: 'off-db', text: 'select 1' },
    });
    expect(exec.status).toBe(403);
    const shown = await running.call('GET', '/v1/targets/off-db', { as: 'engineer' });
    expect(shown.document['permissions']).toContainEqual({
      action: 'unrecorded',
      group: 'unrecorded',
      verdict: 'deny',
      policies: [],
      approvals: [],
    });
  });

  it('a session without a record ends when its permission does', async () => {
    const { client } = await open('robot', 'off-db');
    const ended = new Promise<string>((resolve) => client.once('error', (error) => resolve(error.message)));
    const files = new Map(bundle());
    files.delete('policies/unrecorded.cedar');
    running.gateway.applyBundle(files, 'no more');
    expect(await ended).toMatch(/may no longer connect/);
    running.gateway.applyBundle(bundle(), 'again');
  });
});

describe('a full disk', () => {
  it('ends the sessions on it in their own protocol, and no others; takes new ones when there is space again', async () => {
    const volume = join(running.stateDir, 'recordings', 'small');
    if (!smallDisk(volume)) return; // journal.test.ts does the same with a file that fails
    await mkdir(join(volume, 'other'));
    const strict = await open('engineer', 'small-db');
    const durable = await open('engineer', 'small-durable-db');
    const elsewhere = await open('engineer', 'demo-db');
    const { bavail, bsize } = await statfs(volume);
    await writeFile(join(volume, 'other', 'ballast'), Buffer.alloc(bavail * bsize - 64 * 1024, 1));

    const fill = async (client: pg.Client): Promise<never> => {
      for (;;) await client.query(`select '${'x'.repeat(20_000)}'`);
    };
    await expect(fill(strict.client)).rejects.toMatchObject({
      severity: 'FATAL',
      code: '58030',
      message: expect.stringContaining('the disk for recordings is full') as string,
    });
    await expect(durable.client.query('select 1')).rejects.toMatchObject({ severity: 'FATAL', code: '58030' });
    expect((await elsewhere.client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);

    await expect(open('engineer', 'small-db')).rejects.toMatchObject({ code: '57P03' });
    const exec = await running.call('POST', '/v1/exec', {
      as: 'engineer',
      body: { target: 'small-db', text: 'select 1' },
    });
    expect(exec.status).toBe(503);
    expect((await (await open('engineer', 'demo-db')).client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);

    await expect
      .poll(async () => {
        const answer = await running.call('GET', '/v1/sessions?state=closed', { as: 'reviewer' });
        return sessionListDocument
          .parse(answer.document)
          .sessions.filter(({ target }) => target.startsWith('small-'))
          .map(({ end_reason: reason }) => reason);
      }, patience)
      .toEqual(['recorder failed', 'recorder failed']);
    expect((await running.call('GET', '/v1/sessions/verify', { as: 'reviewer' })).document).toMatchObject({
      valid: true,
    });

    await rm(join(volume, 'other', 'ballast'));
    const { client } = await open('engineer', 'small-db');
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });
});
