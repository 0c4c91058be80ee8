import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startRelay, type TestRelay } from '../support/relay.js';
import { openPolicy, startSshLab, type Ended, type SshLab } from '../support/ssh-lab.js';

const secret = `s3cret-${randomBytes(6).toString('hex')}`;
let lab: SshLab;
let dir: string;
let relay: TestRelay | null = null;

/** What the gateway runs: shows how it was run, or does what its first argument says. */
const program = `#!/bin/sh
case "$1" in
  who) id -u; id -g; id -G; grep -E '^(NoNewPrivs|CapEff|CapBnd)' /proc/self/status | tr -d '\\t' ;;
  env) env | sort ;;
  args) shift; for word in "$@"; do printf '<%s>' "$word"; done; echo ;;
  secret) [ "$TOKEN" = "${secret}" ] && echo known ;;
  descriptor) read -r word <&3; [ "$word" = "${secret}" ] && echo known ;;
  cat) cat ;;
  fail) echo oh >&2; exit 7 ;;
  die) kill -TERM $$ ;;
  sleep) echo asleep; sleep 60 ;;
  size) stty size; tty >/dev/null && echo terminal ;;
  ask) printf 'name: '; read -r name; echo "hello $name" ;;
  '') echo bare ;;
esac
`;

type Place = 'the gateway' | 'a relay';

async function startLab(place: Place): Promise<void> {
  dir = await mkdtemp(join(tmpdir(), 'sluice-command-'));
  await chmod(dir, 0o755);
  const path = join(dir, 'tool');
  await writeFile(path, program, { mode: 0o755 });
  const way = place === 'a relay' ? 'relay: office, ' : '';
  const target = (name: string, more: string): string =>
    `  - { name: ${name}, ${way}kind: command, command: { argv: ["${path}"]${more} }, labels: { env: prod } }\n`;
  lab = await startSshLab({
    moreTargets:
      target('tool', ', directory: "/tmp", variables: { MODE: careful }') +
      target('keyed', ', secretVariable: TOKEN, runAs: { uid: 65533, gid: 65533 }').replace(
        'kind: command',
        'kind: command, secret: "vault:tool"',
      ) +
      target('piped', ', secretDescriptor: true, runAs: { uid: 65533, gid: 65533 }').replace(
        'kind: command',
        'kind: command, secret: "vault:tool"',
      ),
    detectors: '{ email: mask }',
    relays: ['office'],
  });
  await lab.gateway.gateway.setSecret('tool', secret);
  if (place === 'a relay') await connectRelay([path]);
}

async function connectRelay(allow: readonly string[]): Promise<void> {
  const tokens = {
    get: () => lab.gateway.token('robot', { expiresInSeconds: 600 }),
    renew: () => Promise.resolve(null),
  };
  relay = startRelay(lab.gateway.url, 'office', { tokens, allow });
  await relay.heard('connected');
}

async function stopLab(): Promise<void> {
  await relay?.stop();
  relay = null;
  await lab.stop();
  await rm(dir, { recursive: true, force: true });
}

const run = (
  name: string,
  command: string,
  options: { input?: string; flags?: readonly string[] } = {},
): Promise<Ended> => lab.sshTo([...(options.flags ?? []), name, ...(command === '' ? [] : [command])], options.input);

