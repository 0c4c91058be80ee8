import { createServer, connect, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SluiceClient } from '../../../src/client/api.js';
import { loginAs } from '../../../src/client/login-demo.js';
import { logOut } from '../../../src/client/logout.js';
import { Profiles } from '../../../src/client/profiles.js';
import { openTokenSource } from '../../../src/client/tokens.js';
import { Transport } from '../../../src/client/transport.js';
import { connectTarget } from '../../../src/agent/connect-target.js';
import { listenOnPort } from '../../../src/agent/stable-ports.js';
import { serveTunnel, type Tunnel } from '../../../src/agent/tunnel.js';
import { SluiceError } from '../../../src/lib/errors.js';
import { startSmallGateway, temporaryEnvironment, type SmallGateway } from '../client/small-gateway.js';

let gateway: SmallGateway;
let environment: ReturnType<typeof temporaryEnvironment>;
let transport: Transport;
let tunnels: Tunnel[];

beforeEach(async () => {
  gateway = await startSmallGateway();
  environment = temporaryEnvironment();
  transport = new Transport({ caFile: null, proxy: null });
  tunnels = [];
  await loginAs({ environment, transport, gateway: gateway.url, profile: 'default', user: 'engineer' });
});

afterEach(async () => {
  await Promise.all(tunnels.map((tunnel) => tunnel.close()));
  transport.close();
  environment.remove();
  await gateway.close();
});

async function open(awayMs = 0): Promise<Tunnel> {
  const profile = new Profiles(environment.configDir).resolve({ profile: null, gateway: null });
  const options = { environment, profile, transport, target: 'demo-db', port: 0, reason: 'INC-42 – für Ann' };
  const tunnel = await connectTarget({ ...options, awayMs });
  tunnels.push(tunnel);
  return tunnel;
}

async function dial(tunnel: { readonly port: number }): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: tunnel.port, allowHalfOpen: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function readAll(socket: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)); // an async iterator would end the other direction too
  await new Promise<void>((resolve) => socket.once('end', resolve).once('close', resolve));
  return Buffer.concat(chunks);
}

/** StartupMessage: Int32(length) Int32(196608) parameters. PostgreSQL 55.7. */
function startup(): Buffer {
  const parameters = Buffer.from('user\0sluice\0database\0demo-db\0\0');
  const header = Buffer.alloc(8);
  header.writeInt32BE(8 + parameters.length, 0);
  header.writeInt32BE(196608, 4);
  return Buffer.concat([header, parameters]);
}
const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/** Fields of an ErrorResponse. */
function fatal(bytes: Buffer): Record<string, string> {
  expect(bytes.toString('latin1', 0, 1)).toBe('E');
  expect(bytes.readInt32BE(1)).toBe(bytes.length - 1);
  const fields = bytes
    .toString('utf8', 5)
    .split('\0')
    .filter((field) => field !== '');
  return Object.fromEntries(fields.map((field) => [field.slice(0, 1), field.slice(1)]));
}

test('carries bytes to the target and back, and passes the end of one direction on', async () => {
  let ended = false;
  gateway.onTunnel = (socket) => {
    socket.on('end', () => (ended = true));
    socket.pipe(socket);
  };
  const socket = await dial(await open());
  socket.end('hello');
  expect((await readAll(socket)).toString()).toBe('hello');
  expect(ended).toBe(true);
});

test('the answer still arrives after the client has said all', async () => {
  gateway.onTunnel = (socket) => void readAll(socket).then((got) => socket.end(`got ${got.length}`));
  const socket = await dial(await open());
  socket.end(Buffer.alloc(300_000));
  expect((await readAll(socket)).toString()).toBe('got 300000');
});

test('tells the gateway the password verifier and the reason, never the password', async () => {
  const tunnel = await open();
  const headers = await new Promise<NodeJS.Dict<string | string[]>>((resolve) => {
    gateway.onTunnel = (socket, request) => {
      resolve(request.headers);
      socket.end();
    };
    void dial(tunnel).then(readAll);
  });
  expect(headers['sluice-client-password']).toMatch(/^SCRAM-SHA-256\$4096:[\w+/=]+\$[\w+/=]+:[\w+/=]+$/);
  expect(decodeURIComponent(String(headers['sluice-reason']))).toBe('INC-42 – für Ann');
  expect(JSON.stringify(headers)).not.toContain(tunnel.password);
});

test('carries many connections at once', async () => {
  const tunnel = await open();
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const socket = await dial(tunnel);
      socket.end(`connection ${index}`);
      return (await readAll(socket)).toString();
    }),
  );
  expect(answers).toEqual(Array.from({ length: 200 }, (_, index) => `connection ${index}`));
});

