import { execFile } from 'node:child_process';
import { connect, createServer, type Server } from 'node:net';
import { promisify } from 'node:util';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TokenSource } from '../../src/client/tokens.js';
import { relayListDocument } from '../../src/gateway/schemas/relays.js';
import { encodeFrame } from '../../src/relay/frames.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { rawRelay, startRelay, type TestRelay } from '../support/relay.js';
import { openDoor } from '../support/ssh-lab.js';
import { startSshd, type TestSshd } from '../support/sshd.js';
import { type GatewayUnderTest, type Role, startTestGateway } from './gateway-harness.js';
import { pgClient } from './open-gateway.js';

const run = promisify(execFile);
let postgres: TestPostgres;
let sshd: TestSshd;
let gateway: GatewayUnderTest;
/** Stands where the relay connects to the database, and keeps the first bytes of every connection. */
let tap: { readonly server: Server; readonly port: number; readonly seen: Buffer[] };
const relays: TestRelay[] = [];

function files(groups: string): ReadonlyMap<string, string> {
  const db = (name: string, address: string, relay = 'office'): string =>
    `  - { name: ${name}, kind: postgres, address: "${address}", database: postgres, username: ${postgres.superuser}, secret: "vault:db", tls: { mode: disable }, relay: ${relay} }`;
  return new Map([
    [
      'targets.yaml',
      [
        `relays: { office: { groups: [${groups}] }, cellar: { groups: [office-relays] } }`,
        'targets:',
        db('db', `127.0.0.1:${tap.port}`),
        db('db-unnamed', 'elsewhere.internal:5432'),
        db('db-dead', '127.0.0.1:1'),
        db('db-cellar', '127.0.0.1:5432', 'cellar'),
        `  - { name: web-1, kind: ssh, address: "127.0.0.1:${sshd.port}", username: ${sshd.user}, secret: "vault:web-1", hostKey: "${sshd.hostKey}", relay: office }`,
        '',
      ].join('\n'),
    ],
    ['classification.yaml', 'classes: {}\ncolumns: []\ndetectors: {}\n'],
    [
      'bindings.yaml',
      'groups:\n  office-relays: { machines: [robot], users: [reviewer@demo.example] }\n  other: { users: [nobody] }\n',
    ],
    ['policies/test.cedar', '@id("everything")\npermit (principal, action, resource);\n'],
  ]);
}

beforeAll(async () => {
  [postgres, sshd] = await Promise.all([startPostgres(), startSshd()]);
  tap = await startTap(postgres.port);
  gateway = await startTestGateway({
    bundle: files('office-relays'),
    bootstrap: { listeners: { postgres: { host: '127.0.0.1', port: 0, tls: null }, ssh: null } },
  });
  await gateway.gateway.setSecret('db', postgres.password);
  await gateway.gateway.setSecret('web-1', sshd.privateKey);
}, 90_000);
afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.stop()));
});
afterAll(async () => {
  await gateway.stop();
  tap.server.close();
  await Promise.all([postgres.stop(), sshd.stop()]);
});

async function startTap(port: number): Promise<typeof tap> {
  const seen: Buffer[] = [];
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      let kept = 0;
      from.on('data', (chunk: Buffer) => {
        if (kept < 65_536) seen.push(chunk);
        kept += chunk.length;
      });
      from.on('error', () => to.destroy()).on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { server, port: address.port, seen };
}

const tokensOf = (role: Role, expiresInSeconds = 600): TokenSource => ({
  get: () => gateway.token(role, { expiresInSeconds }),
  renew: () => Promise.resolve(null),
});

/** A relay that is connected, and may connect to what the tests have here. */
async function connected(options: Partial<Parameters<typeof startRelay>[2]> = {}): Promise<TestRelay> {
  const relay = startRelay(gateway.url, 'office', { tokens: tokensOf('robot'), allow: ['127.0.0.1:*'], ...options });
  relays.push(relay);
  await relay.heard('connected');
  return relay;
}

