import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AgentClient, type AgentLaunch } from '../../../src/agent/agent-client.js';
import { runAgent, type AgentEnd } from '../../../src/agent/app.js';
import type { AgentClock } from '../../../src/agent/clock.js';
import { agentPaths } from '../../../src/agent/private-dir.js';
import { loginAs } from '../../../src/client/login-demo.js';
import { Profiles, type Profile } from '../../../src/client/profiles.js';
import { Transport } from '../../../src/client/transport.js';
import { startSmallGateway, temporaryEnvironment, type SmallGateway } from '../client/small-gateway.js';

let gateway: SmallGateway;
let environment: ReturnType<typeof temporaryEnvironment>;
let transport: Transport;
let profile: Profile;
let abort: AbortController;
let running: Promise<AgentEnd>[];

beforeEach(async () => {
  gateway = await startSmallGateway();
  environment = temporaryEnvironment();
  transport = new Transport({ caFile: null, proxy: null });
  await loginAs({ environment, transport, gateway: gateway.url, profile: 'default', user: 'engineer' });
  profile = new Profiles(environment.configDir).resolve({ profile: null, gateway: null });
  abort = new AbortController();
  running = [];
});

afterEach(async () => {
  abort.abort();
  await Promise.allSettled(running);
  transport.close();
  await gateway.close();
  environment.remove();
});

const never: AgentLaunch = { command: '/bin/false', arguments: [], variables: {} };
const client = (launch: AgentLaunch = never): AgentClient => new AgentClient({ environment, launch });

/** An agent in this process. */
async function start(options: { readonly clock?: AgentClock } = {}): Promise<{ readonly end: Promise<AgentEnd> }> {
  let ready: () => void = () => undefined;
  const listening = new Promise<void>((resolve) => (ready = resolve));
  const end = runAgent({ environment, signal: abort.signal, onReady: ready, ...options });
  running.push(end);
  await Promise.race([listening, end]);
  return { end };
}

/** Sends through a tunnel and returns what comes back from the echoing target. */
function echo(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end(text));
    socket.on('data', (chunk: Buffer) => (got += chunk.toString()));
    socket.on('end', () => resolve(got));
    socket.on('error', reject);
  });
}

test('opens a tunnel, lists it, and closes it', async () => {
  await start();
  const tunnel = await client().openTunnel({ target: 'demo-db', profile });
  expect(tunnel.uri).toBe(`postgresql://sluice:${tunnel.password}@127.0.0.1:${tunnel.port}/demo-db?sslmode=disable`);
  expect(await echo(tunnel.port, 'hello')).toBe('hello');
  expect(await client().openTunnel({ target: 'demo-db', profile })).toMatchObject({ id: tunnel.id, port: tunnel.port });
  expect(await client().list()).toHaveLength(1);
  expect((await client().stop('demo-db')).map(({ id }) => id)).toEqual([tunnel.id]);
  expect(await client().list()).toEqual([]);
  await expect(echo(tunnel.port, 'x')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  const again = await client().openTunnel({ target: 'demo-db', profile });
  expect(again.port).toBe(tunnel.port);
  expect(again.password).not.toBe(tunnel.password);
});

test('two that ask at once get the same tunnel', async () => {
  await start();
  const open = (): Promise<{ readonly id: string }> => client().openTunnel({ target: 'demo-db', profile });
  const [one, two] = await Promise.all([open(), open()]);
  expect(one.id).toBe(two.id);
});

test('does not move an open tunnel to another port', async () => {
  await start();
  const { port } = await client().openTunnel({ target: 'demo-db', profile, port: 0 });
  await expect(client().openTunnel({ target: 'demo-db', profile, port: port - 1 })).rejects.toMatchObject({
    code: 'local',
    message: `A tunnel to demo-db is open on port ${port} already`,
  });
});

test('gives nobody a tunnel that is another’s, or was opened for another reason', async () => {
  await start();
  const token = (sub: string, n: number): string =>
    ['{"alg":"none"}', JSON.stringify({ iss: 'https://id.example', sub, n }), 'x']
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.');
  const as = (more: Partial<typeof environment>) =>
    new AgentClient({ environment: { ...environment, ...more }, launch: never });
  const { id } = await client().openTunnel({ target: 'demo-db', profile, reason: 'INC-1' });
  const taken = (how: string) => ({ code: 'local', message: `A tunnel to demo-db is open ${how} already` });
  await expect(client().openTunnel({ target: 'demo-db', profile })).resolves.toMatchObject({ id });
  await expect(client().openTunnel({ target: 'demo-db', profile, reason: 'INC-1' })).resolves.toMatchObject({ id });
  await expect(client().openTunnel({ target: 'demo-db', profile, reason: 'INC-2' })).rejects.toMatchObject(
    taken('for another reason'),
  );
  const robot = token('robot', 1);
  for (const other of [
    { token: robot },
    { tokenFile: '/run/token' },
    { identityTokenFile: '/run/identity' },
    { configDir: '/elsewhere' },
  ])
    await expect(as(other).openTunnel({ target: 'demo-db', profile })).rejects.toMatchObject(
      taken('under another login'),
    );
  expect(await client().list()).toHaveLength(1);

  await client().stop('demo-db');
  const known = { issuer: 'https://id.example', subject: 'engineer', name: 'engineer', mfa: false, claimGroups: [] };
  gateway.verifier = { verify: async () => ({ ...known, kind: 'human', expiresAt: Date.now() + 60_000 }) };
  const first = await as({ token: token('engineer', 1) }).openTunnel({ target: 'demo-db', profile });
  const again = as({ token: token('engineer', 2) }).openTunnel({ target: 'demo-db', profile });
  expect((await again).id).toBe(first.id);
  await expect(as({ token: robot }).openTunnel({ target: 'demo-db', profile })).rejects.toMatchObject(
    taken('under another login'),
  );
});

test('hands the gateway’s refusal on', async () => {
  await start();
  await expect(client().openTunnel({ target: 'hidden', profile })).rejects.toMatchObject({ code: 'not_found' });
  expect(await client().list()).toEqual([]);
  await expect(
    client().openTunnel({ target: 'demo-db', profile: { ...profile, name: 'nobody' } }),
  ).rejects.toMatchObject({ code: 'login_required', details: { next: [{ when: 'to log in' }] } });
});

test('its socket and cookie are private, and nothing is told without the cookie', async () => {
  await start();
  const paths = agentPaths(environment.runtimeDir);
  expect(statSync(paths.dir).mode & 0o777).toBe(0o700);
  expect(statSync(paths.socket).mode & 0o777).toBe(0o600);
  expect(statSync(paths.cookieFile).mode & 0o777).toBe(0o600);
  const ask = (cookie: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { host: 'agent', 'x-sluice-cookie': cookie };
      request({ socketPath: paths.socket, path: '/tunnels', headers, agent: false }, (answer) => {
        answer.on('data', (chunk: Buffer) => resolve(`${answer.statusCode} ${chunk.toString()}`));
      })
        .on('error', reject)
        .end();
    });
  expect(await ask('wrong')).toMatch(/^400 .*does not know this caller/);
  expect(await ask(readFileSync(paths.cookieFile, 'utf8'))).toBe('200 {"tunnels":[]}');
});

