import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AgentClient, type AgentLaunch } from '../../../src/agent/agent-client.js';
import { followLines } from '../../../src/agent/agent-log.js';
import { runAgent, type AgentEnd } from '../../../src/agent/app.js';
import type { AgentClock } from '../../../src/agent/clock.js';
import { agentPaths } from '../../../src/agent/private-dir.js';
import { listenOnPort } from '../../../src/agent/stable-ports.js';
import { serveTunnel } from '../../../src/agent/tunnel.js';
import { SluiceClient } from '../../../src/client/api.js';
import { loginAs } from '../../../src/client/login-demo.js';
import { Profiles, type Profile } from '../../../src/client/profiles.js';
import { Transport } from '../../../src/client/transport.js';
import { writePrivate } from '../../../src/lib/private-files.js';
import { startSmallGateway, temporaryEnvironment, type SmallGateway } from '../client/small-gateway.js';

let gateway: SmallGateway;
let environment: ReturnType<typeof temporaryEnvironment>;
let transport: Transport;
let profile: Profile;
let abort: AbortController;
let running: Promise<AgentEnd>[];
const lines: string[] = [];

beforeEach(async () => {
  gateway = await startSmallGateway();
  environment = temporaryEnvironment();
  transport = new Transport({ caFile: null, proxy: null });
  await loginAs({ environment, transport, gateway: gateway.url, profile: 'life', user: 'engineer' });
  profile = new Profiles(environment.configDir).resolve({ profile: null, gateway: null });
  running = [];
  lines.length = 0;
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
const asProcess = (): AgentLaunch => ({
  command: process.execPath,
  arguments: ['--import', import.meta.resolve('tsx'), fileURLToPath(new URL('agent-process.ts', import.meta.url))],
  variables: { ...process.env, TEST_ENVIRONMENT: JSON.stringify(environment) },
});

async function start(clock?: AgentClock): Promise<{ readonly stop: () => Promise<AgentEnd> }> {
  abort = new AbortController();
  const { signal } = abort;
  let ready: () => void = () => undefined;
  const listening = new Promise<void>((resolve) => (ready = resolve));
  const log = (line: string): void => void lines.push(line);
  const end = runAgent({ environment, signal, onReady: ready, log, ...(clock === undefined ? {} : { clock }) });
  running.push(end);
  await Promise.race([listening, end]);
  const mine = abort;
  return {
    stop() {
      mine.abort();
      return end;
    },
  };
}

function echo(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end(text));
    socket.on('data', (chunk: Buffer) => (got += chunk.toString()));
    socket.on('end', () => resolve(got));
    socket.on('error', reject);
  });
}

test('a tunnel is there again after the agent was cut off: same port, same password, though the gateway is away', async () => {
  const first = await start();
  const tunnel = await client().openTunnel({ target: 'demo-db', profile, reason: 'INC-42' });
  expect(statSync(join(environment.stateDir, 'tunnels.json')).mode & 0o777).toBe(0o600);
  expect(await first.stop()).toBe('interrupted'); // as at the end of a session, or a restart of the machine
  const port = Number(new URL(gateway.url).port);
  const { provider } = gateway;
  await gateway.close();

  await start();
  const [again] = await client().list();
  expect(again).toMatchObject({ target: 'demo-db', port: tunnel.port, password: tunnel.password });
  gateway = await startSmallGateway({ port });
  gateway.verifier = { verify: async () => Promise.resolve({ ...anybody, issuer: provider.issuer }) };
  expect(await echo(tunnel.port, 'still here')).toBe('still here');
});
const anybody = { subject: 'x', name: 'x', kind: 'human', mfa: false, claimGroups: [], expiresAt: 0 } as const;

