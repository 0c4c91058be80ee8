import * as http from 'node:http';
import * as https from 'node:https';
import { BlockList, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { messageOf, SluiceError } from '../lib/errors.js';
import type { ProxySettings } from './proxy-settings.js';

const connectLimitMs = 30_000;

/** The proxy for this host, or null when it is reached without one: by NO_PROXY, or since it is this machine. */
export function proxyFor(url: URL, settings: ProxySettings): URL | null {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol !== 'https:' || isThisMachine(host) || isBypassed(host, url.port || '443', settings.bypass))
    return null;
  return parseProxy(settings);
}

function isThisMachine(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** As curl reads it: `*`, names (with all below them), addresses, networks (10.0.0.0/8), each with an optional port. */
function isBypassed(host: string, port: string, list: string): boolean {
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === '') return false;
    if (entry === '*') return true;
    const network = /^(.+)\/(\d{1,3})$/.exec(entry);
    if (network !== null) return isInNetwork(host, network[1] ?? '', Number(network[2]));
    const withPort = isIP(entry) === 0 ? /^\[?(.*?)\]?:(\d+)$/.exec(entry) : null;
    if (withPort !== null && withPort[2] !== port) return false;
    const name = (withPort?.[1] ?? entry).toLowerCase().replace(/^(\*?\.|\[)|\]$/g, '');
    return host === name || (isIP(host) === 0 && host.endsWith(`.${name}`));
  });
}

function isInNetwork(host: string, network: string, prefix: number): boolean {
  const family = isIP(network);
  if (family === 0 || family !== isIP(host) || prefix > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(network, prefix, type);
  return list.check(host, type);
}

function parseProxy({ url, variable }: ProxySettings): URL {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `http://${url}`;
  const parsed = URL.canParse(text) ? new URL(text) : null;
  // The text is not repeated: it may hold a password.
  if (parsed === null) throw new SluiceError('config_invalid', `${variable} is not an address`, { decider: 'local' });
  if (parsed.protocol === 'http:' || parsed.protocol === 'https:') return parsed;
  const what = parsed.protocol.replace(/:$/, '');
  throw new SluiceError('config_invalid', `${variable} names a ${what} proxy; Sluice goes through HTTP proxies`, {
    decider: 'local',
  });
}

export interface TunnelThrough {
  readonly proxy: URL;
  readonly variable: string;
  readonly tls: ConnectionOptions;
}

/** TLS connections to the target through the proxy, by CONNECT (RFC 9110 9.3.6): it sees a name, and then only bytes. */
export class ProxyAgent extends https.Agent {
  readonly #through: TunnelThrough;

  constructor(options: https.AgentOptions, through: TunnelThrough) {
    super(options);
    this.#through = through;
  }

  override createConnection(
    options: https.RequestOptions,
    callback?: (error: Error | null, socket: Socket) => void,
  ): undefined {
    const host = String(options.host);
    const opened = callback ?? (() => undefined);
    connectThrough(host, Number(options.port), this.#through)
      // Node's agent wants a callback; what it throws is its own, and must not come back as a failed connection.
      .then((socket) => setImmediate(opened, null, socket))
      .catch((error: unknown) => setImmediate(opened as (error: unknown) => void, error));
    return undefined;
  }
}

async function connectThrough(host: string, port: number, { proxy, variable, tls }: TunnelThrough): Promise<Socket> {
  const socket = await openTunnel(`${host.includes(':') ? `[${host}]` : host}:${port}`, proxy, variable);
  const servername = isIP(host) === 0 ? host : '';
  return new Promise((resolve, reject) => {
    const secured = connectTls({ ...tls, socket, servername, host, ALPNProtocols: ['http/1.1'] });
    secured.once('secureConnect', () => resolve(secured));
    secured.once('error', (error) => {
      socket.destroy();
      reject(error);
    });
  });
}

function openTunnel(authority: string, proxy: URL, variable: string): Promise<Socket> {
  const named = `the proxy ${proxy.host} (${variable})`;
  return new Promise((resolve, reject) => {
    const fail = (message: string, cause?: unknown): void => {
      const next = [{ command: `NO_PROXY=${authority.replace(/:\d+$/, '')} sluice …`, when: 'if no proxy is needed' }];
      const details = { decider: 'network', retryable: true, next, cause } as const;
      reject(new SluiceError('gateway_unreachable', message, details));
    };
    const call = (proxy.protocol === 'https:' ? https : http).request({
      method: 'CONNECT',
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port === '' ? (proxy.protocol === 'https:' ? 443 : 80) : Number(proxy.port),
      path: authority,
      headers: { host: authority, ...authorizationOf(proxy) },
      agent: false,
      // Half-open: the end of one direction must not end the other.
      ...{ allowHalfOpen: true },
      timeout: connectLimitMs,
    });
    call.once('connect', (answer, socket, head) => {
      if (answer.statusCode === 200) {
        if (head.length > 0) socket.unshift(head);
        socket.setTimeout(0);
        resolve(socket);
        return;
      }
      socket.destroy();
      const login = answer.statusCode === 407 ? `; put user and password into ${variable}: http://USER:PASSWORD@…` : '';
      fail(`Cannot reach ${authority}: ${named} refused it (${answer.statusCode ?? 0}${login})`);
    });
    call.once('response', (answer) => {
      answer.destroy();
      fail(`Cannot reach ${authority}: ${named} answered ${answer.statusCode ?? 0} where a tunnel was asked for`);
    });
    call.once('timeout', () => call.destroy(new Error('it did not answer')));
    call.once('error', (error) =>
      fail(`Cannot reach ${named}, which leads to ${authority}: ${messageOf(error)}`, error),
    );
    call.end();
  });
}

function authorizationOf({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '') return {};
  const both = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(both).toString('base64')}` };
}