async function client(database = 'db'): Promise<pg.Client> {
  const port = gateway.gateway.postgresPort ?? 0;
  return pgClient({ port, user: 'x', password: await gateway.token('engineer'), database });
}

/** What is said to whoever connects to a target that does not come about. */
async function refusal(
  database: string,
): Promise<{ readonly code: unknown; readonly message: string; readonly hint: unknown }> {
  const error: unknown = await client(database).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof pg.DatabaseError)) throw new Error('it was let in, or not told why');
  return { code: error.code, message: error.message, hint: error.hint };
}

async function listed(name = 'office') {
  const { document } = await gateway.call('GET', '/v1/relays', { as: 'reviewer' });
  const found = relayListDocument.parse(document).relays.find((relay) => relay.name === name);
  if (found === undefined) throw new Error(`no relay ${name}`);
  return found;
}

async function latestSession(target: string): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    const { document } = await gateway.call('GET', `/v1/sessions?target=${target}`, { as: 'engineer' });
    const [latest] = document['sessions'] as Readonly<Record<string, unknown>>[];
    if (latest !== undefined && latest['state'] !== 'live') return latest;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('a target behind a relay', () => {
  it('is queried through it, by clients and by exec, and never shows the relay its secret', async () => {
    const relay = await connected();
    const one = await client();
    expect((await one.query('select 40 + 2 as answer')).rows).toEqual([{ answer: 42 }]);
    await one.end();
    expect(await relay.heard('opened')).toEqual({ event: 'opened', destination: `127.0.0.1:${tap.port}` });
    const { document } = await gateway.call('POST', '/v1/exec', {
      as: 'engineer',
      body: { target: 'db', text: 'select 1 as one' },
    });
    expect(document['rows']).toEqual([['1']]);
    const seen = Buffer.concat(tap.seen);
    expect(seen.includes('scram') || seen.includes('SCRAM')).toBe(true);
    expect(seen.includes(postgres.password)).toBe(false);
    expect(await listed()).toMatchObject({
      groups: ['office-relays'],
      targets: ['db', 'db-unnamed', 'db-dead', 'web-1'],
    });
    expect((await listed()).connections).toMatchObject([{ machine: 'robot', version: 'test' }]);
  });

  it('takes eighty clients at once over the one connection', async () => {
    await connected();
    const answers = await Promise.all(
      Array.from({ length: 80 }, async (_, index) => {
        const one = await client();
        const { rows } = await one.query<{ n: number }>('select $1::int as n', [index]);
        await one.end();
        return rows[0]?.n;
      }),
    );
    expect(answers).toEqual(Array.from({ length: 80 }, (_, index) => index));
    expect((await listed()).connections).toHaveLength(1);
  }, 60_000);

  it('moves a large COPY only as fast as it is read', async () => {
    await connected();
    const bytes = 150_000_000;
    const one = await client();
    const rows = one.query(copyTo(`copy (select repeat('x', 999) from generate_series(1, ${bytes / 1000})) to stdout`));
    const carried = async (): Promise<number> => (await listed()).connections[0]?.bytes ?? 0;
    // It goes on until every buffer on the way is full, and then stands still.
    let before = -1;
    for (let now = await carried(); now !== before || now < 100_000; now = await carried()) {
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(before).toBeLessThan(40_000_000);
    let read = 0;
    for await (const chunk of rows as AsyncIterable<Buffer>) read += chunk.length;
    expect(read).toBe(bytes);
    await one.end();
    expect(await carried()).toBeGreaterThan(bytes);
  }, 120_000);

  it('is a machine for ssh as well, with its own host key', async () => {
    const relay = await connected();
    const door = await openDoor(gateway, 'engineer', 'web-1');
    const options = [
      '-p',
      String(door.port),
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/dev/null',
      '-o',
      'BatchMode=yes',
    ];
    const ssh = (...command: readonly string[]) =>
      run('ssh', [...options, 'x@127.0.0.1', ...command], { maxBuffer: 64 * 1024 * 1024 });
    expect((await ssh('echo', 'behind')).stdout).toBe('behind\n');
    expect((await ssh('head -c 20000000 /dev/zero | wc -c; head -c 20000000 /dev/zero')).stdout).toHaveLength(
      20_000_009,
    );
    await relay.stop();
    const failed: unknown = await ssh('true').catch((error: unknown) => error);
    expect(failed).toMatchObject({
      stderr: expect.stringContaining('relay "office", by which web-1 is reached, is not connected'),
    });
    await door.close();
  }, 60_000);
});

describe('what a relay does not connect to', () => {
  it('is refused with the relay and its allowlist named', async () => {
    const relay = await connected({ allow: ['db.internal:5432'] });
    expect(await refusal('db-unnamed')).toEqual({
      code: '08001',
      message: 'gateway: relay "office" does not connect to db-unnamed: its allowlist does not name it',
      hint: expect.stringContaining('sluice relay office --allow'),
    });
    expect(await relay.heard('refused')).toMatchObject({ destination: 'elsewhere.internal:5432' });
  });

  it('or cannot, with what went wrong there', async () => {
    await connected();
    expect(await refusal('db-dead')).toMatchObject({
      code: '08001',
      message: 'gateway: relay "office" cannot reach db-dead: ECONNREFUSED',
    });
  });

  it('and behind a relay that is away, with what to do', async () => {
    expect(await refusal('db')).toEqual({
      code: '57P03',
      message: 'gateway: relay "office", by which db is reached, is not connected',
      hint: expect.stringContaining('sluice relays list'),
    });
  });
});

describe('a relay that is lost', () => {
  it('ends its sessions with an error that names it, and they are recorded as ended so', async () => {
    const relay = await connected();
    const one = await client();
    const failed = one.query('select pg_sleep(60)').then(
      () => null,
      (error: unknown) => error,
    );
    await relay.heard('opened');
    await sleeping();
    await relay.stop();
    expect(await failed).toMatchObject({
      code: '08001',
      message: 'gateway: the connection to relay "office" was lost',
    });
    expect(await latestSession('db')).toMatchObject({ end_reason: 'target closed' });
    expect(await refusal('db')).toMatchObject({ code: '57P03' });
    const { text } = await gateway.call('GET', '/metrics');
    expect(text).toMatch(/sluice_relays_connected 0\n/);
  }, 60_000);

  it('is replaced by the next one of its name', async () => {
    const first = await connected();
    const second = await connected();
    expect((await listed()).connections).toHaveLength(2);
    const one = await client();
    await second.heard('opened');
    expect(first.events.some(({ event }) => event === 'opened')).toBe(false);
    await second.stop();
    const other = await client();
    await first.heard('opened');
    expect((await other.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await other.end();
    await one.end().catch(() => undefined);
  });

  it('lets what runs come to its end when it is told to stop, and takes nothing new', async () => {
    const relay = await connected({ drainMs: 20_000 });
    const one = await client();
    const answer = one.query('select pg_sleep(1), 7 as seven');
    await sleeping();
    const stopped = relay.stop();
    await vi.waitFor(async () => expect(await refusal('db')).toMatchObject({ code: '57P03' }), { timeout: 10_000 });
    expect((await answer).rows).toMatchObject([{ seven: 7 }]);
    await one.end();
    await stopped;
  }, 60_000);

  it('comes back by itself when the gateway does', async () => {
    const relay = await connected();
    await gateway.restart();
    const seen = relay.events.length;
    await relay.heard('lost');
    await relay.heard('connected', relay.events.slice(0, seen).some(({ event }) => event === 'lost') ? 1 : seen);
    const one = await client();
    expect((await one.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await one.end();
  }, 60_000);

  const sleepers = async (): Promise<number> => {
    const rows = await postgres.query(
      "select count(*)::int as n from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'",
    );
    return Number(rows[0]?.['n']);
  };
  const sleeping = async (): Promise<void> => {
    while ((await sleepers()) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  };
});

describe('who may serve a relay', () => {
  const attempt = async (role: Role, name = 'office'): Promise<unknown> => {
    const relay = startRelay(gateway.url, name, { tokens: tokensOf(role), allow: ['127.0.0.1:*'] });
    relays.push(relay);
    return relay.ended.then(
      () => null,
      (error: unknown) => error,
    );
  };

  it('is a machine in one of its groups: no person, nobody else, and no name that is not configured', async () => {
    expect(await attempt('engineer')).toMatchObject({
      code: 'denied',
      message: 'this login may not serve a relay "office"',
    });
    expect(await attempt('reviewer')).toMatchObject({ code: 'denied', message: expect.stringContaining('machine') });
    expect(await attempt('robot', 'attic')).toMatchObject({
      code: 'denied',
      message: 'this login may not serve a relay "attic"',
    });
    expect((await listed()).connections).toEqual([]);
  });

  it('is nobody without a good token', async () => {
    const tokens: TokenSource = { get: () => Promise.resolve('not.a.token'), renew: () => Promise.resolve(null) };
    const relay = startRelay(gateway.url, 'office', { tokens, allow: ['127.0.0.1:*'] });
    await expect(relay.ended).rejects.toMatchObject({ code: 'login_required' });
  });

  it('follows the bundle while it is connected', async () => {
    const relay = await connected();
    const one = await client();
    const gone = new Promise((resolve) => one.once('end', resolve));
    gateway.gateway.applyBundle(files('other'), 'for a test');
    await gone;
    expect(await relay.heard('lost')).toBeDefined();
    gateway.gateway.applyBundle(files('office-relays'), 'for a test');
    await relay.heard('connected', relay.events.length);
  });

  it('lasts as long as the login, which is shown anew', async () => {
    const renewed = await connected({ tokens: tokensOf('robot', 4), renewMs: 500 });
    const old = await gateway.token('robot', { expiresInSeconds: 4 });
    const kept: TokenSource = { get: () => Promise.resolve(old), renew: () => Promise.resolve(null) };
    const forgetful = await connected({ tokens: kept, renewMs: 500 });
    await forgetful.heard('lost');
    expect(renewed.events.map(({ event }) => event)).toEqual(['connected']);
    const { text } = await gateway.call('GET', '/metrics');
    expect(text).toMatch(/sluice_relays_connected 1\n/);
  }, 60_000);
});

describe('a relay that is not ours', () => {
  it('is cut for what it may not say, and the gateway serves on', async () => {
    for (const bytes of [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.alloc(100_000, 0xff),
      encodeFrame({ type: 'data', stream: 1, bytes: Buffer.from('x') }),
      encodeFrame({ type: 'open', stream: 1, host: 'gateway', port: 1 }),
      encodeFrame({ type: 'login', token: await gateway.token('engineer') }),
    ]) {
      const raw = await rawRelay(gateway.url, 'office', await gateway.token('robot'));
      const closed = new Promise((resolve) => raw.once('close', resolve));
      raw.resume();
      raw.write(bytes);
      await closed;
    }
    await connected();
    const one = await client();
    expect((await one.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await one.end();
  });

  it('may lie as a target does, and no more: what it says to a client is judged as a server’s words', async () => {
    const raw = await rawRelay(gateway.url, 'office', await gateway.token('robot'));
    raw.once('data', () => {
      raw.write(
        Buffer.concat([
          encodeFrame({ type: 'opened', stream: 1 }),
          encodeFrame({ type: 'data', stream: 1, bytes: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') }),
        ]),
      );
    });
    expect(await refusal('db')).toMatchObject({
      code: '08001',
      message: expect.stringContaining('db cannot be reached'),
    });
    raw.destroy();
    if (!raw.closed) await new Promise((resolve) => raw.once('close', resolve));
  });
});
