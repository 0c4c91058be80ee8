import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { shopDatabase } from '../../src/quickstart/seed.js';
import { type CliOptions, type CliRun, makeHome, onlyDocument, runCli } from './support/run-cli.js';
import { prepareServedShop, type ServedShop } from './support/served-shop.js';

/** Held, and once approved as slow as a test needs. Each is another one: a target goes on with what a killed gateway ran. */
const slowly = (seconds: number): string => `delete from orders where id = 1 and pg_sleep(${seconds}) is not null`;
const patience = { timeout: 60_000, interval: 50 };

let home: Awaited<ReturnType<typeof makeHome>>;
let shop: ServedShop;
let server: ServedShop['server'];
let gateway: ServedShop['gateway'];
let serving: ServedShop['serving'];
let exec: ServedShop['exec'];
let token: string;
beforeAll(async () => {
  home = await makeHome();
  shop = await prepareServedShop(home.dir);
  ({ server, gateway, serving, exec, token } = shop);
}, 120_000);
beforeEach(() => serving.start(), 60_000);
afterAll(async () => {
  await shop.stop();
  await home.remove();
});

const runs = (text: string): Promise<void> =>
  vi.waitFor(async () => {
    const found = await server.query(
      `select 1 from pg_stat_activity where state = 'active' and strpos(query, '${text}') = 1`,
      shopDatabase,
    );
    expect(found).toHaveLength(1);
  }, patience);

/** A run's error, and the commands that it says come next. */
function failure(run: CliRun) {
  const { error } = onlyDocument(run) as {
    readonly error: {
      readonly code: string;
      readonly message: string;
      readonly request_id: string | null;
      readonly next: readonly { readonly command: string }[];
    };
  };
  return { ...error, exit: run.code, commands: error.next.map(({ command }) => command) };
}

/** Runs a statement that is held, and what `then` says once it waits. */
async function whileHeld(then: () => Promise<unknown>, options: CliOptions = {}): Promise<CliRun> {
  let waits = (): void => undefined;
  const waiting = new Promise<void>((resolve) => (waits = resolve));
  const run = exec(['demo-db', slowly(600), '--reason', 'INC-42', '--wait', '--timeout', '9m', '--json'], {
    ...options,
    onStderr: (text) => text.includes('waiting') && waits(),
  });
  await waiting;
  await then();
  return run;
}

async function approvedId(text: string): Promise<string> {
  const body = { target: 'demo-db', text, reason: 'INC-43' };
  const made = await gateway.call('POST', '/v1/requests', { token, body });
  const { id } = made.document['request'] as { readonly id: string };
  const { status } = await gateway.call('POST', `/v1/requests/${id}/approve`, { as: 'reviewer', body: {} });
  expect([made.status, status]).toEqual([200, 200]);
  return id;
}

describe('a gateway that dies', () => {
  it('while a held statement waits leaves the request, and the command that runs it is named', async () => {
    const cut = failure(await whileHeld(() => serving.kill()));
    expect(cut).toMatchObject({ exit: 11, code: 'gateway_unreachable' });
    const id = String(cut.request_id);
    expect(cut.message).toContain(`request ${id} stays open`);
    expect(cut.commands).toContain(`sluice exec --request ${id} --json`);

    await serving.start();
    const { document } = await gateway.call('GET', `/v1/requests/${id}`, { token });
    expect(document['request']).toMatchObject({ state: 'pending' });
  }, 120_000);

  it('while an approved statement runs says how to see whether it ran, and how to run it', async () => {
    const text = slowly(601);
    const id = await approvedId(text);
    const run = exec(['--request', id, '--timeout', '9m', '--json']);
    await runs(text);
    await serving.kill();
    const cut = failure(await run);
    expect(cut).toMatchObject({ exit: 11, request_id: id });
    expect(cut.commands).toEqual([
      `sluice requests show ${id}`,
      `sluice exec --request ${id} --json`,
      expect.stringContaining('/healthz'),
    ]);
  }, 120_000);

  it('while a statement runs says where it can be seen, and names nothing where nothing was sent', async () => {
    for (const format of ['table', 'jsonl']) {
      const text = `select pg_sleep(602) as ${format}`;
      const run = exec(['demo-db', text, '--timeout', '9m', '--format', format]);
      await runs(text);
      await serving.kill();
      const { code, stderr } = await run;
      expect([code, stderr]).toEqual([11, expect.stringContaining('sluice sessions list --target demo-db')]);
      const away = await exec(['demo-db', text, '--format', format]);
      expect([away.code, away.stderr]).toEqual([11, expect.not.stringContaining('sessions list')]);
      await serving.start();
    }
  }, 120_000);

  it('while its rows stream says that they are not all, and where it can be seen', async () => {
    const text = "select i, repeat('x', 1000) as t from generate_series(1, 100000000) i";
    let came = (): void => undefined;
    const streaming = new Promise<void>((resolve) => (came = resolve));
    const bounds = ['--limit', '100000000', '--max-bytes', '100000000000', '--timeout', '9m'];
    const run = exec(['demo-db', text, '--format', 'jsonl', ...bounds], { onStdout: () => came() });
    await streaming;
    await serving.kill();
    const { code, stderr } = await run;
    expect([code, stderr]).toEqual([11, expect.stringContaining('was cut before the result was complete')]);
    expect(stderr).toContain('sluice sessions list --target demo-db');
  }, 120_000);
});

