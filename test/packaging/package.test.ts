import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tryPort } from '../../src/quickstart/ports.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';

const run = promisify(execFile);
let dir: string;
let tarball: string;
let gateway: TestGateway;

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}
let packed: Packed;

/** What users get: the package, packed and installed into an empty folder with every install script forbidden. */
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-package-'));
  const pack = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', dir], {
    maxBuffer: 2 ** 26,
  });
  packed = (JSON.parse(pack.stdout) as Packed[])[0] as Packed;
  tarball = join(dir, packed.filename);
  writeFileSync(join(dir, 'package.json'), '{"private":true}');
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline'];
  [gateway] = await Promise.all([
    startTestGateway(),
    run('npm', ['install', '--ignore-scripts', ...quiet, tarball], { cwd: dir, maxBuffer: 2 ** 26 }),
  ]);
}, 300_000);
afterAll(async () => {
  await sluice('daemon', 'stop').catch(() => undefined);
  await gateway.stop();
  rmSync(dir, { recursive: true, force: true });
});

const environment = (): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: dir,
  SLUICE_CONFIG_DIR: join(dir, 'config'),
  SLUICE_STATE_DIR: join(dir, 'state'),
  SLUICE_CREDENTIAL_STORE: 'file',
});
const bin = (): string => join(dir, 'node_modules/.bin/sluice');
async function sluice(...args: string[]): Promise<string> {
  return (await run(bin(), args, { env: environment(), cwd: dir, maxBuffer: 2 ** 26 })).stdout;
}
async function document(...args: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await sluice(...args, '--json')) as Record<string, unknown>;
}

it('holds what it needs and nothing else', () => {
  const paths = packed.files.map(({ path }) => path);
  for (const needed of [
    'bin/run.js',
    'dist/oclif.manifest.json',
    'dist/man/sluice.1',
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
  ])
    expect(paths).toContain(needed);
  const strange = paths.filter((path) => !/^(bin\/run\.js|dist\/|docs\/|[A-Z]+(\.md)?$|package\.json$)/.test(path));
  expect(strange).toEqual([]);
  expect(paths.filter((path) => /(^|\/)(test|\.env|.*\.(pem|key|db))$/.test(path))).toEqual([]);
});

it('is of one version: package, changelog, compose file, and what it says of itself', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(/^## (\S+)/m.exec(readFileSync('CHANGELOG.md', 'utf8'))?.[1]).toBe(version);
  expect(readFileSync('deploy/compose.yaml', 'utf8')).toContain(`image: sluice:${version}`);
  expect(await sluice('--version')).toBe(`sluice ${version}\n`);
});

it('has a Homebrew formula for exactly this tarball', async () => {
  const url = 'https://downloads.example/sluice.tgz';
  const { stdout } = await run(process.execPath, [resolve('scripts/homebrew.js'), tarball, url]);
  const digest = createHash('sha256').update(readFileSync(tarball)).digest('hex');
  expect(stdout).toContain(`sha256 "${digest}"`);
  expect(stdout).toContain(`url "${url}"`);
  expect(stdout).not.toContain('{{');
  await expect(run(process.execPath, [resolve('scripts/homebrew.js'), tarball, 'http://x'])).rejects.toMatchObject({
    code: 2,
  });
});

describe('the gateway, installed without scripts', () => {
  it('writes a bootstrap file, starts from it, is ready, and ends when told', async () => {
    await sluice('gateway', 'init');
    const file = join(dir, 'gateway.yaml');
    const port = await tryPort(0);
    const text = readFileSync(file, 'utf8').replaceAll('7480', String(port));
    writeFileSync(file, text);
    const child = spawn(bin(), ['gateway', 'start', '--config', file], { cwd: dir, env: environment(), stdio: 'pipe' });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = new Promise<number | null>((done) => child.once('close', done));
    const ready = (async () => {
      for (;;) {
        const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
        if (answer?.status === 200) return 'ready';
        await new Promise((again) => setTimeout(again, 100));
      }
    })();
    expect(await Promise.race([ready, ended.then(() => said)])).toBe('ready');
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  }, 180_000);
});

describe('the client, without any native part', () => {
  beforeAll(() => {
    for (const name of ['libsql', '@libsql', '@aws-sdk', '@napi-rs', 'better-sqlite3', 'node-pty', '@lydell'])
      rmSync(join(dir, 'node_modules', name), { recursive: true, force: true });
  });

  it('logs in, lists, runs, asks, reads and replays', async () => {
    await sluice('login', gateway.url, '--as', 'engineer');
    expect(await document('whoami')).toMatchObject({ name: 'engineer' });
    expect(await document('targets')).toMatchObject({ targets: [{ name: 'demo-db' }] });
    const ran = await document('exec', 'demo-db', 'select id from orders order by id limit 1');
    expect(ran).toMatchObject({ row_count: 1 });
    const created = await document(
      'requests',
      'create',
      'demo-db',
      'delete from orders where id = 1',
      '--reason',
      'INC-1',
    );
    expect(created).toMatchObject({ request: { state: 'pending' } });
    expect(await document('requests', 'list')).toMatchObject({ requests: [{ state: 'pending' }] });
    const session = String(ran['session_id']);
    expect(JSON.stringify(await document('sessions', 'list'))).toContain(session);
    expect(await sluice('play', session, '--format', 'text')).toContain('select id from orders');
  }, 180_000);

  it('connects a client program, here and through the agent', async () => {
    const script = 'echo "$PGHOST $PGPORT $PGDATABASE"';
    expect(await sluice('connect', 'demo-db', '--', 'sh', '-c', script)).toMatch(/^127\.0\.0\.1 \d+ demo-db\n$/);
    const uri = (await sluice('connect', 'demo-db', '--detach', '--port', '0', '--print', 'uri')).trim();
    expect((await run('psql', [uri, '-Atc', 'select 1 + 1'])).stdout).toBe('2\n');
    await sluice('tunnels', 'stop', '--all');
  }, 180_000);

  it('finds nothing wrong with itself, and leaves nothing behind', async () => {
    const report = await document('doctor');
    expect(report).toMatchObject({ healthy: true });
    await sluice('uninstall');
    expect(existsSync(join(dir, 'config/config.json'))).toBe(true);
    expect(await document('uninstall', '--yes')).toMatchObject({ removed: true, logins: ['default'], agent: true });
    expect(existsSync(join(dir, 'config/config.json'))).toBe(false);
    expect(existsSync(join(dir, 'config/credentials'))).toBe(false);
    expect(await document('daemon', 'status')).toMatchObject({ running: false });
  }, 180_000);
});
