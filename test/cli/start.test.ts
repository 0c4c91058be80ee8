import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeHome } from './support/run-cli.js';
import { execStream, startScriptedGateway, type ScriptedGateway } from './support/scripted-gateway.js';

let home: Awaited<ReturnType<typeof makeHome>>;
let gateway: ScriptedGateway;
beforeAll(async () => {
  home = await makeHome();
  gateway = await startScriptedGateway(() => execStream());
});
afterAll(async () => {
  await gateway.close();
  await home.remove();
});

/** The files that a run of the installed program has loaded, as V8 counts them: a start is mostly what it loads. */
async function loadedBy(...args: string[]): Promise<{ readonly files: number; readonly modules: readonly string[] }> {
  const dir = mkdtempSync(join(home.dir, 'coverage-'));
  const child = spawn(process.execPath, [resolve('bin/run.js'), ...args], {
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      HOME: home.dir,
      NODE_V8_COVERAGE: dir,
      SLUICE_GATEWAY: gateway.url,
      SLUICE_TOKEN: 'token',
    },
  });
  const code = await new Promise((done) => child.once('close', done));
  expect(code).toBe(0);
  const files = readdirSync(dir).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(dir, name), 'utf8')) as { result: readonly { url: string }[] };
    return result.filter(({ url }) => url.startsWith('file:')).map(({ url }) => fileURLToPath(url));
  });
  rmSync(dir, { recursive: true });
  const modules = files.map((file) => file.replace(`${resolve('.')}/`, '')).flatMap(modulesOf);
  return {
    files: files.length,
    modules: [...new Set(modules.map((file) => file.replace(/^dist\/|\.js$/g, '')))].sort(),
  };
}

/** What was put together in one file is named in it, module by module. */
function modulesOf(file: string): readonly string[] {
  if (!file.startsWith('dist/start/')) return [file];
  const names = readFileSync(file, 'utf8').matchAll(/^\/\/ (dist\/(?:src|commands)\/\S+)$/gm);
  return [...names].map(([, name]) => name ?? '');
}

const always = [
  'bin/run',
  ...[
    'base-command',
    'command-files',
    'environment',
    'exit-codes',
    'failure',
    'failure-text',
    'flags',
    'main',
    'output',
  ],
  ...['parse-words', 'plain', 'report', 'resolve', 'suggest', 'table', 'usage'],
].map((name) => (name.includes('/') ? name : `src/cli/${name}`));
const shared = ['src/client/proxy-settings', 'src/lib/errors', 'src/lib/look-alikes', 'src/recording/playback/escape'];
const forExec = [
  'commands/exec',
  ...[
    'connection',
    'durations',
    'exec',
    'unreadable',
    'exec-body',
    'exec-command',
    'hold',
    'input',
    'named-parameters',
    'rows',
    'target-words',
  ].map((name) => `src/cli/${name}`),
  'src/cli/update-notice',
  ...[
    'api',
    'credentials',
    'error-document',
    'exec-lines',
    'file-lock',
    'gateway-calls',
    'gateway-url',
    'identity-token',
    'profiles',
  ].map((name) => `src/client/${name}`),
  ...['stored-login', 'tokens', 'transport'].map((name) => `src/client/${name}`),
  'src/lib/private-files',
  'src/lib/shell-quote',
];
const forCompletion = [
  'bin/run',
  ...['asked-profile', 'complete', 'entry', 'known-names', 'refresh-process', 'shell-words'].map(
    (name) => `src/cli/completion/${name}`,
  ),
  ...['src/cli/environment', 'src/client/error-document', 'src/client/gateway-url', 'src/client/profiles'],
  ...['src/client/proxy-settings', 'src/lib/errors', 'src/lib/private-files'],
];

it('exec loads its own modules and no one else’s: each more of them is paid at every start', async () => {
  const { files, modules } = await loadedBy('exec', 'demo-db', 'select 1', '--format', 'tsv');
  expect(modules).toEqual([...always, ...shared, ...forExec].sort());
  expect(files, 'they are put together in fewer files').toBeLessThan(modules.length / 2);
}, 60_000);

it('--version loads what every command does, and nothing more', async () => {
  expect((await loadedBy('--version')).modules).toEqual([...always, ...shared].sort());
}, 60_000);

it('completion loads next to nothing', async () => {
  expect((await loadedBy('__complete', 'zsh', 'exec', '')).modules).toEqual(forCompletion.sort());
}, 60_000);

it('help brings in oclif, and no command, client or agent', async () => {
  const { modules: loaded } = await loadedBy('--help');
  expect(loaded.some((file) => file.startsWith('node_modules/@oclif/core/'))).toBe(true);
  const own = loaded.filter((file) => !file.startsWith('node_modules/'));
  const help = ['help', 'help-topics', 'oclif-config', 'topics'].map((name) => `src/cli/${name}`);
  expect(own).toEqual([...always, ...shared, ...help].sort());
}, 60_000);
