import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeHome, runCli } from './support/run-cli.js';
import { refusal, request, startScriptedGateway, type ScriptedGateway } from './support/scripted-gateway.js';

const run = promisify(execFile);
const bin = resolve('bin/run.js');
let home: Awaited<ReturnType<typeof makeHome>>;
let gateway: ScriptedGateway;
let answering: 'well' | 'never' | 'no' = 'well';

const target = (name: string): object => ({
  name,
  kind: 'postgres',
  labels: { env: 'demo' },
  recording: 'strict',
  status: 'online',
});
beforeAll(async () => {
  home = await makeHome();
  gateway = await startScriptedGateway(({ path }) => {
    if (answering === 'never') return new Promise(() => undefined);
    if (answering === 'no') return refusal('login_required', 401);
    if (path.startsWith('/v1/targets')) {
      const names = ['demo-db', 'demo-web', '$(touch hacked)', 'a b', 'x;touch hacked'];
      return { document: { schema: 'sluice.targets/v1', ok: true, targets: names.map(target) } };
    }
    if (path.startsWith('/v1/requests'))
      return { document: { schema: 'sluice.requests/v1', ok: true, requests: [request('pending')] } };
    const session = {
      id: 'ses_7',
      target: 'demo-db',
      user: 'engineer',
      started_at: '2026-11-23T10:00:00Z',
      state: 'live',
    };
    return { document: { schema: 'sluice.sessions/v1', ok: true, sessions: [session], next_cursor: null } };
  });
  mkdirSync(join(home.dir, 'bin'));
  symlinkSync(bin, join(home.dir, 'bin/sluice'));
});
beforeEach(() => {
  answering = 'well';
});
afterAll(async () => {
  await gateway.close();
  await home.remove();
});

const variables = (): Record<string, string> => ({
  PATH: `${join(home.dir, 'bin')}:${process.env['PATH'] ?? ''}`,
  HOME: home.dir,
  TERM: 'xterm',
  SLUICE_CONFIG_DIR: join(home.dir, 'config'),
  SLUICE_STATE_DIR: join(home.dir, 'state'),
  SLUICE_GATEWAY: gateway.url,
  SLUICE_TOKEN: 'token',
});
const namesFile = (): string => join(home.dir, `state/completion/default~${encodeURIComponent(gateway.url)}.json`);
const tab = async (...words: string[]): Promise<readonly string[]> => {
  const { stdout, stderr } = await run(bin, ['__complete', 'zsh', ...words], { env: variables(), cwd: home.dir });
  expect(stderr).toBe('');
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0] ?? '']));
};

describe('the names that are offered', () => {
  it('come from the gateway in the background, as soon as one Tab has asked', async () => {
    expect(await tab('exec', 'd')).toEqual([]);
    await vi.waitFor(() => expect(existsSync(namesFile())).toBe(true), { timeout: 60_000, interval: 50 });
    expect(await tab('exec', 'd')).toEqual(['demo-db', 'demo-web']);
    expect(await tab('requests', 'approve', '')).toEqual(['req_1']);
    expect(await tab('sessions', 'kill', '')).toEqual(['ses_7']);
    expect(await tab('exec', '--label', '')).toEqual(['env=demo']);
    expect(statSync(namesFile()).mode & 0o777).toBe(0o600);
    expect(readFileSync(namesFile(), 'utf8')).not.toContain('delete from'); // statements stay where they are
  }, 120_000);

  it('hold none that a shell would run', async () => {
    const all = await tab('exec', '');
    expect(all).toEqual(['demo-db', 'demo-web']);
  });

  it('are another login’s no more than another gateway’s', async () => {
    const { stdout } = await run(bin, ['__complete', 'fish', 'exec', ''], {
      env: { ...variables(), SLUICE_GATEWAY: 'http://127.0.0.1:1' },
    });
    expect(stdout).toBe('');
  });

  it('are forgotten when the gateway knows this login no more', async () => {
    answering = 'no';
    const refresh = await runCli(home.dir, ['completion', 'refresh'], { env: variables() });
    expect(refresh.code).toBe(4);
    expect(existsSync(namesFile())).toBe(false);
    answering = 'well';
    expect((await runCli(home.dir, ['completion', 'refresh'], { env: variables() })).code).toBe(0);
    expect(existsSync(namesFile())).toBe(true);
  }, 120_000);
});