it('a gateway that dies is told to psql amid its statement, in its own protocol', async () => {
  const text = 'select pg_sleep(607)';
  const run = runCli(home.dir, ['connect', 'demo-db', '--no-daemon', '--', 'psql', '-c', text], {
    ...{ input: null, env: { SLUICE_GATEWAY: gateway.url, SLUICE_TOKEN: token } },
  });
  await runs(text);
  await serving.kill();
  const { code, stderr } = await run;
  expect(code).toBe(2);
  expect(stderr).toContain('FATAL:  the connection to demo-db was lost on the way to the gateway\n');
  expect(stderr).toContain('HINT:  Run: sluice status --check');
}, 120_000);

it('a client program has its terminal to itself while the gateway is away: it is told in its own protocol', async () => {
  const text = 'select pg_sleep(608)';
  const script = `psql -c "${text}"; psql -c 'select 2'`;
  const run = runCli(home.dir, ['connect', 'demo-db', '--no-daemon', '--', 'sh', '-c', script], {
    ...{ input: null, env: { SLUICE_GATEWAY: gateway.url, SLUICE_TOKEN: token } },
  });
  await runs(text);
  await serving.kill();
  const { stderr } = await run;
  expect(stderr).toContain('gateway unreachable');
  expect(stderr).not.toContain('refused a connection');
}, 120_000);

describe('a statement that is cut off', () => {
  it('by Ctrl-C says what becomes of it', async () => {
    const text = 'select pg_sleep(603)';
    const plain = failure(await exec(['demo-db', text, '--json'], { interrupt: runs(text) }));
    expect(plain).toMatchObject({ exit: 130, code: 'interrupted' });
    expect(plain.commands).toEqual(['sluice sessions list --target demo-db --limit 3']);

    const held = slowly(604);
    const id = await approvedId(held);
    const approved = failure(await exec(['--request', id, '--json'], { interrupt: runs(held) }));
    expect(approved).toMatchObject({ exit: 130, request_id: id });
    expect(approved.commands).toEqual([`sluice requests show ${id}`, `sluice exec --request ${id} --json`]);

    const keyed = 'select pg_sleep(5), 605';
    const lasting = failure(
      await exec(['demo-db', keyed, '--idempotency-key', 'k-1', '--json'], { interrupt: runs(keyed) }),
    );
    expect(lasting.commands).toEqual(['sluice exec demo-db … --idempotency-key k-1']);
  }, 120_000);

  it('by its time names how to give it longer', async () => {
    const late = failure(await exec(['demo-db', 'select pg_sleep(606)', '--timeout', '1s', '--json']));
    expect(late).toMatchObject({ exit: 14, code: 'timeout' });
    expect(late.commands).toEqual([
      'sluice exec demo-db … --timeout 10m',
      'sluice sessions list --target demo-db --limit 3',
    ]);
  }, 120_000);
});
