import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { SluiceClient } from '../../../src/client/api.js';
import { scramVerifier } from '../../../src/client/scram.js';
import type { TokenSource } from '../../../src/client/tokens.js';
import { Transport } from '../../../src/client/transport.js';
import { close, listen } from './small-gateway.js';

const servers: Server[] = [];
const transports: Transport[] = [];
afterEach(async () => {
  for (const transport of transports.splice(0)) transport.close();
  await Promise.all(servers.splice(0).map(close));
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  return listen(server);
}

function client(gateway: string, tokens: TokenSource = fixed('t')): SluiceClient {
  const transport = new Transport({ caFile: null, proxy: null });
  transports.push(transport);
  return new SluiceClient({ gateway, transport, tokens });
}
const fixed = (token: string): TokenSource => ({ get: async () => token, renew: async () => null });

test('asks with the token, and encodes what goes into the address', async () => {
  const seen: string[] = [];
  const url = await serve((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.end(JSON.stringify({ schema: 'sluice.targets/v1', ok: true, targets: [] }));
  });
  await client(url).targets({ label: 'env=prod & test', search: 'ä' });
  await client(url)
    .target('../secrets')
    .catch(() => undefined);
  expect(seen).toEqual([
    'GET /v1/targets?label=env%3Dprod+%26+test&search=%C3%A4 Bearer t',
    'GET /v1/targets/..%2Fsecrets Bearer t',
  ]);
});

test('a refusal comes back as the error that it was', async () => {
  const error = {
    code: 'approval_pending',
    exit_code: 8,
    decider: 'gateway',
    policy: 'prod-writes',
    message: 'Approval required',
    retryable: true,
    request_id: 'req_1',
    expires_at: '2026-11-23T19:05:00Z',
    target_code: null,
    next: [{ command: 'sluice requests wait req_1', when: 'to wait' }, { nonsense: true }],
  };
  const url = await serve((_request, response) => {
    response.statusCode = 202;
    response.end(JSON.stringify({ schema: 'sluice.error/v1', ok: false, error }));
  });
  await expect(client(url).exec({ target: 't', text: 'delete from x' })).rejects.toMatchObject({
    code: 'approval_pending',
    message: 'Approval required',
    details: {
      decider: 'gateway',
      policy: 'prod-writes',
      retryable: true,
      requestId: 'req_1',
      expiresAt: '2026-11-23T19:05:00Z',
      next: [{ command: 'sluice requests wait req_1', when: 'to wait' }],
    },
  });
});

test.each([
  ['a proxy’s page', 502, '<html>Bad Gateway</html>', 'gateway_unreachable'],
  ['another API', 404, '{"message":"Not Found"}', 'gateway_unreachable'],
  ['a page that is not an answer', 200, '<html>Welcome</html>', 'gateway_unreachable'],
  [
    'a code that is not known here',
    400,
    '{"schema":"sluice.error/v1","ok":false,"error":{"code":"novel","message":"m"}}',
    'unexpected',
  ],
  ['another document', 200, '{"schema":"sluice.whoami/v2","ok":true}', 'protocol'],
])('says what it thinks of %s', async (_name, status, body, code) => {
  const url = await serve((_request, response) => {
    response.statusCode = status;
    response.end(body);
  });
  await expect(client(url).whoami()).rejects.toMatchObject({ code });
});

test('names a next step when nothing answers', async () => {
  const url = await serve(() => undefined);
  await Promise.all(servers.splice(0).map(close));
  await expect(client(url).whoami()).rejects.toMatchObject({
    code: 'gateway_unreachable',
    details: { decider: 'network', retryable: true, next: [{ command: `curl ${url}/healthz` }] },
  });
});

test('gives up on an answer that does not come, and on a caller who leaves', async () => {
  const url = await serve(() => undefined);
  await expect(client(url).whoami({ timeoutMs: 50 })).rejects.toMatchObject({
    code: 'timeout',
    details: { decider: 'network' },
  });
  const why = new Error('enough');
  await expect(client(url).whoami({ signal: AbortSignal.abort(why) })).rejects.toBe(why);
  const abort = new AbortController();
  const call = client(url).whoami({ signal: abort.signal });
  setImmediate(() => abort.abort(why));
  await expect(call).rejects.toBe(why);
});

test('an answer that stops in the middle is a broken connection, not a short answer', async () => {
  const url = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write('{"schema":');
    setImmediate(() => response.destroy());
  });
  await expect(client(url).whoami()).rejects.toMatchObject({ code: 'gateway_unreachable' });
});

