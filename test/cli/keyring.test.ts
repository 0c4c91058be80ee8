import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startSmallGateway, type SmallGateway } from '../unit/client/small-gateway.js';
import { makeHome, onlyDocument, runCli, type CliRun } from './support/run-cli.js';

/** Elsewhere the keyring is the operating system's own, which cannot be had apart from the person's. */
const onDesktop = process.platform === 'linux';

/** The keyring of a Linux desktop: its own bus, and GNOME's daemon behind it. */
interface Desktop {
  readonly env: Readonly<Record<string, string>>;
  /** Opens the keyring with its password, or leaves it locked with nobody there to be asked for it. */
  start(password: string | null): Promise<void>;
  stop(): Promise<void>;
}

/** Somebody answers for keyrings on this bus. */
function hasOwner(env: Readonly<Record<string, string>>): boolean {
  const question = 'org.freedesktop.DBus.NameHasOwner';
  const args = ['--session', '--print-reply', '--dest=org.freedesktop.DBus', '/', question];
  const { stdout } = spawnSync('dbus-send', [...args, 'string:org.freedesktop.secrets'], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  return stdout.includes('boolean true');
}

async function openDesktop(dir: string): Promise<Desktop> {
  const own = { XDG_RUNTIME_DIR: join(dir, 'runtime'), XDG_DATA_HOME: join(dir, 'data') };
  for (const path of Object.values(own)) mkdirSync(path, { recursive: true, mode: 0o700 });
  const base = { PATH: process.env['PATH'] ?? '', HOME: dir, ...own };
  const bus = spawn('dbus-daemon', ['--session', '--print-address', '--nofork'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: base,
  });
  const [address] = (await once(createInterface({ input: bus.stdout }), 'line')) as [string];
  const env = { ...own, DBUS_SESSION_BUS_ADDRESS: address };
  let daemon: ChildProcess | null = null;
  const end = async (child: ChildProcess | null): Promise<void> => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return {
    env,
    async start(password) {
      await end(daemon);
      const args = ['--foreground', '--components=secrets', ...(password === null ? [] : ['--unlock'])];
      const child = spawn('gnome-keyring-daemon', args, {
        stdio: ['pipe', 'ignore', 'ignore'],
        env: { ...base, ...env },
      });
      daemon = child;
      child.stdin.end(password ?? '');
      await vi.waitFor(() => expect(hasOwner(env)).toBe(true), { timeout: 20_000, interval: 100 });
    },
    async stop() {
      await end(daemon);
      await end(bus);
    },
  };
}

let home: Awaited<ReturnType<typeof makeHome>>;
let gateway: SmallGateway;
let desktop: Desktop;
beforeAll(async () => {
  home = await makeHome();
  gateway = await startSmallGateway();
  if (onDesktop) desktop = await openDesktop(home.dir);
});
afterAll(async () => {
  if (onDesktop) await desktop.stop();
  await gateway.close();
  await home.remove();
});

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliRun> =>
  runCli(home.dir, args, { input: null, env: { ...desktop.env, ...env } });

function filesBelow(dir: string): string {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1')).join('\n');
}

it.skipIf(!onDesktop)(
  'keeps a login in the keyring of the desktop, and nothing of it in files',
  async () => {
    await desktop.start('open sesame');
    const login = await run(['login', gateway.url, '--as', 'engineer', '--json']);
    expect([login.code, onlyDocument(login)['stored_in']]).toEqual([0, 'keyring']);
    expect(login.stderr).not.toContain('keyring');
    expect(filesBelow(join(home.dir, 'config'))).not.toMatch(/eyJ|refresh_token/);
    expect(onlyDocument(await run(['whoami', '--json']))).toMatchObject({ name: 'engineer' });

    // The same keyring, and nobody who could be asked for its password.
    await desktop.start(null);
    const locked = await run(['whoami', '--json']);
    expect([locked.code, onlyDocument(locked)['error']]).toMatchObject([13, { code: 'local' }]);
    const elsewhere = await run(['login', gateway.url, '--as', 'engineer', '--profile', 'file', '--json']);
    expect([elsewhere.code, onlyDocument(elsewhere)['stored_in']]).toEqual([0, 'file']);

    await desktop.start('open sesame');
    expect(onlyDocument(await run(['whoami', '--json']))).toMatchObject({ name: 'engineer' });
    expect((await run(['logout', '--json'])).code).toBe(0);
    expect((await run(['whoami', '--json'])).code).toBe(4);
  },
  180_000,
);
