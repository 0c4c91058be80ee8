import { connect, type Socket } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeAll, afterAll, describe, expect, it } from 'vitest';
import { asConnectedSocket } from '../../src/gateway/exec/socket-like.js';
import { sessionListDocument } from '../../src/gateway/schemas/sessions.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { seedShop } from '../../src/quickstart/seed.js';
import { tryPort } from '../../src/quickstart/ports.js';
import { smallShop } from '../../src/quickstart/shop-rows.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { type GatewayUnderTest, type Role, startTestGateway } from './gateway-harness.js';

const patience = { timeout: 15_000, interval: 50 };

let server: TestPostgres;
let dir: string;
let password: string;
let running: GatewayUnderTest;
let clients: pg.Client[] = [];

async function startOne(): Promise<GatewayUnderTest> {
  const port = await tryPort(0);
  const started = await startTestGateway({
    pgPort: server.port,
    bootstrap: { listeners: { postgres: { host: '127.0.0.1', port: port ?? 0, tls: null }, ssh: null } },
  });
  await started.gateway.setSecret('demo-db', password);
  return started;
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-native-'));
  server = await startPostgres();
  ({ password } = await seedShop(server, { dir, size: smallShop }));
  running = await startOne();
}, 120_000);
afterEach(async () => {
  await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  clients = [];
});
afterAll(async () => {
  await running.stop();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

function track(client: pg.Client): pg.Client {
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

/** As psql would: the target as database, an access token as password. */
async function native(token: string, on = running, database = 'demo-db'): Promise<pg.Client> {
  const port = on.gateway.postgresPort ?? 0;
  const client = track(new pg.Client({ host: '127.0.0.1', port, user: 'me', database, password: token, ssl: false }));
  await client.connect();
  return client;
}

/** As the CLI would: a tunnel by HTTP upgrade, then the target's own protocol. */
async function tunnel(role: Role, on = running): Promise<pg.Client> {
  const token = await on.token(role);
  const socket = await upgrade(on, token);
  const client = track(
    new pg.Client({ stream: () => asConnectedSocket(socket), user: 'me', database: 'anything', ssl: false }),
  );
  await client.connect();
  return client;
}

async function upgrade(on: GatewayUnderTest, token: string): Promise<Socket> {
  const socket = connect(Number(new URL(on.url).port), '127.0.0.1');
  socket.write(
    `GET /v1/targets/demo-db/tunnel HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: sluice-tunnel\r\n` +
      `Sluice-Reason: INC-42%20%E2%9C%93\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  const head = await new Promise<string>((resolve) =>
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString())),
  );
  if (!head.startsWith('HTTP/1.1 101')) throw new Error(head);
  return socket;
}

describe.each(['native listener', 'tunnel'] as const)('through the %s', (way) => {
  const open = async (role: Role, on = running): Promise<pg.Client> =>
    way === 'tunnel' ? tunnel(role, on) : native(await on.token(role), on);

  it('a client works, masked, and is recorded with its way in', async () => {
    const client = await open('engineer');
    const { rows } = await client.query<{ email: string }>('select email from customers order by id limit 1');
    expect(rows[0]?.email).toMatch(/\*+@/);
    await client.end();
    const via = way === 'tunnel' ? 'tunnel' : 'listener';
    await expect
      .poll(async () => {
        const answer = await running.call('GET', '/v1/sessions?state=closed', { as: 'engineer' });
        return sessionListDocument.parse(answer.document).sessions.map((session) => session.via);
      }, patience)
      .toContain(via);
  });

  it('a denial is 42501 and the connection lives on', async () => {
    const client = await open('engineer');
    await expect(client.query('drop table orders')).rejects.toMatchObject({ code: '42501' });
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  it('a new bundle judges the very next statement, and masks by its classification', async () => {
    const client = await open('engineer');
    await client.query('select sku from products limit 1');
    const files = new Map(starterBundle({ pgPort: server.port }));
    files.set('policies/frozen.cedar', '@id("frozen")\nforbid (principal, action == Action::"insert", resource);\n');
    files.set(
      'classification.yaml',
      `${files.get('classification.yaml') ?? ''}`.replace(
        'columns:\n',
        'columns:\n  - { column: public.products.sku, class: secret }\n',
      ),
    );
    running.gateway.applyBundle(files, 'frozen');
    try {
      await expect(client.query(`insert into audit_log values (1, now(), 'a', 'b', '{}')`)).rejects.toMatchObject({
        code: '42501',
      });
      const { rows } = await client.query<{ sku: string }>('select sku from products order by id limit 1');
      const [real] = await server.query('select sku from products order by id limit 1', 'shop');
      expect(rows[0]?.sku).not.toBe(real?.['sku']);
    } finally {
      running.gateway.applyBundle(starterBundle({ pgPort: server.port }), 'back');
    }
  });

  it('a session ends at once when its user may not connect any more', async () => {
    const client = await open('robot');
    const ended = new Promise<void>((resolve) => client.once('end', () => resolve()));
    const files = new Map(starterBundle({ pgPort: server.port }));
    files.set(
      'policies/out.cedar',
      '@id("out")\nforbid (principal in Group::"machines", action == Action::"connect", resource);\n',
    );
    running.gateway.applyBundle(files, 'out');
    try {
      await ended;
      await expect(open('robot')).rejects.toThrow();
    } finally {
      running.gateway.applyBundle(starterBundle({ pgPort: server.port }), 'back');
    }
  });

  it('a shutdown ends sessions in their own protocol and leaves a whole record', async () => {
    const other = await startOne();
    const client = await open('engineer', other);
    await client.query('select 1');
    const told = new Promise<Error>((resolve) => client.once('error', resolve));
    await other.restart();
    expect(await told).toMatchObject({ code: '57P01' });
    const verdict = await other.call('GET', '/v1/sessions/verify', { as: 'reviewer' });
    expect(verdict.document).toMatchObject({ valid: true });
    const sessions = await other.call('GET', '/v1/sessions', { as: 'reviewer' });
    expect(sessionListDocument.parse(sessions.document).sessions).toMatchObject([
      { state: 'closed', end_reason: 'ended by gateway' },
    ]);
    await other.stop();
  });
});

describe('the native listener refuses', () => {
  it('a token for another audience, and no token', async () => {
    await expect(native(await running.token('engineer', { audience: 'https://other.example' }))).rejects.toMatchObject({
      severity: 'FATAL',
    });
    await expect(native('')).rejects.toThrow();
  });

  it('a target that is absent or hidden', async () => {
    await expect(native(await running.token('engineer'), running, 'none')).rejects.toMatchObject({ severity: 'FATAL' });
  });

  it('who does not finish the handshake', async () => {
    const impatient = await startTestGateway({
      pgPort: server.port,
      limits: { handshakeTimeoutMs: 100 },
      bootstrap: {
        listeners: { postgres: { host: '127.0.0.1', port: (await tryPort(0)) ?? 0, tls: null }, ssh: null },
      },
    });
    const socket = connect(impatient.gateway.postgresPort ?? 0, '127.0.0.1');
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await impatient.stop();
  });
});

it('serves fifty sessions at once and leaves none behind', async () => {
  const token = await running.token('engineer');
  const many = await Promise.all(Array.from({ length: 50 }, () => native(token)));
  const results = await Promise.all(
    many.map((client) => client.query<{ n: string }>('select count(*) as n from orders')),
  );
  expect(new Set(results.map(({ rows }) => rows[0]?.n)).size).toBe(1);
  // Half leave as psql does, half are killed.
  for (const [index, client] of many.entries()) {
    if (index % 2 === 0) await client.end();
    else (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
  }
  await expect
    .poll(
      async () => (await running.call('GET', '/metrics')).text.match(/^sluice_(sessions|connections)_live \d+$/gm),
      patience,
    )
    .toEqual(['sluice_sessions_live 0', 'sluice_connections_live 0']);
});