test('a far end that does not read stops the near end from writing', async () => {
  let far: Duplex | null = null;
  gateway.onTunnel = (socket) => {
    far = socket; // reads nothing
  };
  const socket = await dial(await open());
  const chunk = Buffer.alloc(256 * 1024);
  let accepted = 0;
  // Until nothing has moved for a while: what sockets and streams on the way can hold, and no more.
  for (;;) {
    const moved = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), 300);
      socket.write(chunk, () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
    if (!moved) break;
    accepted += chunk.length;
    expect(accepted).toBeLessThan(64 * 1024 * 1024);
  }
  (far as Duplex | null)?.resume();
  socket.end();
  await once(socket, 'finish');
  (far as Duplex | null)?.end();
  await readAll(socket);
});

test('carries a large result whole to a slow reader', async () => {
  const size = 20 * 1024 * 1024;
  gateway.onTunnel = (socket) => socket.end(Buffer.alloc(size, 7));
  const socket = await dial(await open());
  let got = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    got += chunk.length;
    await new Promise(setImmediate);
  }
  expect(got).toBe(size);
  socket.end();
});

test('a target that breaks breaks the client connection, and no other', async () => {
  const sockets: Duplex[] = [];
  gateway.onTunnel = (socket) => void sockets.push(socket);
  const tunnel = await open();
  const [first, second] = [await dial(tunnel), await dial(tunnel)];
  await expect.poll(() => sockets.length).toBe(2);
  sockets[0]?.destroy();
  sockets[1]?.end('fine');
  const [one, two] = await Promise.all([readAll(first).catch(() => Buffer.alloc(0)), readAll(second)]);
  expect([one.toString(), two.toString()].sort()).toEqual(['', 'fine']);
  first.destroy();
  second.destroy();
  await expect.poll(() => tunnel.connections).toBe(0);
});

test('a client that vanishes leaves nothing behind', async () => {
  const ended = new Promise<void>((resolve) => {
    gateway.onTunnel = (socket) => void socket.once('end', resolve).pipe(socket);
  });
  const tunnel = await open();
  const socket = await dial(tunnel);
  socket.write('x');
  await once(socket, 'data');
  socket.resetAndDestroy();
  await ended;
  await expect.poll(() => tunnel.connections).toBe(0);
});

test('says in PostgreSQL that the gateway is away', async () => {
  const tunnel = await open();
  await gateway.close();
  const socket = await dial(tunnel);
  socket.write(startup());
  const fields = fatal(await readAll(socket));
  expect(fields).toMatchObject({ S: 'FATAL', C: '57P03' });
  expect(fields['M']).toMatch(/^gateway unreachable: Cannot reach 127\.0\.0\.1:\d+: nothing listens there/);
});

/** A session as a gateway begins it: AuthenticationOk, ReadyForQuery. PostgreSQL 55.7. */
const begun = Buffer.from('520000000800000000' + '5a0000000549', 'hex');

test.each([
  ['ends', (socket: Duplex) => socket.end()],
  ['breaks', (socket: Duplex) => socket.destroy()],
])('says in PostgreSQL that a session was lost, when the way to the gateway %s', async (_how, lose) => {
  gateway.onTunnel = (socket) => void socket.once('data', () => socket.write(begun, () => setImmediate(lose, socket)));
  const socket = await dial(await open());
  socket.write(startup());
  const bytes = await readAll(socket);
  expect(bytes.subarray(0, begun.length)).toEqual(begun);
  const fields = fatal(bytes.subarray(begun.length));
  expect(fields).toMatchObject({ S: 'FATAL', C: '57P01', H: expect.stringContaining('sluice status --check') });
  expect(fields['M']).toBe('the connection to demo-db was lost on the way to the gateway');
  socket.end();
});

const goodbye = Buffer.from('5800000004', 'hex');
const error = Buffer.from('450000000b53464154414c0000', 'hex');

test.each([
  ['amid a message', startup(), Buffer.concat([begun, Buffer.from('4400000010', 'hex')])],
  ['before a session', startup(), Buffer.alloc(0)],
  ['to a client that said goodbye', Buffer.concat([startup(), goodbye]), begun],
  ['behind the gateway’s own last word', startup(), Buffer.concat([begun, error])],
])('puts nothing %s', async (_where, asked, answered) => {
  gateway.onTunnel = (socket) => void socket.once('data', () => socket.end(answered));
  const socket = await dial(await open());
  socket.write(asked);
  expect(await readAll(socket)).toEqual(answered);
  socket.end();
});

test('declines encryption before it says so, however the bytes are cut', async () => {
  const tunnel = await open();
  await gateway.close();
  const socket = await dial(tunnel);
  for (const byte of Buffer.concat([sslRequest, startup()])) socket.write(Buffer.of(byte));
  const bytes = await readAll(socket);
  expect(bytes.toString('latin1', 0, 1)).toBe('N');
  expect(fatal(bytes.subarray(1))['C']).toBe('57P03');
});

