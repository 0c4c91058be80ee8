import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { shopDatabase } from '../../src/quickstart/seed.js';
import { makeHome, onlyDocument } from './support/run-cli.js';
import { prepareServedShop, type ServedShop } from './support/served-shop.js';

const patience = { timeout: 30_000, interval: 50 };
const program = fileURLToPath(new URL('../../bin/dev.js', import.meta.url));
const mebibyte = 1024 * 1024;

let home: Awaited<ReturnType<typeof makeHome>>;
let shop: ServedShop;
let server: ServedShop['server'];
let gateway: ServedShop['gateway'];
let serving: ServedShop['serving'];
let exec: ServedShop['exec'];
let token: string;
beforeAll(async () => {
  home = await makeHome();
  shop = await prepareServedShop(home.dir, (targets) => {
    const [, demo = ''] = targets.split('  - name: demo-db\n');
    const another = (name: string, change: (text: string) => string): string => `  - name: ${name}\n${change(demo)}`;
    const second = another('second-db', (text) => text.replace('env: demo', 'env: demo, tier: good'));
    // Nothing listens there.
    const broken = another('broken-db', (text) =>
      text.replace(/address: .*/, 'address: 127.0.0.1:1').replace('env: demo', 'env: demo, tier: broken'),
    );
    return `${targets.replace('env: demo', 'env: demo, tier: good')}${second}${broken}`;
  });
  ({ server, gateway, serving, exec, token } = shop);
  await serving.start();
}, 120_000);
afterAll(async () => {
  await shop.stop();
  await home.remove();
});

const running = async (text: string): Promise<number> => {
  const [row] = await server.query(
    `select count(*)::int as n from pg_stat_activity where state = 'active' and query like '${text}%'`,
    shopDatabase,
  );
  return Number(row?.['n']);
};
/** The most memory that the gateway's process ever had. */
const gatewayPeak = (): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${serving.pid}/status`, 'utf8'))?.[1]) * 1024;

describe('a large result', () => {
  it.each([
    ['jsonl', '{"i":"1000000","t":"'],
    ['csv', '1000000,'],
  ])(
    'streams a million rows as %s in flat memory on both sides',
    async (format, last) => {
      const peak = join(home.dir, `peak-${format}`);
      const before = gatewayPeak();
      // The client says at its end how much memory it ever had.
      const watch = `import{writeFileSync}from'node:fs';process.on('exit',()=>writeFileSync('${peak}',String(process.resourceUsage().maxRSS*1024)))`;
      const text = `select i, repeat('x', 90) as t from generate_series(1, 1000000) i`;
      const child = spawn(
        process.execPath,
        [program, 'exec', 'demo-db', text, '--format', format, '--limit', '1000000', '--timeout', '5m', '--quiet'],
        {
          cwd: home.dir,
          stdio: ['ignore', 'pipe', 'inherit'],
          env: {
            PATH: process.env['PATH'] ?? '',
            HOME: home.dir,
            SLUICE_GATEWAY: gateway.url,
            SLUICE_TOKEN: token,
            NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(watch)}`,
          },
        },
      );
      let lines = 0;
      let tail = '';
      child.stdout.on('data', (chunk: Buffer) => {
        for (const byte of chunk) if (byte === 10) lines += 1;
        tail = (tail + chunk.toString('latin1')).slice(-200);
      });
      const [code] = (await once(child, 'close')) as [number];
      expect(code).toBe(0);
      expect(lines).toBe(format === 'csv' ? 1_000_001 : 1_000_000);
      expect(tail.trimEnd().split('\n').at(-1)).toContain(last);
      // A million such rows take some 300 MiB once they are strings: neither process may have held them.
      expect(Number(readFileSync(peak, 'utf8'))).toBeLessThan(230 * mebibyte);
      expect(gatewayPeak() - before).toBeLessThan(200 * mebibyte);
    },
    300_000,
  );

  it('goes on by its cursor, page by page', async () => {
    const first = onlyDocument(
      await exec(['demo-db', 'select i from generate_series(1, 5) i', '--limit', '3', '--json']),
    );
    expect(first).toMatchObject({ row_count: 3, truncated: true });
    const second = await exec(['--cursor', String(first['next_cursor']), '--format', 'csv']);
    expect([second.code, second.stdout]).toEqual([0, 'i\n4\n5\n']);
    const gone = await exec(['--cursor', String(first['next_cursor']), '--json']);
    expect([gone.code, onlyDocument(gone)]).toMatchObject([9, { error: { code: 'not_found' } }]);
    const mixed = await exec(['--cursor', 'cur_x', 'demo-db', 'select 1', '--json']);
    expect(mixed.code).toBe(2);
  });

  it('ends with 15 when it was cut and that is a failure', async () => {
    const args = ['demo-db', 'select i from generate_series(1, 5) i', '--limit', '3', '--fail-on-truncate'];
    for (const format of ['table', 'jsonl', 'csv']) {
      const run = await exec([...args, '--format', format]);
      expect([format, run.code]).toEqual([format, 15]);
    }
    expect((await exec([...args.slice(0, 3), '9', '--fail-on-truncate'])).code).toBe(0);
  });

  it('names the bound that cut it', async () => {
    const rows = `select repeat('x', 1000) as x from generate_series(1, 150)`;
    for (const format of ['table', 'csv']) {
      const by = async (...more: readonly string[]): Promise<string> =>
        (await exec(['demo-db', rows, '--format', format, ...more])).stderr;
      expect(await by()).toContain('✓ 65 rows (more were cut; see --max-bytes)');
      expect(await by('--limit', '10')).toContain('✓ 10 rows (more were cut; see --limit)');
    }
    const alone = await exec(['demo-db', `select repeat('x', 70000) as x`]);
    expect(alone.stderr).toContain('✓ 0 rows (more were cut; see --max-bytes)');
  });
});