// Only root can give a program an account of its own; that anybody else is refused is tested apart.
const isRoot = process.getuid?.() === 0;
describe.runIf(isRoot).each<Place>(['the gateway', 'a relay'])('a target that is a program run by %s', (place) => {
  beforeAll(() => startLab(place), 60_000);
  afterAll(stopLab);
  beforeEach(() => lab.apply(openPolicy));

  it('runs as an account without any rights, which it cannot get back', async () => {
    const { stdout, code } = await run('tool', 'who');
    expect(code).toBe(0);
    const lines = stdout.trim().split('\n');
    expect(lines.slice(0, 3)).toEqual(['65534', '65534', '65534']);
    expect(lines.slice(3).toSorted()).toEqual(['CapBnd:0000000000000000', 'CapEff:0000000000000000', 'NoNewPrivs:1']);
  });

  it('sees nothing of the gateway’s environment, nor what the client would set', async () => {
    const ended = await lab.sshTo(['-o', 'SetEnv=LD_PRELOAD=/tmp/x LC_ALL=C EVIL=1', 'tool', 'env']);
    const names = ended.stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(names.filter((name) => name !== '_' && name !== 'OLDPWD' && name !== 'SHLVL')).toEqual([
      ...['HOME', 'LANG', 'MODE', 'PATH', 'PWD'],
    ]);
  });

  it.each([
    ['args "a  b" \'$HOME\' c\\ d', '<a  b><$HOME><c d>'],
    ['args -- --flag=1', '<--><--flag=1>'],
  ])('gets its arguments as they are judged: %s', async (command, shown) => {
    expect((await run('tool', command)).stdout).toBe(`${shown}\n`);
    const [session] = await lab.sessions('tool');
    expect(session?.operations).toMatchObject([{ kind: 'exec', text: command, verdict: 'allow' }]);
  });

  it.each([
    'args; id',
    'args | cat',
    'args $(id)',
    'args `id`',
    'args $HOME',
    'args *',
    'args > /tmp/x',
    'args &',
    'args\nid',
    '(args)',
  ])('has no shell that would read: %s', async (command) => {
    const ended = await run('tool', command);
    expect(ended).toMatchObject({ code: 205, stdout: '' });
    expect(ended.stderr).toContain('no shell reads this');
  });

  it('is judged by its arguments', async () => {
    lab.apply(
      `@id("tight") permit (principal, action == Action::"exec", resource) when { context.program == "tool" && context.command like "tool args *" && !context.opaque };\n` +
        `@id("in") permit (principal, action == Action::"connect", resource);\n`,
    );
    expect((await run('tool', 'args fine')).stdout).toBe('<fine>\n');
    expect((await run('tool', 'env')).code).toBe(205);
    expect((await run('tool', '')).code).toBe(205);
  });

  it('finds its secret in a variable or at a descriptor, and nobody else does', async () => {
    expect((await run('keyed', 'secret')).stdout).toBe('known\n');
    expect((await run('piped', 'descriptor')).stdout).toBe('known\n');
    expect((await run('piped', 'env')).stdout).not.toContain(secret);
    const refused = await run('piped', 'descriptor', { flags: ['-tt'] });
    expect(refused.stdout + refused.stderr).toContain('ssh -T piped');
    expect(refused.code).toBe(202);
    for (const name of ['keyed', 'piped'])
      for (const { id } of await lab.sessions(name)) expect(await lab.transcript(id)).not.toContain(secret);
  });

  it('passes input, both outputs and its end through, and records and masks them', async () => {
    const input = `to ada@corp.example\n${'x'.repeat(300_000)}\n`;
    const ended = await run('tool', 'cat', { input });
    expect(ended).toEqual({ code: 0, stdout: input.replace('ada@corp.example', '*'.repeat(16)), stderr: '' });
    expect(await run('tool', 'fail')).toEqual({ code: 7, stdout: '', stderr: 'oh\n' });
    const [session] = await lab.sessions('tool');
    expect(await lab.transcript(session?.id ?? '')).toContain('exit 7');
    expect((await run('tool', 'die')).code).toBe(255);
    expect((await run('tool', '')).stdout).toBe('bare\n');
  });

  it('has a terminal where one is asked for', async () => {
    const sized = await run('tool', 'size', { flags: ['-tt'] });
    expect(sized.stdout).toBe('24 80\r\nterminal\r\n');
    const asked = await run('tool', 'ask', { flags: ['-tt'], input: 'Zoë\n' });
    expect(asked.stdout).toContain('hello Zoë\r\n');
    const large = await run('tool', 'args ' + 'y'.repeat(30_000), { flags: ['-tt'] });
    expect(large.stdout).toBe(`<${'y'.repeat(30_000)}>\r\n`);
  });

  it.each([[[]], [['-tt']]])('is ended with its channel, flags %j', async (flags) => {
    const child = spawn('ssh', ['-F', lab.config, ...flags, 'tool', 'sleep'], { stdio: ['pipe', 'pipe', 'ignore'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const running = await sleepers();
    expect(running.length).toBeGreaterThan(0);
    child.kill('SIGKILL');
    for (let attempt = 0; (await sleepers()).length > 0; attempt++) {
      if (attempt > 400) throw new Error('it still runs');
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    const [session] = await lab.sessions('tool');
    expect(session?.state).toBe('closed');
  });

  it('is nothing but a program: no files, no forwarding', async () => {
    const copied = await lab.run('scp', ['-F', lab.config, 'tool:/etc/hosts', join(dir, 'stolen')]);
    expect(copied.code).not.toBe(0);
    expect(existsSync(join(dir, 'stolen'))).toBe(false);
    const forwarded = await lab.run('ssh', ['-F', lab.config, '-W', `127.0.0.1:${lab.sshd.port}`, 'tool'], {
      input: 'x',
    });
    expect(forwarded).toMatchObject({ stdout: '' });
    expect(forwarded.code).not.toBe(0);
  });

  it('answers exec', async () => {
    const body = { target: 'tool', text: 'args one "two three"' };
    const { document } = await lab.gateway.call('POST', '/v1/exec', { as: 'engineer', body });
    expect(document).toMatchObject({ exit_code: 0, stdout: '<one><two three>\n' });
  });
});

describe.runIf(isRoot)('a program beside a relay', () => {
  beforeAll(() => startLab('a relay'), 60_000);
  afterAll(stopLab);
  beforeEach(() => lab.apply(openPolicy));

  it('ends with the relay, and its session says so; without one, nothing runs', async () => {
    const child = spawn('ssh', ['-F', lab.config, 'tool', 'sleep'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let told = '';
    child.stderr.on('data', (piece: Buffer) => (told += piece.toString()));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect((await sleepers()).length).toBeGreaterThan(0);
    await relay?.stop();
    await new Promise((resolve) => child.once('close', resolve));
    expect(told).toContain('the connection to relay "office" was lost');
    const [session] = await lab.sessions('tool');
    expect(session?.operations).toMatchObject([
      { text: 'sleep', verdict: 'allow', error: expect.any(String) as string },
    ]);
    expect(await lab.transcript(session?.id ?? '')).toContain('the connection to relay "office" was lost');
    await vi.waitFor(async () => expect(await sleepers()).toEqual([]), { timeout: 10_000 });
    const away = await run('tool', 'who');
    expect([away.code, away.stdout]).toEqual([201, '']);
    expect(away.stderr).toContain('relay "office", by which tool is reached, is not connected');
    await connectRelay([join(dir, 'tool')]);
    expect((await run('tool', 'args back')).stdout).toBe('<back>\n');
  });

  it('is run only where the relay’s own list names it', async () => {
    await relay?.stop();
    await connectRelay(['127.0.0.1:*', join(dir, 'tool2'), '/usr/bin/env']);
    const refused = await run('tool', 'who');
    expect([refused.code, refused.stdout]).toEqual([212, '']);
    expect(refused.stderr).toContain(`sluice relay office --allow ${join(dir, 'tool')}`);
    expect(relay?.events).toContainEqual({
      event: 'refused',
      destination: join(dir, 'tool'),
      reason: 'its allowlist does not name it',
    });
    await relay?.stop();
    await connectRelay([join(dir, 'tool')]);
  });

  it('takes a large input and gives a large output, at the pace of who reads', async () => {
    const input = `${'0123456789abcdef'.repeat(500_000)}\n`;
    const { stdout, code } = await run('tool', 'cat', { input });
    expect([code, stdout.length, stdout === input]).toEqual([0, input.length, true]);
  });

  it('is listed as what it is', async () => {
    const { document } = await lab.gateway.call('GET', '/v1/targets', { as: 'engineer' });
    const targets = document['targets'] as readonly { name: string; kind: string; status: string }[];
    expect(targets.find(({ name }) => name === 'tool')).toMatchObject({ kind: 'command', status: 'online' });
  });
});

/** Processes that run our program's `sleep`. */
async function sleepers(): Promise<readonly string[]> {
  const { readdir } = await import('node:fs/promises');
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    if (line.includes(`${join(dir, 'tool')}\0sleep`)) found.push(pid);
  }
  return found;
}
