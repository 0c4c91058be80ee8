import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SluiceClient } from '../../../src/client/api.js';
import { proxyFor } from '../../../src/client/proxy.js';
import { readProxySettings } from '../../../src/client/proxy-settings.js';
import { Transport } from '../../../src/client/transport.js';

const pem = (name: string): string => fileURLToPath(new URL(`tls/${name}.pem`, import.meta.url));
const pair = { key: readFileSync(pem('named-key')), cert: readFileSync(pem('named-cert')) };
const open = new Set<Socket>();
const servers: Server[] = [];
const transports: Transport[] = [];
let gatewayPort: number;
let asked: string[];
let credentials: (string | undefined)[];
let answer: number;

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => open.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** A proxy that knows where `gateway.test` is, which nobody else does: what arrives there came through it. */
function proxyServer(create: (options: object) => Server): Server {
  const server = create(pair);
  server.on('connect', (request, client: Socket) => {
    asked.push(request.url ?? '');
    credentials.push(request.headers['proxy-authorization']);
    if (answer !== 200) return void client.end(`HTTP/1.1 ${answer} No\r\n\r\n`);
    const target = connect(gatewayPort, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      client.pipe(target).pipe(client);
    });
    for (const socket of [client, target]) socket.on('error', () => undefined).on('close', () => target.destroy());
    open.add(client).add(target);
  });
  return server;
}

