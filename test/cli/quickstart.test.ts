import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { removePostgres } from '../../src/quickstart/postgres.js';
import { runCli } from './support/run-cli.js';

type Event = Readonly<Record<string, unknown>>;

/** The built command line, as a user starts it. */
function start(args: readonly string[]): Quickstart {
  const child = spawn(process.execPath, [resolve('bin/run.js'), 'quickstart', '--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Quickstart(child);
}

class Quickstart {
  readonly events: Event[] = [];
  readonly notJson: string[] = [];
  readonly child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #closed = false;
  #wake: () => void = () => undefined;

  constructor(child: ChildProcess) {
    this.child = child;
    this.#ended = once(child, 'close').then(([code]) => {
      this.#closed = true;
      this.#wake();
      return code as number | null;
    });
    if (child.stdout === null) throw new Error('no stdout');
    createInterface(child.stdout).on('line', (line) => {
      try {
        this.events.push(JSON.parse(line) as Event);
      } catch {
        this.notJson.push(line);
      }
      this.#wake();
    });
  }

  async waitFor(name: string): Promise<Event> {
    for (;;) {
      const found = this.events.find((event) => event['event'] === name);
      if (found !== undefined) return found;
      if (this.#closed) throw new Error(`ended without ${name}: ${JSON.stringify(this.events)}`);
      await new Promise<void>((wake) => (this.#wake = wake));
    }
  }

  ended(): Promise<number | null> {
    return this.#ended;
  }
}

describe('sluice quickstart', () => {
  let root: string;
  let dir: string;
  let running: Quickstart | null = null;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'sluice-quickstart-'));
    dir = join(root, 'state');
  });
  afterEach(async () => {
    if (running === null) return;
    running.child.kill('SIGINT');
    await running.ended();
    running = null;
  });
  afterAll(async () => {
    await removePostgres(join(dir, 'postgres'));
    await rm(root, { recursive: true, force: true });
  });

  it('says in NDJSON when all is up, and stops cleanly on Ctrl-C', async () => {
    running = start(['--state-dir', dir, '--port', '0']);
    const ready = await running.waitFor('ready');
    expect(ready).toMatchObject({
      event: 'ready',
      gateway: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
      targets: ['demo-db'],
      users: ['engineer', 'reviewer', 'reviewer2', 'robot'],
    });
    expect((await fetch(`${String(ready['gateway'])}/readyz`)).status).toBe(200);
    running.child.kill('SIGINT');
    expect(await running.ended()).toBe(0);
    expect(running.notJson).toEqual([]);
    expect(running.events.at(-1)).toMatchObject({ event: 'stopped' });
    await expect(fetch(`${String(ready['gateway'])}/healthz`)).rejects.toThrow('fetch failed');
  });

  it('starts again on the same port, without seeding', async () => {
    running = start(['--state-dir', dir, '--port', '0']);
    const ready = await running.waitFor('ready');
    expect(running.events.some((event) => event['event'] === 'seeding')).toBe(false);
    const bootstrap = await readFile(join(dir, 'gateway.json'), 'utf8');
    expect(bootstrap).toContain(`"publicUrl": "${String(ready['gateway'])}"`);
  });

  it('starts again after it was killed', async () => {
    const killed = start(['--state-dir', dir, '--port', '0']);
    await killed.waitFor('ready');
    killed.child.kill('SIGKILL');
    await killed.ended();
    running = start(['--state-dir', dir, '--port', '0']);
    await running.waitFor('ready');
  });

  it('applies the policies that its folder holds, and names the line of a mistake', async () => {
    const file = join(dir, 'bundle', 'targets.yaml');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('kind: postgres', 'kind: postgers'));
    const broken = start(['--state-dir', dir, '--port', '0']);
    expect(await broken.ended()).toBe(2);
    expect(broken.events.at(-1)).toMatchObject({
      event: 'error',
      code: 'config_invalid',
      message: expect.stringMatching(/targets\.yaml:4/) as string,
    });
    await writeFile(file, text);
  });

  it('keeps what somebody applied from elsewhere in force, and says so', async () => {
    const before = start(['--state-dir', dir, '--port', '0']);
    const own = (await before.waitFor('gateway'))['policy_version'];
    const { gateway } = await before.waitFor('ready');
    expect(before.events.some(({ event }) => event === 'bundle_kept')).toBe(false);
    const elsewhere = join(root, 'elsewhere');
    await cp(join(dir, 'bundle'), elsewhere, { recursive: true });
    await writeFile(
      join(elsewhere, 'policies', 'more.cedar'),
      '@id("more") forbid (principal, action == Action::"truncate", resource);\n',
    );
    const home = join(root, 'home');
    await mkdir(home);
    await runCli(home, ['login', String(gateway), '--as', 'reviewer']);
    expect(await runCli(home, ['apply', '-f', elsewhere])).toMatchObject({ code: 0 });
    before.child.kill('SIGINT');
    await before.ended();

    running = start(['--state-dir', dir, '--port', '0']);
    await running.waitFor('ready');
    expect(await running.waitFor('bundle_kept')).toMatchObject({ folder: join(dir, 'bundle'), by: 'reviewer' });
    expect((await running.waitFor('gateway'))['policy_version']).not.toBe(own);
    expect(await runCli(home, ['apply', '-f', join(dir, 'bundle')])).toMatchObject({ code: 0 });
    running.child.kill('SIGINT');
    await running.ended();

    running = start(['--state-dir', dir, '--port', '0']);
    await running.waitFor('ready');
    expect(running.events.some(({ event }) => event === 'bundle_kept')).toBe(false);
    expect((await running.waitFor('gateway'))['policy_version']).toBe(own);
  }, 120_000);

  it('refuses a second one on the same directory', async () => {
    running = start(['--state-dir', dir, '--port', '0']);
    await running.waitFor('ready');
    const second = start(['--state-dir', dir, '--port', '0']);
    expect(await second.ended()).toBe(13);
    expect(second.events.at(-1)).toMatchObject({
      event: 'error',
      code: 'local',
      message: expect.stringContaining(`process ${running.child.pid}`) as string,
    });
  });

  it('names a busy port and the way out', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    try {
      const refused = start(['--state-dir', dir, '--port', String(port)]);
      expect(await refused.ended()).toBe(13);
      expect(refused.events.at(-1)).toMatchObject({
        event: 'error',
        message: expect.stringContaining(String(port)) as string,
        next: expect.arrayContaining([
          expect.objectContaining({ command: expect.stringContaining('--port') as string }),
        ]) as unknown,
      });
    } finally {
      holder.close();
    }
  });

  it('refuses a directory that is not its own, even to reset it', async () => {
    const other = join(root, 'documents');
    await mkdir(other);
    await writeFile(join(other, 'letter.txt'), 'dear');
    const refused = start(['--state-dir', other, '--port', '0', '--reset']);
    expect(await refused.ended()).toBe(13);
    expect(await readFile(join(other, 'letter.txt'), 'utf8')).toBe('dear');
  });

  it('forgets everything on reset and begins again', async () => {
    const before = await stat(join(dir, 'state.db'));
    await writeFile(join(dir, 'bundle', 'policies', 'mine.cedar'), '// to be forgotten\n');
    running = start(['--state-dir', dir, '--port', '0', '--reset']);
    await running.waitFor('ready');
    expect(running.events.some((event) => event['event'] === 'seeding')).toBe(true);
    await expect(stat(join(dir, 'bundle', 'policies', 'mine.cedar'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await stat(join(dir, 'state.db'))).birthtimeMs).toBeGreaterThan(before.birthtimeMs);
  });
});
