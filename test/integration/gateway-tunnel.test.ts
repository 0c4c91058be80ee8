import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorDocument } from '../../src/gateway/schemas/error.js';
import { type GatewayUnderTest, startTestGateway } from './gateway-harness.js';

let running: GatewayUnderTest;
beforeAll(async () => {
  running = await startTestGateway();
});
afterAll(() => running.stop());

interface Upgrade {
  readonly path?: string;
  readonly method?: string;
  readonly host?: string;
  readonly upgrade?: string;
  readonly headers?: readonly string[];
}

function dial(): Promise<Socket> {
  const { port } = new URL(running.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Asks for an upgrade and gives back all that comes until the gateway hangs up. */
async function refusal(
  ask: Upgrade,
): Promise<{ readonly status: number; readonly code: string; readonly head: string }> {
  const socket = await dial();
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(requestOf(ask));
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const text = Buffer.concat(chunks).toString();
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
  return { status, code: errorDocument.parse(JSON.parse(body)).error.code, head };
}

function requestOf({
  path = '/v1/targets/demo-db/tunnel',
  method = 'GET',
  host,
  upgrade = 'sluice-tunnel',
  headers = [],
}: Upgrade): string {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host ?? new URL(running.url).host}`,
    'Connection: Upgrade',
    `Upgrade: ${upgrade}`,
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const bearer = async (role: 'engineer' | 'robot' = 'engineer'): Promise<string> =>
  `Authorization: Bearer ${await running.token(role)}`;

describe('an upgrade is refused over HTTP, with an error document', () => {
  it('without a token', async () => {
    const answer = await refusal({});
    expect([answer.status, answer.code]).toEqual([401, 'login_required']);
    expect(answer.head).toMatch(/www-authenticate: bearer/i);
  });

  it('with a token for another audience', async () => {
    const token = await running.token('engineer', { audience: 'https://other.example' });
    expect(await refusal({ headers: [`Authorization: Bearer ${token}`] })).toMatchObject({
      status: 401,
      code: 'login_required',
    });
  });

  it('for a target that does not exist, whatever its name', async () => {
    const headers = [await bearer()];
    for (const name of ['none', 'demo-db%2F..', '%00', '..']) {
      expect(await refusal({ path: `/v1/targets/${name}/tunnel`, headers })).toMatchObject({
        status: 404,
        code: 'not_found',
      });
    }
  });

  it.each([
    ['another protocol', { upgrade: 'websocket' }, 400, 'usage'],
    ['HTTP/2', { upgrade: 'h2c', path: '/v1/whoami' }, 404, 'not_found'],
    ['another path', { path: '/v1/targets' }, 404, 'not_found'],
    ['another method', { method: 'POST' }, 404, 'not_found'],
    ['a rebound name', { host: 'evil.example' }, 400, 'usage'],
    ['a password that is no verifier', { headers: ['Sluice-Client-Password: hunter2'] }, 400, 'usage'],
    ['a reason without end', { headers: [`Sluice-Reason: ${'x'.repeat(2000)}`] }, 400, 'usage'],
  ] as const)('for %s', async (_what, ask: Upgrade, status, code) => {
    expect(await refusal({ ...ask, headers: [...(ask.headers ?? []), await bearer()] })).toMatchObject({
      status,
      code,
    });
  });
});

describe('a tunnel that is let in', () => {
  it('is the target’s own protocol after the 101, errors included', async () => {
    const socket = await dial();
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // SSLRequest: Int32(8) Int32(80877103). PostgreSQL 55.7. Sent with the request, so it arrives as the upgrade's head.
    const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
    socket.write(Buffer.concat([Buffer.from(requestOf({ headers: [await bearer()] })), sslRequest]));
    const text = await new Promise<string>((resolve) => {
      socket.on('data', () => {
        const all = Buffer.concat(chunks).toString('latin1');
        if (/\r\n\r\n./s.test(all)) resolve(all);
      });
    });
    expect(text).toMatch(/^HTTP\/1\.1 101 .*\r\n\r\nN$/s);
    socket.destroy();
  });
});

it('ends idle tunnels when it shuts down, and takes no new ones', async () => {
  const other = await startTestGateway();
  const { port } = new URL(other.url);
  const socket = connect(Number(port), '127.0.0.1');
  const token = await other.token('engineer');
  const opened = new Promise<void>((resolve) => socket.once('data', () => resolve()));
  socket.write(
    `GET /v1/targets/demo-db/tunnel HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: sluice-tunnel\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await opened;
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await other.stop();
  await closed;
  await expect(fetch(`${other.url}/healthz`)).rejects.toThrow();
});