test('tunnels that the user ended, or opened with a token, do not come back', async () => {
  await start();
  await client().openTunnel({ target: 'demo-db', profile });
  expect(await client().shutdown()).toBe(true);
  await running[0];
  expect(existsSync(join(environment.stateDir, 'tunnels.json'))).toBe(false);

  const second = await start();
  const token = JSON.parse(readFileSync(join(environment.configDir, 'credentials/life.json'), 'utf8')) as {
    accessToken: string;
  };
  const withToken = new AgentClient({ environment: { ...environment, token: token.accessToken }, launch: never });
  await withToken.openTunnel({ target: 'demo-db', profile });
  await second.stop();
  expect(existsSync(join(environment.stateDir, 'tunnels.json'))).toBe(false);
  await start();
  expect(await client().list()).toEqual([]);
});

test('a remembered tunnel whose port somebody took is logged, and the agent runs', async () => {
  const first = await start();
  const { port } = await client().openTunnel({ target: 'demo-db', profile });
  await first.stop();
  const squatter = createServer();
  await listenOnPort(squatter, port);
  await start();
  expect(await client().list()).toEqual([]);
  expect(lines.find((line) => line.includes('again'))).toContain(`Port ${port} is in use`);
  squatter.close();
});

test.each(['{"version":1,"tunnels":[{"port":1}]}', '{"version":9,"tunnels":[]}', 'nonsense', '[]'])(
  'a damaged memory is no memory: %s',
  async (text) => {
    await start().then(({ stop }) => stop());
    writePrivate(join(environment.stateDir, 'tunnels.json'), text);
    await start();
    expect(await client().list()).toEqual([]);
  },
);