test.each([
  ['a length below its own size', Buffer.from([0, 0, 0, 4, 0, 3, 0, 0])],
  ['a length beyond reason', Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0])],
  ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0])],
  ['a TLS handshake', Buffer.from('16030100f8010000f40303aa', 'hex')],
  ['a cancel request', Buffer.from([0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 1, 0, 0, 0, 2])],
])('cuts off %s when there is no gateway', async (_name, bytes) => {
  const tunnel = await open();
  await gateway.close();
  const socket = await dial(tunnel);
  socket.write(bytes);
  expect(await readAll(socket).catch(() => Buffer.alloc(0))).toHaveLength(0);
  socket.destroy();
});

test('a connection waits for a gateway that comes back', async () => {
  const tunnel = await open(10_000);
  const port = Number(new URL(gateway.url).port);
  const { provider } = gateway;
  await gateway.close();
  const socket = await dial(tunnel);
  socket.end('patience');
  gateway = await startSmallGateway({ port });
  // The restarted gateway has new keys; what matters here is that the connection got through.
  gateway.verifier = { verify: async () => Promise.resolve({ ...anybody, issuer: provider.issuer }) };
  expect((await readAll(socket)).toString()).toBe('patience');
});
const anybody = { subject: 'x', name: 'x', kind: 'human', mfa: false, claimGroups: [], expiresAt: 0 } as const;

test('says in PostgreSQL that the login is over, and how to renew it', async () => {
  const tunnel = await open();
  await logOut({ environment, transport, profile: 'default' });
  // The tunnel may believe what it read for up to a second; a fresh source shows the same refusal at once.
  const profile = new Profiles(environment.configDir).resolve({ profile: null, gateway: null });
  const client = new SluiceClient({
    gateway: gateway.url,
    transport,
    tokens: openTokenSource({ environment, profile, transport }),
  });
  const late = await serveTunnel({
    target: 'demo-db',
    listen: (server) => listenOnPort(server, 0),
    dial: (_verifier, signal) => client.openTunnel('demo-db', {}, signal),
  });
  tunnels.push(tunnel, late);
  const socket = await dial(late);
  socket.write(startup());
  expect(fatal(await readAll(socket))).toMatchObject({
    C: '28000',
    M: `Not logged in to ${gateway.url}; run: sluice login ${gateway.url}`,
  });
});

test.each<[string, SluiceError, string]>([
  ['a denial', new SluiceError('denied', 'Denied by policy "no-robots"'), '42501'],
  ['a target that is gone', new SluiceError('not_found', 'There is no such target'), '3D000'],
  ['anything else', new SluiceError('protocol', 'odd'), '08006'],
])('names %s by its SQLSTATE', async (_name, error, code) => {
  const refused: string[] = [];
  const tunnel = await serveTunnel({
    target: 't',
    listen: (server) => listenOnPort(server, 0),
    dial: async () => Promise.reject(error),
    onRefused: ({ message }) => refused.push(message),
  });
  tunnels.push(tunnel);
  const socket = await dial(tunnel);
  socket.write(startup());
  expect(fatal(await readAll(socket))).toMatchObject({ C: code, M: error.message });
  expect(refused).toEqual([error.message]);
});

test('a client that leaves while the gateway is away ends the waiting', async () => {
  let attempts = 0;
  const signals: AbortSignal[] = [];
  const tunnel = await serveTunnel({
    target: 't',
    listen: (server) => listenOnPort(server, 0),
    awayMs: 600_000,
    async dial(_verifier, signal) {
      attempts += 1;
      signals.push(signal);
      throw new SluiceError('gateway_unreachable', 'away');
    },
  });
  tunnels.push(tunnel);
  const socket = await dial(tunnel);
  await expect.poll(() => attempts).toBeGreaterThan(0);
  socket.resetAndDestroy();
  await expect.poll(() => signals[0]?.aborted).toBe(true);
  expect(tunnel.connections).toBe(0);
});

test('closing cuts every connection and frees the port', async () => {
  gateway.onTunnel = () => undefined;
  const tunnel = await open();
  const socket = await dial(tunnel);
  await expect.poll(() => tunnel.connections).toBe(1);
  await tunnel.close();
  await readAll(socket).catch(() => undefined);
  const server = createServer();
  expect(await listenOnPort(server, tunnel.port)).toBe(tunnel.port);
  server.close();
  await tunnel.close();
});

test('does not open a tunnel to a target that this login may not see', async () => {
  const profile = new Profiles(environment.configDir).resolve({ profile: null, gateway: null });
  await expect(
    connectTarget({ environment, profile, transport, target: 'hidden', port: 0, reason: null }),
  ).rejects.toMatchObject({ code: 'not_found', message: 'There is no such target' });
});
