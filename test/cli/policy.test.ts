import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { makeHome, onlyDocument, runCli } from './support/run-cli.js';

/** The policy writer's day, from the command line, with a gateway that has seen traffic. */
const remove = 'delete from orders where id = 7';

let gateway: TestGateway;
let home: Awaited<ReturnType<typeof makeHome>>;
beforeAll(async () => {
  home = await makeHome();
  gateway = await startTestGateway();
  for (const text of ['select count(*) from orders', 'select count(*) from orders', remove, 'drop table orders'])
    await gateway.call('engineer', 'POST', '/v1/exec', { target: 'demo-db', text, wait: false });
}, 120_000);
afterAll(async () => {
  await gateway.stop();
  await home.remove();
});

/** Writes the starter bundle, changed, into a folder of its own. */
async function bundle(name: string, change: (files: Map<string, string>) => void = () => undefined): Promise<string> {
  const files = new Map(starterBundle({ pgPort: gateway.postgresPort }));
  change(files);
  const dir = join(home.dir, name);
  for (const [path, text] of files) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
  return dir;
}

async function run(user: Parameters<TestGateway['token']>[0], ...args: readonly string[]) {
  const env = { SLUICE_GATEWAY: gateway.url, SLUICE_TOKEN: await gateway.token(user) };
  return runCli(home.dir, args, { env, input: null });
}

async function inFolder(cwd: string, ...args: readonly string[]) {
  const env = { SLUICE_GATEWAY: gateway.url, SLUICE_TOKEN: await gateway.token('reviewer') };
  return runCli(home.dir, args, { env, input: null, cwd });
}

describe('policy check', () => {
  it('ends 0 for a sound folder, and 2 with file, line, column and what was meant for a mistake', async () => {
    expect((await run('engineer', 'policy', 'check', await bundle('sound'))).code).toBe(0);
    const typo = '@id("typo")\npermit (principal, action == Action::"selct", resource);\n';
    const dir = await bundle('typo', (files) => files.set('policies/typo.cedar', typo));
    const plain = await run('engineer', 'policy', 'check', dir);
    expect(plain.code).toBe(2);
    expect(plain.stdout + plain.stderr).toMatch(/policies\/typo\.cedar:2:\d+.*select/s);
    const json = await run('engineer', 'policy', 'check', dir, '--json');
    expect(json.code).toBe(2);
    expect(onlyDocument(json)).toMatchObject({ valid: false, problems: [{ file: 'policies/typo.cedar', line: 2 }] });
  });
});

it.each(['check', 'test', 'replay'])(
  'policy %s takes the folder as apply does, and the one it stands in',
  async (command) => {
    const dir = await bundle(`folder-${command}`);
    const named = await run('reviewer', 'policy', command, dir);
    // The starter bundle has no tests, and a run that showed nothing is no success.
    expect(named.code).toBe(command === 'test' ? 1 : 0);
    expect(await run('reviewer', 'policy', command, '-f', dir)).toEqual(named);
    expect(await inFolder(dir, 'policy', command)).toEqual(named);
    const twice = await run('reviewer', 'policy', command, dir, '-f', dir);
    expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining('Name the folder once')]);
  },
);

describe('policy test', () => {
  const tests = (verdict: string): string => `catalog:
  demo-db: { tables: { public.orders: 'id int8, total numeric' } }
who:
  ann: { claims: [engineers] }
tests:
  - name: a filtered delete
    who: ann
    target: demo-db
    statement: ${remove}
    expect: ${verdict}
`;

  it('ends 0 or 1 by its tests, as text, JSON and JUnit, and by the coverage that is asked for', async () => {
    const good = await bundle('tested', (files) => files.set('policies/a.test.yaml', tests('hold')));
    const bad = await bundle('failing', (files) => files.set('policies/a.test.yaml', tests('allow')));
    const passed = await run('engineer', 'policy', 'test', good, '--json');
    expect(passed.code, passed.stdout + passed.stderr).toBe(0);
    expect(onlyDocument(passed)).toMatchObject({ passed: 1, failed: 0 });
    const failed = await run('engineer', 'policy', 'test', bad, '--format', 'junit');
    expect(failed.code, failed.stderr).toBe(1);
    expect(failed.stdout).toMatch(/<testsuites?[\s\S]*failures="1"[\s\S]*a filtered delete[\s\S]*<failure/);
    const uncovered = await run('engineer', 'policy', 'test', good, '--min-coverage', '100');
    expect(uncovered.code).toBe(1);
    expect(uncovered.stderr).toMatch(/Only \d+ % of the policies are covered/);
    const none = await run('engineer', 'policy', 'test', good, '--filter', 'nothing', '--json');
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('contains "nothing"')]);
    expect(onlyDocument(none)).toMatchObject({ passed: 0, failed: 0, tests: [] });
  });
});