test('a rejected token is renewed once', async () => {
  const url = await serve((request, response) => {
    const known = request.headers.authorization === 'Bearer new';
    response.statusCode = known ? 200 : 401;
    const refusal = {
      schema: 'sluice.error/v1',
      ok: false,
      error: { code: 'login_required', message: 'The login has expired' },
    };
    response.end(JSON.stringify(known ? { schema: 'sluice.whoami/v1', ok: true, name: 'ann' } : refusal));
  });
  const tokens = { get: async () => 'old', renew: async (token: string) => (token === 'old' ? 'new' : null) };
  expect(await client(url, tokens).whoami()).toMatchObject({ name: 'ann' });
  await expect(client(url, fixed('old')).whoami()).rejects.toMatchObject({ code: 'login_required' });
});

test('streams a journal as it is', async () => {
  const url = await serve((_request, response) => void response.end(Buffer.from([0, 1, 2, 255])));
  const chunks: Buffer[] = [];
  for await (const chunk of (await client(url).sessionJournal('ses_1')) as AsyncIterable<Buffer>) chunks.push(chunk);
  expect(Buffer.concat(chunks)).toEqual(Buffer.from([0, 1, 2, 255]));
});

test('a tunnel that is refused says why', async () => {
  const url = await serve(() => undefined);
  servers[0]?.on('upgrade', (_request, socket) => {
    const body = JSON.stringify({
      schema: 'sluice.error/v1',
      ok: false,
      error: { code: 'denied', message: 'No', policy: 'p' },
    });
    socket.end(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
  });
  await expect(client(url).openTunnel('t')).rejects.toMatchObject({
    code: 'denied',
    message: 'No',
    details: { policy: 'p' },
  });
});

test('bytes that come together with the 101 are not lost', async () => {
  const url = await serve(() => undefined);
  servers[0]?.on('upgrade', (_request, socket) => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sluice-tunnel\r\n\r\nfirst bytes');
  });
  const tunnel = await client(url).openTunnel('t');
  const chunks: Buffer[] = [];
  for await (const chunk of tunnel as AsyncIterable<Buffer>) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe('first bytes');
});

test('trusts the authorities in SLUICE_CA_FILE, and no stranger', async () => {
  const pem = (name: string): string => fileURLToPath(new URL(`tls/${name}.pem`, import.meta.url));
  const server = createSecureServer(
    { key: readFileSync(pem('key')), cert: readFileSync(pem('cert')) },
    (_request, response) => {
      response.end(JSON.stringify({ schema: 'sluice.whoami/v1', ok: true, name: 'ann' }));
    },
  );
  server.on('upgrade', (_request, socket) => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sluice-tunnel\r\n\r\nhi');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(client(url).whoami()).rejects.toMatchObject({
    code: 'gateway_unreachable',
    message: expect.stringContaining('SLUICE_CA_FILE') as string,
  });
  const transport = new Transport({ caFile: pem('cert'), proxy: null });
  transports.push(transport);
  const trusting = new SluiceClient({ gateway: url, transport, tokens: fixed('t') });
  expect(await trusting.whoami()).toMatchObject({ name: 'ann' });
  const tunnel = await trusting.openTunnel('t');
  expect((await new Promise<Buffer>((resolve) => tunnel.once('data', resolve))).toString()).toBe('hi');
  tunnel.destroy();
  expect(() => new Transport({ caFile: '/nowhere/ca.pem', proxy: null })).toThrow('Cannot read SLUICE_CA_FILE');
});

test('makes the verifier of RFC 7677’s example', () => {
  const verifier = scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'));
  const [, serverKey = ''] =
    /^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$[\w+/]{43}=:([\w+/]{43}=)$/.exec(verifier) ?? [];
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  const authMessage = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`;
  const signature = createHmac('sha256', Buffer.from(serverKey, 'base64')).update(authMessage).digest('base64');
  expect(signature).toBe('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
  expect(scramVerifier('pencil')).not.toBe(scramVerifier('pencil'));
});

test('after the machine slept, no request goes out on a connection that is dead by now', async () => {
  const ports = new Set<number | undefined>();
  const url = await serve((request, response) => {
    ports.add(request.socket.remotePort);
    response.end(JSON.stringify({ schema: 'sluice.whoami/v1', ok: true, name: 'ann' }));
  });
  let asleepMs = 0;
  const transport = new Transport({
    caFile: null,
    proxy: null,
    readClocks: () => ({ wallMs: Date.now() + asleepMs, monotonicMs: performance.now() }),
  });
  transports.push(transport);
  const awake = new SluiceClient({ gateway: url, transport, tokens: fixed('t') });
  await awake.whoami();
  await awake.whoami();
  expect(ports.size).toBe(1);
  asleepMs = 8 * 3_600_000;
  await awake.whoami();
  await awake.whoami();
  expect(ports.size).toBe(2);
});
