import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listenOnPort } from '../../src/agent/stable-ports.js';
import { writePrivate } from '../../src/lib/private-files.js';
import { startSmallGateway, type SmallGateway } from '../unit/client/small-gateway.js';
import { makeHome, onlyDocument, runCli, type CliRun } from './support/run-cli.js';

let home: Awaited<ReturnType<typeof makeHome>>;
let gateway: SmallGateway;
beforeAll(async () => {
  home = await makeHome();
  gateway = await startSmallGateway();
});
afterAll(async () => {
  await gateway.close();
  await home.remove();
});

const run = (...args: string[]): Promise<CliRun> =>
  runCli(home.dir, args, { input: null, env: { SLUICE_CREDENTIAL_STORE: 'file' } });
interface Check {
  readonly name: string;
  readonly state: string;
  readonly message: string;
  readonly fix: readonly { readonly command: string }[];
}
function checksOf(run: CliRun): ReadonlyMap<string, Check> {
  const { checks } = onlyDocument(run) as { checks: Check[] };
  return new Map(checks.map((check) => [check.name, check]));
}

it('names the first layer that is broken with its fix, skips those that stand on it, and ends with 1', async () => {
  await run('login', gateway.url, '--as', 'engineer');
  await gateway.close();
  const broken = await run('doctor', '--json');
  expect(broken.code).toBe(1);
  const checks = checksOf(broken);
  expect(checks.get('configuration')).toMatchObject({ state: 'ok' });
  expect(checks.get('gateway')).toMatchObject({
    state: 'failed',
    message: expect.stringContaining('nothing listens there') as string,
    fix: [{ command: `curl -v ${gateway.url}/healthz` }],
  });
  expect(checks.get('clock')?.state).toBe('skipped');
  expect(checks.get('login')?.state).toBe('skipped');
}, 180_000);

it('finds a remembered port that is something else’s now, and writes a report that only its owner can read', async () => {
  const squatter = createServer();
  const port = await listenOnPort(squatter, 0);
  writePrivate(join(home.dir, 'state/ports.json'), JSON.stringify({ 'default/demo-db': port }));
  const file = join(home.dir, 'report.json');
  const checked = await run('doctor', '--json', '--report', file);
  squatter.close();
  expect(checksOf(checked).get('ports')).toMatchObject({
    state: 'warning',
    message: expect.stringContaining(`${port} of default/demo-db`) as string,
  });
  expect(readFileSync(file, 'utf8')).toContain('"sluice.doctor/v1"');
  expect(readFileSync(file, 'utf8')).not.toMatch(/refreshToken|accessToken|eyJ/);
  expect(statSync(file).mode & 0o777).toBe(0o600);
}, 180_000);

it('on a machine that knows no gateway there is nothing broken', async () => {
  const fresh = await makeHome();
  const checked = await runCli(fresh.dir, ['doctor'], { input: null, env: { SLUICE_CREDENTIAL_STORE: 'file' } });
  await fresh.remove();
  expect(checked.code).toBe(0);
  expect(checked.stdout).toMatch(/– gateway +no gateway is known here/);
}, 180_000);
