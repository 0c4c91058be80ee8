import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { confirmDeviceCode } from '../../src/client/demo-confirm.js';
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

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliRun> =>
  runCli(home.dir, args, { input: null, env: { SLUICE_CREDENTIAL_STORE: 'file', ...env } });

it('prints what a person needs as JSON and ends; the handle fetches the login', async () => {
  const started = await run(['login', gateway.url, '--non-interactive', '--profile', 'two']);
  expect(started.code).toBe(0);
  const pending = onlyDocument(started);
  expect(pending).toMatchObject({ schema: 'sluice.login_pending/v1', profile: 'two', gateway: gateway.url });
  const handle = String(pending['handle']);
  const early = await run(['login', '--complete', handle, '--timeout', '1s', '--json']);
  expect([early.code, onlyDocument(early)['error']]).toMatchObject([14, { code: 'timeout', retryable: true }]);
  await confirmDeviceCode({ verificationUriComplete: String(pending['verification_uri_complete']), user: 'reviewer' });
  const done = onlyDocument(await run(['login', '--complete', handle, '--json']));
  expect(done).toMatchObject({ schema: 'sluice.logged_in/v1', profile: 'two', name: 'reviewer' });
  const again = await run(['login', '--complete', handle, '--json']);
  expect(again.code).toBe(9);
}, 180_000);

it('where an agent or CI runs it, it does not wait for anybody: exit 4 with the address, the code and the handle', async () => {
  const login = await run(['login', gateway.url, '--json'], { CI: 'true' });
  expect(login.code).toBe(4);
  const { error } = onlyDocument(login) as { error: { message: string; next: { command: string }[] } };
  expect(error.message).toMatch(/open http\S+ and confirm the code [A-Z]{4}-[A-Z]{4}/);
  expect(error.next[0]?.command).toMatch(/^sluice login --complete lgn_/);
}, 180_000);

it('shows a QR code on request, on stderr only, and with --quiet and --json too', async () => {
  const login = await run(['login', gateway.url, '--non-interactive', '--qr', '--json']);
  expect(login.stderr).toMatch(/[▀▄█]{10}/);
  onlyDocument(login);
}, 180_000);

it('a keyring that takes calls and never answers delays the login, but holds up neither it nor its end', async () => {
  const bus = join(home.dir, 'bus');
  const silent: Server = createServer(() => undefined); // a D-Bus that says nothing, as one does whose keyring is stuck
  await new Promise<void>((resolve) => silent.listen(bus, resolve));
  try {
    const env = { SLUICE_CREDENTIAL_STORE: 'auto', DBUS_SESSION_BUS_ADDRESS: `unix:path=${bus}` };
    const login = await run(['login', gateway.url, '--as', 'engineer', '--profile', 'stuck', '--json'], env);
    expect([login.code, onlyDocument(login)['stored_in']]).toEqual([0, 'file']);
    expect(login.stderr).toContain('is it locked?');
    const insisting = await run(['login', gateway.url, '--as', 'engineer', '--json'], {
      ...env,
      SLUICE_CREDENTIAL_STORE: 'keyring',
    });
    expect(insisting.code).toBe(13);
    // A login that was put into the keyring when it worked: reading it fails in time, and says what to do.
    mkdirSync(join(home.dir, 'locked'), { recursive: true });
    const profiles = { default: { gateway: gateway.url, user: 'x', credentials: 'keyring' } };
    writeFileSync(join(home.dir, 'locked/config.json'), JSON.stringify({ version: 1, profiles }));
    const whoami = await run(['whoami', '--json'], { ...env, SLUICE_CONFIG_DIR: join(home.dir, 'locked') });
    expect([whoami.code, onlyDocument(whoami)['error']]).toMatchObject([
      13,
      { message: expect.stringContaining('did not answer within 3 s') as string },
    ]);
  } finally {
    silent.close();
    rmSync(bus, { force: true });
  }
}, 180_000);

it.each([-7200, 7200])(
  'logs in on a machine whose clock is wrong by %s seconds',
  async (seconds) => {
    const patch = join(home.dir, `clock${seconds}.mjs`);
    writeFileSync(
      patch,
      `const real = Date;
    const shift = ${seconds} * 1000;
    globalThis.Date = class Date extends real {
      constructor(...args) { if (args.length === 0) super(real.now() + shift); else super(...args); }
      static now() { return real.now() + shift; }
    };`,
    );
    const env = { NODE_OPTIONS: `--import=${patch}` };
    const profile = `clock${seconds}`;
    const login = await run(['login', gateway.url, '--as', 'engineer', '--profile', profile, '--json'], env);
    expect(login).toMatchObject({ code: 0 });
    const whoami = await run(['whoami', '--profile', profile, '--json'], env);
    expect(onlyDocument(whoami)).toMatchObject({ name: 'engineer' });
  },
  60_000,
);