beforeEach(async () => {
  [asked, credentials, answer] = [[], [], 200];
  const gateway = createSecureServer(pair, (_request, response) => {
    response.end(JSON.stringify({ schema: 'sluice.whoami/v1', ok: true, name: 'ann' }));
  });
  gateway.on('upgrade', (_request, socket: Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sluice-tunnel\r\n\r\nhi');
    socket.on('data', (chunk: Buffer) => socket.write(chunk)).on('end', () => socket.end());
    open.add(socket);
  });
  gatewayPort = await listen(gateway);
});
afterEach(async () => {
  for (const transport of transports.splice(0)) transport.close();
  for (const socket of open) socket.destroy();
  open.clear();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

function client(
  proxyUrl: string,
  more: { readonly caFile?: string | null; readonly bypass?: string } = {},
): SluiceClient {
  const proxy = { url: proxyUrl, variable: 'HTTPS_PROXY', bypass: more.bypass ?? '' };
  const transport = new Transport({ caFile: more.caFile === undefined ? pem('named-cert') : more.caFile, proxy });
  transports.push(transport);
  const tokens = { get: async () => 't', renew: async () => null };
  return new SluiceClient({ gateway: 'https://gateway.test', transport, tokens });
}
const plainProxy = async (): Promise<string> => `http://127.0.0.1:${await listen(proxyServer(() => createServer()))}`;

describe('through a proxy', () => {
  it('requests share connections, and each goes to the gateway by its name', async () => {
    const through = client(await plainProxy());
    expect(await through.whoami()).toMatchObject({ name: 'ann' });
    expect(await through.whoami()).toMatchObject({ name: 'ann' });
    expect(asked).toEqual(['gateway.test:443']);
    expect(credentials).toEqual([undefined]);
  });

  it('tunnels carry bytes both ways, and either end may finish first', async () => {
    const tunnel = await client(await plainProxy()).openTunnel('db');
    const chunks: Buffer[] = [];
    tunnel.on('data', (chunk: Buffer) => chunks.push(chunk));
    const ended = new Promise((resolve) => tunnel.once('end', resolve));
    tunnel.end('there and back');
    await ended;
    expect(Buffer.concat(chunks).toString()).toBe('hithere and back');
  });

  it('a login for the proxy is given to it alone, and comes out of its address as it was meant', async () => {
    const at = await plainProxy();
    await client(at.replace('http://', 'http://ann:p%40ss@')).whoami();
    expect(credentials).toEqual([`Basic ${Buffer.from('ann:p@ss').toString('base64')}`]);
  });

  it('the gateway’s certificate is judged as without one', async () => {
    await expect(client(await plainProxy(), { caFile: null }).whoami()).rejects.toMatchObject({
      code: 'gateway_unreachable',
      message: expect.stringContaining('certificate is not trusted') as string,
    });
  });

  it('an address without a scheme is a plain one', async () => {
    expect(await client((await plainProxy()).replace('http://', '')).whoami()).toMatchObject({ name: 'ann' });
  });
});

describe('a proxy that does not let through', () => {
  it.each([
    [403, 'the proxy 127.0.0.1:PORT (HTTPS_PROXY) refused it (403)'],
    [407, 'refused it (407; put user and password into HTTPS_PROXY'],
    [502, 'refused it (502)'],
  ])('with %i is named, and not its password', async (status, message) => {
    answer = status;
    const at = await plainProxy();
    const { port } = new URL(at);
    const failed = client(at.replace('http://', 'http://ann:secret@')).whoami();
    await expect(failed).rejects.toMatchObject({
      code: 'gateway_unreachable',
      message: expect.stringContaining(message.replace('PORT', port)) as string,
      details: { decider: 'network', next: [{ command: expect.stringContaining('NO_PROXY=gateway.test') as string }] },
    });
    await expect(failed).rejects.not.toMatchObject({ message: expect.stringContaining('secret') as string });
  });

  it('since nothing listens there, or nothing that is a proxy', async () => {
    await expect(client('http://127.0.0.1:1').whoami()).rejects.toMatchObject({
      message: expect.stringContaining(
        'Cannot reach the proxy 127.0.0.1:1 (HTTPS_PROXY), which leads to gateway.test:443',
      ) as string,
    });
    const noProxy = `http://127.0.0.1:${await listen(createServer((_request, response) => response.end('hello')))}`;
    await expect(client(noProxy).whoami()).rejects.toMatchObject({ code: 'gateway_unreachable' });
  });

  it('since its address is none, or of another kind; a password in it is not repeated', async () => {
    await expect(client('http://a:secret@:x').whoami()).rejects.toMatchObject({
      code: 'config_invalid',
      message: 'HTTPS_PROXY is not an address',
    });
    await expect(client('socks5://127.0.0.1:1').whoami()).rejects.toMatchObject({ code: 'config_invalid' });
  });
});

describe('whether a proxy is used', () => {
  const settings = (bypass: string) => ({ url: 'http://proxy.test:3128', variable: 'HTTPS_PROXY', bypass });
  const used = (url: string, bypass = ''): boolean => proxyFor(new URL(url), settings(bypass)) !== null;

  it('is never for this machine, nor without TLS', () => {
    for (const url of [
      'https://127.0.0.1:7480',
      'https://localhost',
      'https://[::1]:1',
      'http://gw.test',
      'https://a.localhost',
    ])
      expect(used(url)).toBe(false);
    expect(used('https://gw.test')).toBe(true);
  });

  it.each([
    ['gw.corp.test', true],
    ['corp.test', true],
    ['.corp.test', true],
    ['*.corp.test', true],
    ['other, corp.test', true],
    ['*', true],
    ['gw.corp.test:443', true],
    ['gw.corp.test:8443', false],
    ['orp.test', false],
    ['gw.corp', false],
    ['', false],
  ])('NO_PROXY=%s', (bypass, direct) => {
    expect(used('https://gw.corp.test', bypass)).toBe(!direct);
  });

  it('reads networks of both families', () => {
    expect(used('https://10.1.2.3', '10.0.0.0/8')).toBe(false);
    expect(used('https://11.1.2.3', '10.0.0.0/8')).toBe(true);
    expect(used('https://[fd00::1]', 'fd00::/8')).toBe(false);
    expect(used('https://[fe80::1]', 'fd00::/8,10.0.0.0/8,fd00::/999')).toBe(true);
    expect(used('https://[fd00::1]:8443', '[fd00::1]:8443')).toBe(false);
  });

  it('is read from the environment, the capital names first', () => {
    expect(readProxySettings({ https_proxy: 'b', HTTPS_PROXY: 'a', no_proxy: 'x' })).toEqual({
      url: 'a',
      variable: 'HTTPS_PROXY',
      bypass: 'x',
    });
    expect(readProxySettings({ HTTPS_PROXY: '', ALL_PROXY: 'c' })).toMatchObject({ url: 'c', variable: 'ALL_PROXY' });
    expect(readProxySettings({ HTTP_PROXY: 'd' })).toBeNull();
  });
});