test('a tunnel for an hour closes after it, and asking again gives it another hour', async () => {
  const waits: { readonly ms: number; readonly callback: () => void; cancelled: boolean }[] = [];
  let now = Date.now();
  await start({
    now: () => now,
    after(ms, callback) {
      const wait = { ms, callback, cancelled: false };
      waits.push(wait);
      return () => (wait.cancelled = true);
    },
  });
  const hour = 3_600_000;
  const first = await client().openTunnel({ target: 'demo-db', profile, forMs: hour });
  expect(first.expires_at).toBe(new Date(now + hour).toISOString());
  now += hour / 2;
  const second = await client().openTunnel({ target: 'demo-db', profile, forMs: hour });
  expect(second).toMatchObject({ id: first.id, expires_at: new Date(now + hour).toISOString() });
  const live = waits.filter(({ ms, cancelled }) => ms === hour && !cancelled);
  expect(live).toHaveLength(1);
  live[0]?.callback();
  await expect.poll(() => client().list()).toEqual([]);
  await expect(echo(first.port, 'x')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('waiting for a tunnel ends when it is opened and the gateway serves it', async () => {
  await start();
  const waiting = client().waitFor('demo-db', null, 60_000);
  const opened = await client().openTunnel({ target: 'demo-db', profile });
  expect((await waiting).id).toBe(opened.id);

  const port = Number(new URL(gateway.url).port);
  await gateway.close();
  const away = client().waitFor('demo-db', 'life', 60_000);
  const admit = (started: SmallGateway): void => {
    started.verifier = { verify: async () => Promise.resolve({ ...anybody, issuer: started.provider.issuer }) };
  };
  gateway = await startSmallGateway({ port, prepare: admit });
  expect((await away).id).toBe(opened.id);
});

test('waiting for a tunnel that nobody opens ends with a timeout that names the command', async () => {
  await start();
  await expect(client().waitFor('demo-db', null, 20)).rejects.toMatchObject({
    code: 'timeout',
    details: { next: [{ command: 'sluice connect demo-db --detach' }] },
  });
});

test('a request by another host name is refused, whatever cookie it has', async () => {
  await start();
  const paths = agentPaths(environment.runtimeDir);
  const cookie = readFileSync(paths.cookieFile, 'utf8');
  const ask = (host: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = { host, 'x-sluice-cookie': cookie };
      request({ socketPath: paths.socket, path: '/status', headers, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  expect(await ask('agent')).toBe(200);
  expect(await ask('evil.example')).toBe(400);
  expect(await ask('localhost')).toBe(400);
});

test('carries 1,000 connections at once through one tunnel of an agent of its own', async () => {
  abort = new AbortController();
  let open = 0;
  let most = 0;
  gateway.onTunnel = (socket) => {
    most = Math.max(most, ++open);
    socket.once('close', () => (open -= 1));
    socket.pipe(socket);
  };
  const agent = client(asProcess());
  const tunnel = await agent.openTunnel({ target: 'demo-db', profile });
  try {
    const sockets = await Promise.all(
      Array.from({ length: 1000 }, async (_, index) => {
        const socket = connect({ port: tunnel.port, host: '127.0.0.1' });
        await once(socket, 'connect');
        socket.write(`connection ${index}\n`);
        const [chunk] = (await once(socket, 'data')) as [Buffer];
        expect(chunk.toString()).toBe(`connection ${index}\n`);
        return socket;
      }),
    );
    expect(most).toBe(1000);
    expect((await agent.status())?.connections).toBe(1000);
    for (const socket of sockets) socket.destroy();
    await expect.poll(async () => (await agent.status())?.connections).toBe(0);
  } finally {
    await agent.shutdown();
  }
});

test('an agent at rest with a tunnel has nothing to wake up for', async () => {
  abort = new AbortController();
  const agent = client(asProcess());
  await agent.openTunnel({ target: 'demo-db', profile });
  try {
    const { pid } = (await agent.status()) ?? { pid: 0 };
    const follow = followLines(agent.logFile, AbortSignal.timeout(20_000));
    const resources = async (): Promise<string> => {
      for await (const line of follow) if (line.startsWith('resources: ')) return line;
      return '';
    };
    const told = resources();
    process.kill(pid, 'SIGUSR2');
    const line = await told;
    expect(line).not.toMatch(/Timeout|Immediate|TickObject/);
  } finally {
    await agent.shutdown();
  }
});

test('an agent that was stopped for a while, as on a machine that sleeps, goes on: connections of before, and new ones', async () => {
  abort = new AbortController();
  const agent = client(asProcess());
  const { port } = await agent.openTunnel({ target: 'demo-db', profile });
  const { pid } = (await agent.status()) ?? { pid: 0 };
  const before = connect(port, '127.0.0.1');
  try {
    const answer = (): Promise<string> =>
      new Promise((resolve) => before.once('data', (chunk: Buffer) => resolve(chunk.toString())));
    before.write('awake');
    expect(await answer()).toBe('awake');
    process.kill(pid, 'SIGSTOP');
    const asked = agent.status(); // nobody answers these before it wakes
    const meanwhile = echo(port, 'opened in its sleep');
    before.write('said in its sleep');
    process.kill(pid, 'SIGCONT');
    expect(await answer()).toBe('said in its sleep');
    expect(await meanwhile).toBe('opened in its sleep');
    expect(await echo(port, 'opened afterwards')).toBe('opened afterwards');
    expect(await asked).toMatchObject({ pid, tunnels: 1 });
  } finally {
    process.kill(pid, 'SIGCONT');
    before.destroy();
    await agent.shutdown();
  }
});

test('a network that swallows everything holds a new connection no longer than it may', async () => {
  abort = new AbortController();
  const silent: Server = createServer(() => undefined); // accepts, and never says a word
  const port = await listenOnPort(silent, 0);
  const blackhole = new SluiceClient({
    gateway: `http://127.0.0.1:${port}`,
    transport,
    tokens: { get: async () => 't', renew: async () => null },
  });
  const refused: string[] = [];
  const tunnel = await serveTunnel({
    target: 't',
    listen: (server) => listenOnPort(server, 0),
    awayMs: 1000,
    dial: (_verifier, signal) => blackhole.openTunnel('t', {}, signal),
    onRefused: ({ code, message }) => refused.push(`${code}: ${message}`),
  });
  const socket = connect({ port: tunnel.port, host: '127.0.0.1' });
  const parameters = Buffer.from('user\0sluice\0\0');
  const header = Buffer.alloc(8);
  header.writeInt32BE(8 + parameters.length, 0);
  header.writeInt32BE(196608, 4);
  socket.write(Buffer.concat([header, parameters]));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/C57P03\0Mgateway unreachable: no answer within 1 s/);
  expect(refused).toEqual(['timeout: no answer within 1 s']);
  socket.destroy();
  await tunnel.close();
  silent.close();
});