describe('an interrupt', () => {
  it.each([['table'], ['csv']])('cancels at the target and ends with 130 (%s)', async (format) => {
    const text = 'select pg_sleep(300)';
    const interrupt = vi.waitFor(async () => expect(await running(text)).toBe(1), patience);
    const run = await exec(['demo-db', text, '--format', format, '--timeout', '9m'], { interrupt });
    expect([run.code, run.stdout]).toEqual([130, '']);
    await expect.poll(() => running(text), patience).toBe(0);
  });

  it('is not needed when the time is up: the statement is stopped, and the exit is 14', async () => {
    const run = await exec(['demo-db', 'select pg_sleep(301)', '--timeout', '1s', '--json']);
    expect([run.code, onlyDocument(run)]).toMatchObject([14, { error: { code: 'timeout' } }]);
    await expect.poll(() => running('select pg_sleep(301)'), patience).toBe(0);
  });
});

describe('a statement that is piped in', () => {
  const waits = /Waiting for the rest of what is piped in…/g;

  it('may come as slowly as it likes once it has begun', async () => {
    const pieces = [' 1 as', ' one'];
    let heard = 0;
    const run = await exec(['demo-db', '--file', '-'], {
      input: undefined,
      begin: 'select',
      env: { SLUICE_STDIN_TIMEOUT: '2s' },
      onStderr(text, stdin) {
        // Each time it was silent for as long as would have ended it at the start.
        for (; heard < (text.match(waits) ?? []).length; heard++) {
          const piece = pieces.shift();
          if (piece === undefined) stdin.end();
          else stdin.write(piece);
        }
      },
    });
    expect([run.code, run.stdout]).toEqual([0, 'one\n1\n']);
    expect(heard).toBe(3);
  }, 60_000);

  it('is given up on Ctrl-C, whatever the pipe does', async () => {
    let interrupt = (): void => undefined;
    const when = new Promise<void>((resolve) => (interrupt = resolve));
    const run = await exec(['demo-db', '--file', '-'], {
      ...{ input: undefined, begin: 'select', env: { SLUICE_STDIN_TIMEOUT: '2s' }, interrupt: when },
      onStderr: (text) => text.includes('Waiting for the rest') && interrupt(),
    });
    expect([run.code, run.stdout]).toEqual([130, '']);
  }, 60_000);

  it('names the setting that is no duration', async () => {
    const run = await exec(['demo-db', '--file', '-'], { input: undefined, env: { SLUICE_STDIN_TIMEOUT: 'soon' } });
    expect([run.code, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toContain('SLUICE_STDIN_TIMEOUT expects a duration');
  }, 60_000);
});

it('says in the words of the command line what cannot be', async () => {
  const said = async (...args: readonly string[]) => {
    const { error } = onlyDocument(await exec([...args, '--json'])) as {
      readonly error: { readonly message: string; readonly next: readonly { readonly command: string }[] };
    };
    return [error.message, error.next[0]?.command];
  };
  const help = 'sluice exec --help';
  for (const text of ['', '  \n'])
    expect(await said('demo-db', text)).toEqual(['The operation is empty: there is nothing to run.', help]);
  expect(await said('demo-db', 'select 1', '--timeout', '0s')).toEqual([expect.stringMatching(/^--timeout: /), help]);
  expect(await said('demo-db', 'select 1', '--idempotency-key', 'a b')).toEqual([
    ...['--idempotency-key: must be 1 to 128 printable ASCII characters', help],
  ]);
  expect(await said('demo-db', 'copy orders to stdout')).toEqual([
    ...[expect.stringMatching(/^COPY /), "sluice connect TARGET -- psql -c '\\copy …'"],
  ]);
}, 60_000);

it('names psql for what only psql knows', async () => {
  const run = await exec(['demo-db', '\\dt', '--json']);
  expect([run.code, onlyDocument(run)]).toMatchObject([
    3,
    { error: { code: 'target_rejected', next: [{ command: "sluice connect demo-db -- psql -c '\\dt'" }] } },
  ]);
});

describe('several targets', () => {
  it('run the same text, each row with its target in front, and a summary', async () => {
    const run = await exec(['--label', 'tier=good', 'select :n::int + 1 as n', '--param', 'n=41', '--format', 'csv']);
    expect([run.code, run.stdout]).toEqual([0, 'target,n\ndemo-db,42\nsecond-db,42\n']);
    expect(run.stderr).toContain('2 of 2 targets');
    const piped = await exec(['--label', 'tier=good', '-f', '-', '--json'], { input: 'select 1 as one' });
    expect(onlyDocument(piped)).toMatchObject({
      schema: 'sluice.exec_many/v1',
      ok: true,
      succeeded: 2,
      failed: 0,
      targets: [
        { target: 'demo-db', error: null, result: { rows: [['1']] } },
        { target: 'second-db', error: null },
      ],
    });
  });

  it('fail each on its own, with their common code', async () => {
    const denied = await exec(['--label', 'tier=good', 'drop table orders', '--json']);
    expect([denied.code, onlyDocument(denied)]).toMatchObject([5, { ok: false, failed: 2 }]);
    const offline = await exec(['--label', 'env=demo', '--label', 'tier=broken', 'select 1', '--json']);
    expect([offline.code, onlyDocument(offline)]).toMatchObject([
      12,
      { targets: [{ target: 'broken-db', error: { code: 'target_unreachable' } }] },
    ]);
    expect((await exec(['--label', 'env=nowhere', 'select 1'])).code).toBe(9);
    expect((await exec(['--label', 'tier=good', 'demo-db', 'select 1'])).code).toBe(2);
  });
});

it('with a key is run once by any number of processes, and the key is bound to its input', async () => {
  const args = ['demo-db', 'select 1 as one', '--idempotency-key', 'cli-1', '--json'];
  const runs = await Promise.all([exec(args), exec(args), exec(args)]);
  const sessions = runs.map((run) => onlyDocument(run)['session_id']);
  expect(new Set(sessions).size).toBe(1);
  const other = await exec(['demo-db', 'select 2', '--idempotency-key', 'cli-1', '--json']);
  expect([other.code, onlyDocument(other)]).toMatchObject([10, { error: { code: 'conflict' } }]);
});