describe('Tab', () => {
  it('waits for no gateway, and for nobody to unlock anything', async () => {
    answering = 'never';
    const child = spawn(bin, ['__complete', 'bash', 'exec', ''], {
      env: { ...variables(), SLUICE_STATE_DIR: join(home.dir, 'elsewhere') },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const ended = new Promise((done) => child.once('close', done)); // with its input open and the gateway silent
    expect(await ended).toBe(0);
    answering = 'well';
  }, 60_000);

  it('says nothing when files are broken, or a folder cannot be written', async () => {
    const broken = join(home.dir, 'broken');
    mkdirSync(join(broken, 'completion'), { recursive: true });
    writeFileSync(join(broken, 'config.json'), '{');
    const cases = [
      { SLUICE_CONFIG_DIR: broken },
      { SLUICE_STATE_DIR: '/dev/null/nowhere' },
      { SLUICE_GATEWAY: 'not a url' },
    ];
    for (const some of cases) {
      const { stdout, stderr } = await run(bin, ['__complete', 'bash', 'exec', ''], {
        env: { ...variables(), ...some },
      });
      expect([stdout, stderr]).toEqual(['', '']);
    }
    writeFileSync(namesFile(), '{"version":1,"targets":[1,null,{"name":7},{"name":"ok"}],"sessions":"x"}');
    expect(await tab('exec', '')).toEqual(['ok']);
    await runCli(home.dir, ['completion', 'refresh'], { env: variables() });
  }, 120_000);
});

/** A shell as a person has it, in a terminal of tmux's: types some letters, presses Tab, and waits for what then is there. */
async function type(shell: string, start: string, steps: readonly (readonly [string, RegExp])[]): Promise<void> {
  const socket = `sluice-${process.pid}-${shell.split(' ')[0] ?? ''}`;
  const tmux = (...words: string[]) => run('tmux', ['-L', socket, '-f', '/dev/null', ...words], { env: variables() });
  const screen = async (): Promise<string> => (await tmux('capture-pane', '-p')).stdout;
  const until = (pattern: RegExp): Promise<void> =>
    vi.waitFor(async () => expect(await screen()).toMatch(pattern), { timeout: 25_000, interval: 100 });
  await tmux('new-session', '-d', '-x', '120', '-y', '40', '-c', home.dir, shell);
  try {
    await tmux('send-keys', '-l', '--', `${start}; printf "ready-%s\\n" 2`);
    await tmux('send-keys', 'Enter');
    await until(/^ready-2/m);
    for (const [letters, then] of steps) {
      await tmux('send-keys', '-l', '--', letters);
      await tmux('send-keys', 'Tab');
      await until(then);
    }
  } finally {
    await tmux('kill-server').catch(() => undefined);
  }
}

describe('in a real shell', () => {
  beforeAll(async () => {
    await runCli(home.dir, ['completion', 'refresh'], { env: variables() });
  }, 60_000);

  const shells = [
    ['bash', 'bash --norc --noprofile', 'eval "$(sluice completion bash)"'],
    ['zsh', 'zsh -f', 'autoload -Uz compinit && compinit -u -d zdump && eval "$(sluice completion zsh)"'],
    ['fish', 'fish --no-config', 'sluice completion fish | source'],
  ] as const;

  it.each(shells)(
    '%s completes commands, targets, flags, their values, and ids',
    async (_name, shell, start) => {
      await type(shell, start, [
        ['sluice ex', /sluice exec\s*$/m],
        ['demo-d', /sluice exec demo-db\s*$/m],
        ['--form', /sluice exec demo-db --format\s*$/m],
        ['cs', /sluice exec demo-db --format csv/],
        ['--label=en', /--label=env=demo/],
        ['; sluice requests appr', /; sluice requests approve\s*$/m],
        ['req', /; sluice requests approve req_1/],
      ]);
    },
    240_000,
  );

  it('fish shows what each is', async () => {
    const script = 'sluice completion fish | source; complete -C "sluice exec demo-d"';
    const { stdout } = await run('fish', ['--no-config', '-c', script], { env: variables() });
    expect(stdout).toBe('demo-db\tpostgres\n');
  }, 60_000);

  it('PowerShell, of which there is none here, gets its words in a variable', async () => {
    const words = { SLUICE_COMPLETE_WORDS: 'exec\ndemo-d' };
    const { stdout } = await run(bin, ['__complete', 'powershell'], { env: { ...variables(), ...words } });
    expect(stdout).toBe('demo-db\tpostgres\n');
    const script = (await runCli(home.dir, ['completion', 'powershell'])).stdout;
    for (const [open, close] of ['{}', '()', '[]'] as const)
      expect(script.split(open as string).length).toBe(script.split(close as string).length);
  }, 60_000);

  it('is said how to install, and which shells there are', async () => {
    const json = JSON.parse((await runCli(home.dir, ['completion', 'zsh', '--json'])).stdout) as object;
    expect(json).toMatchObject({
      schema: 'sluice.completion/v1',
      shell: 'zsh',
      install: expect.stringContaining('.zshrc') as string,
    });
    const none = await runCli(home.dir, ['completion', 'tcsh']);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('bash, zsh, fish, powershell')]);
  }, 60_000);
});