test('a second agent leaves the first alone; a dead one’s socket is taken over', async () => {
  mkdirSync(environment.runtimeDir, { recursive: true });
  writeFileSync(agentPaths(environment.runtimeDir).socket, ''); // what a killed agent leaves
  await start();
  expect(await runAgent({ environment })).toBe('already running');
  expect((await client().status())?.tunnels).toBe(0);
});

test('refuses a directory that is a link', async () => {
  mkdirSync(join(environment.stateDir, 'elsewhere'), { recursive: true });
  symlinkSync(join(environment.stateDir, 'elsewhere'), environment.runtimeDir);
  await expect(runAgent({ environment })).rejects.toMatchObject({
    code: 'local',
    message: expect.stringContaining('not a directory') as string,
  });
});

test('closes a directory that was open to others', async () => {
  mkdirSync(environment.runtimeDir, { recursive: true });
  chmodSync(environment.runtimeDir, 0o755);
  await start();
  expect(statSync(environment.runtimeDir).mode & 0o777).toBe(0o700);
});

test('a path that the system would cut is replaced by a short one', () => {
  const long = `/tmp/${'x'.repeat(120)}`;
  expect(Buffer.byteLength(agentPaths(long).socket)).toBeLessThanOrEqual(107);
  expect(agentPaths(long).socket).toBe(agentPaths(long).socket);
  expect(agentPaths(`${long}y`).socket).not.toBe(agentPaths(long).socket);
  expect(agentPaths('/run/user/1/sluice').socket).toBe('/run/user/1/sluice/agent.sock');
});

test('ends after half an hour without tunnels, and not before', async () => {
  const waits: { readonly ms: number; readonly callback: () => void; cancelled: boolean }[] = [];
  const clock: AgentClock = {
    now: Date.now,
    after(ms, callback) {
      const wait = { ms, callback, cancelled: false };
      waits.push(wait);
      return () => (wait.cancelled = true);
    },
  };
  const { end } = await start({ clock });
  expect(waits.at(-1)).toMatchObject({ ms: 30 * 60_000, cancelled: false });
  await client().openTunnel({ target: 'demo-db', profile });
  expect(waits.every(({ cancelled }) => cancelled)).toBe(true);
  expect((await client().status())?.idle_until).toBeNull();
  await client().stopAll();
  expect(waits.at(-1)?.cancelled).toBe(false);
  waits.at(-1)?.callback();
  expect(await end).toBe('idle');
  expect(await client().status()).toBeNull();
});

test('without an agent, lists are empty and nothing is started', async () => {
  expect(await client().list()).toEqual([]);
  expect(await client().stop('demo-db')).toEqual([]);
  expect(await client().shutdown()).toBe(false);
});

test('starts itself as a process, keeps its tunnels, and ends when told', async () => {
  const launch: AgentLaunch = {
    command: process.execPath,
    arguments: ['--import', import.meta.resolve('tsx'), fileURLToPath(new URL('agent-process.ts', import.meta.url))],
    variables: { ...process.env, TEST_ENVIRONMENT: JSON.stringify(environment), SLUICE_TOKEN: 'secret' },
  };
  const agent = client(launch);
  const [one, two] = await Promise.all([agent.ensureRunning(), client(launch).ensureRunning()]);
  expect(one.pid).toBe(two.pid);
  expect(one.pid).not.toBe(process.pid);
  const tunnel = await agent.openTunnel({ target: 'demo-db', profile });
  expect(await echo(tunnel.port, 'through a process')).toBe('through a process');
  expect(await agent.shutdown()).toBe(true);
  expect(await agent.status()).toBeNull();
  expect(readFileSync(agent.logFile, 'utf8')).toMatch(/^token given: none$/m);
  expect(statSync(agent.logFile).mode & 0o777).toBe(0o600);
});

test('an agent that cannot start is an error that names its log', async () => {
  await expect(client().openTunnel({ target: 'demo-db', profile })).rejects.toMatchObject({
    code: 'local',
    message: 'The local agent did not start: it ended at once (exit code 1)',
  });
});