describe('policy replay', () => {
  it('ends 0 where nothing changes, and 1 with a table of what would where that is a failure', async () => {
    const same = await run(
      'reviewer',
      'policy',
      'replay',
      await bundle('same'),
      '--since',
      '1h',
      '--fail-on-change',
      '--json',
    );
    expect(same.code, same.stderr).toBe(0);
    expect(onlyDocument(same)).toMatchObject({ changed: 0, differences: [] });
    const dir = await bundle('stricter', (files) =>
      files.set(
        'policies/stricter.cedar',
        '@id("no-orders")\nforbid (principal, action == Action::"select", resource) when { resource is Table && resource.name == "orders" };\n',
      ),
    );
    const told = await run('reviewer', 'policy', 'replay', dir, '--since', '1h');
    expect(told.code, told.stderr).toBe(0);
    const failed = await run('reviewer', 'policy', 'replay', dir, '--since', '1h', '--fail-on-change');
    expect(failed.code).toBe(1);
    expect(failed.stdout).toBe(told.stdout);
    expect(failed.stdout).toMatch(/2\s.*engineer.*demo-db.*select count\(\*\) from orders.*allow → deny.*no-orders/);
    expect(failed.stderr).toMatch(/\d+ of \d+ operations in \d+ sessions would be decided otherwise/);
    // Whoever may not read recordings is told so, and learns nothing.
    const refused = await run('engineer', 'policy', 'replay', dir, '--since', '1h', '--json');
    expect(refused.code).toBe(5);
    expect(onlyDocument(refused)).toMatchObject({ ok: false, error: { code: 'denied' } });
  });
});

describe('apply and versions', () => {
  it('shows what it would change, applies it, and goes back', async () => {
    const before = onlyDocument(await run('reviewer', 'policy', 'versions', '--json'))['versions'] as {
      version: string;
    }[];
    const more = '@id("more")\npermit (principal in Group::"engineers", action == Action::"truncate", resource);\n';
    const dir = await bundle('more', (files) => files.set('policies/more.cedar', more));
    const shown = await run('reviewer', 'apply', '-f', dir, '--dry-run');
    expect(shown.code, shown.stderr).toBe(0);
    expect(shown.stdout + shown.stderr).toContain('policies/more.cedar');
    expect(onlyDocument(await run('reviewer', 'policy', 'versions', '--json'))['versions']).toEqual(before);
    const refused = await run('engineer', 'apply', '-f', dir, '--json');
    expect(refused.code).toBe(5);
    const applied = await run('reviewer', 'apply', '-f', dir, '--message', 'more', '--json');
    expect(applied.code, applied.stdout + applied.stderr).toBe(0);
    const after = onlyDocument(await run('reviewer', 'policy', 'versions', '--json'))['versions'] as {
      version: string;
    }[];
    expect(after.length).toBe(before.length + 1);
    const back = await run('reviewer', 'apply', '--to', before[0]?.version ?? '', '--json');
    expect(back.code, back.stdout + back.stderr).toBe(0);
  });
});

describe('signals', () => {
  it('are listed with where to look, and told as they are raised', async () => {
    let see: () => void = () => undefined;
    const seen = new Promise<void>((resolve) => (see = resolve));
    const env = { SLUICE_GATEWAY: gateway.url, SLUICE_TOKEN: await gateway.token('reviewer') };
    const watching = runCli(home.dir, ['signals', 'watch'], {
      env,
      input: null,
      interrupt: seen,
      onStdout: () => see(),
    });
    // Whoever watches hears what is raised from then on; it is raised until it is heard.
    const raise = setInterval(() => void gateway.call('robot', 'PUT', '/v1/secrets/demo-db', { value: 'mine' }), 300);
    await seen;
    clearInterval(raise);
    const watched = await watching;
    expect(watched.code, watched.stderr).toBe(130);
    expect(JSON.parse(watched.stdout.split('\n')[0] ?? '')).toMatchObject({
      event: 'signal',
      kind: 'gateway-tampering',
    });
    expect((await gateway.call('robot', 'PUT', '/v1/secrets/demo-db', { value: 'mine' })).status).toBe(403);
    const list = await run('reviewer', 'signals', 'list', '--kind', 'gateway-tampering', '--json');
    expect(list.code, list.stderr).toBe(0);
    const [latest] = onlyDocument(list)['signals'] as unknown[];
    expect(latest).toMatchObject({ kind: 'gateway-tampering', severity: 'high', user: 'robot' });
    expect((await run('reviewer', 'signals', 'list', '--since', '1h')).stdout).toMatch(
      /high\s+gateway-tampering\s+robot/,
    );
    expect((await run('engineer', 'signals', 'list', '--json')).code).toBe(5);
  });
});
