import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSmallGateway, type SmallGateway } from '../unit/client/small-gateway.js';
import { makeHome, onlyDocument, runCli, type CliRun } from './support/run-cli.js';

let home: Awaited<ReturnType<typeof makeHome>>;
let gateway: SmallGateway;
beforeAll(async () => {
  home = await makeHome();
  gateway = await startSmallGateway();
  await run('login', gateway.url, '--as', 'engineer');
});
afterAll(async () => {
  await run('daemon', 'stop');
  await gateway.close();
  await home.remove();
});

const run = (...args: string[]): Promise<CliRun> =>
  runCli(home.dir, args, { input: null, env: { SLUICE_CREDENTIAL_STORE: 'file', SLUICE_PROFILE: 'daily' } });

it('starts by itself for a detached tunnel, and every command says the same about it', async () => {
  expect(onlyDocument(await run('daemon', 'status', '--json'))).toMatchObject({ running: false, agent: null });
  const opened = onlyDocument(await run('connect', 'demo-db', '--detach', '--for', '1h', '--json'));
  expect(opened).toMatchObject({ target: 'demo-db', host: '127.0.0.1', detached: true });
  const port = Number(opened['port']);
  expect(port).toBeGreaterThanOrEqual(15_000);
  expect(port).toBeLessThan(20_000);

  const listed = onlyDocument(await run('tunnels', 'list', '--json'));
  expect(listed['tunnels']).toMatchObject([{ target: 'demo-db', port, profile: 'daily' }]);
  const waited = await run('tunnels', 'wait', 'demo-db', '--timeout', '20s');
  expect([waited.code, waited.stdout]).toEqual([0, `${String(opened['uri'])}\n`]);
  const started = onlyDocument(await run('daemon', 'start', '--json'));
  expect(started).toMatchObject({ running: true, agent: { tunnels: 1, idle_until: null } });

  const logged = (await run('daemon', 'logs', '--json')).stdout.trim().split('\n');
  const events = logged.map((line) => JSON.parse(line) as { schema: string; text: string });
  expect(events.map(({ text }) => text)).toContain(`opened daily/demo-db on port ${port}`);
  expect(events.every(({ schema }) => schema === 'sluice.daemon_log/v1')).toBe(true);
}, 180_000);

it('a port that something else has is exit 13, and names who has it', async () => {
  const busy = await run('connect', 'demo-db', '--port', new URL(gateway.url).port, '--detach', '--json');
  expect(busy.code).toBe(13);
  const stopped = await run('tunnels', 'stop', 'demo-db');
  expect(stopped.code).toBe(0);
  const taken = await run('connect', 'demo-db', '--port', new URL(gateway.url).port, '--detach', '--json');
  expect(taken.code).toBe(13);
  expect(onlyDocument(taken)).toMatchObject({
    error: { code: 'local', decider: 'local', message: expect.stringContaining(`(pid ${process.pid})`) as string },
  });
}, 180_000);

it('says exit 14 when nobody opens the tunnel that is waited for', async () => {
  const late = await run('tunnels', 'wait', 'demo-db', '--timeout', '50ms', '--json');
  expect(late.code).toBe(14);
  expect(onlyDocument(late)).toMatchObject({ error: { code: 'timeout', exit_code: 14 } });
}, 180_000);

it('writes a unit for the service manager, shows it, and takes it back', async () => {
  const printed = await run('daemon', 'install', '--print');
  expect(printed.stdout).toContain('daemon');
  const file = String(onlyDocument(await run('daemon', 'install', '--no-start', '--json'))['file']);
  expect(file.startsWith(home.dir)).toBe(true);
  expect(readFileSync(file, 'utf8')).toBe(printed.stdout);
  expect(readFileSync(file, 'utf8')).toContain(join(home.dir, 'config'));
  expect((await run('daemon', 'uninstall')).stdout).toBe(`removed ${file}\n`);
  expect(existsSync(file)).toBe(false);
  expect((await run('daemon', 'uninstall')).stdout).toBe('was not installed\n');
}, 180_000);

it('ends when told, with every tunnel', async () => {
  const opened = onlyDocument(await run('connect', 'demo-db', '--detach', '--json'));
  expect((await run('daemon', 'stop')).stdout).toBe('ended\n');
  expect((await run('daemon', 'stop')).stdout).toBe('was not running\n');
  const refused = new Promise((resolve) => connect(Number(opened['port']), '127.0.0.1').once('error', resolve));
  expect(await refused).toMatchObject({ code: 'ECONNREFUSED' });
}, 180_000);

it('uninstall leaves nothing behind, also of ssh, completion and unfinished logins, and what others wrote as it was', async () => {
  const own = ['config/ssh/config', 'config/ssh/id_ed25519', 'state/completion/x.json', 'state/logins/x.json'];
  for (const file of own) {
    mkdirSync(dirname(join(home.dir, file)), { recursive: true });
    writeFileSync(join(home.dir, file), 'x');
  }
  const sshConfig = join(home.dir, '.ssh/config');
  mkdirSync(dirname(sshConfig));
  writeFileSync(sshConfig, `Include "${join(home.dir, 'config/ssh/config')}"\nHost other\n  User ann\n`);
  await run('connect', 'demo-db', '--detach');
  await run('daemon', 'install', '--no-start');
  expect((await run('uninstall')).stdout).toContain(`would remove the Include line of sluice in ${sshConfig}\n`);
  expect(readFileSync(sshConfig, 'utf8')).toContain('Include');
  const done = onlyDocument(await run('uninstall', '--yes', '--json'));
  expect(done).toMatchObject({ removed: true, logins: ['daily'], agent: true, ssh_config: sshConfig, left: [] });
  const files = readdirSync(home.dir, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
  expect(files.map(({ parentPath, name }) => join(parentPath, name))).toEqual([sshConfig]);
  expect(readFileSync(sshConfig, 'utf8')).toBe('Host other\n  User ann\n');
  expect(readdirSync(home.dir)).not.toContain('config');
  expect(readdirSync(home.dir)).not.toContain('state');
}, 180_000);
