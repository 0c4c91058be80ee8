import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { ClientEnvironment } from '../../../src/client/environment.js';
import {
  createDemoProvider,
  type DemoProvider,
  type DemoProviderOptions,
} from '../../../src/identity/demo-provider.js';
import { createTokenVerifier } from '../../../src/identity/verifier.js';
import type { TokenVerifier } from '../../../src/identity/types.js';
import { isSluiceError, SluiceError } from '../../../src/lib/errors.js';

/** As much of a gateway as the client half needs: login, whoami, one target, a tunnel to whatever the test wants. */
export interface SmallGateway {
  readonly url: string;
  readonly provider: DemoProvider;
  readonly requests: string[];
  /** Change it to let tokens of other audiences in, or none. */
  verifier: TokenVerifier;
  /** What the far end of a tunnel does; echoes by default. */
  onTunnel: (socket: Duplex, request: IncomingMessage) => void;
  demo: boolean;
  /** Where people and machines log in; the demo provider by default. */
  issuer: string;
  /** Ways to log in that it permits. */
  ways: { readonly device: boolean; readonly browser: boolean };
  /** Answers instead of the identity provider, when it returns true. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
  close(): Promise<void>;
}

export interface SmallGatewayOptions {
  readonly port?: number;
  readonly stateDir?: string;
  readonly ttlSeconds?: DemoProviderOptions['ttlSeconds'];
  /** Called before the first request is answered: one may be waiting already where the port was known before. */
  readonly prepare?: (gateway: SmallGateway) => void;
}

export async function startSmallGateway(options: SmallGatewayOptions = {}): Promise<SmallGateway> {
  const server = createServer();
  const upgraded = new Set<Duplex>();
  const url = await listen(server, options.port ?? 0);
  // Who asks from now on waits for the provider: without a listener the server would leave them without an answer.
  let ready: () => void = () => undefined;
  const serving = new Promise<void>((resolve) => (ready = resolve));
  server.on('request', (request, response) => void serving.then(() => serve(request, response)));
  server.on('upgrade', (request, socket: Duplex) => void serving.then(() => upgrade(request, socket)));
  const provider = await createDemoProvider({
    issuer: `${url}/idp`,
    audience: url,
    stateDir: options.stateDir ?? null,
    ...(options.ttlSeconds === undefined ? {} : { ttlSeconds: options.ttlSeconds }),
  });
  const gateway: SmallGateway = {
    url,
    provider,
    requests: [],
    verifier: verifierFor(provider, url),
    onTunnel: (socket) => socket.pipe(socket),
    demo: true,
    issuer: provider.issuer,
    ways: { device: true, browser: true },
    intercept: () => false,
    close: () => {
      for (const socket of upgraded) socket.destroy();
      return close(server);
    },
  };
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    gateway.requests.push(`${request.method} ${new URL(request.url ?? '', url).pathname}`);
    if (request.url?.startsWith('/idp') === true) {
      if (!gateway.intercept(request, response)) provider.callback(request, response);
    } else void answer(gateway, request, response);
  };
  const upgrade = (request: IncomingMessage, socket: Duplex): void => {
    upgraded.add(socket);
    void gateway.verifier.verify(bearerOf(request)).then(
      () => {
        socket.on('error', () => undefined);
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sluice-tunnel\r\n\r\n');
        gateway.onTunnel(socket, request);
      },
      (error: unknown) => {
        const body = JSON.stringify(errorDocument(error));
        socket.end(
          `HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
        );
      },
    );
  };
  options.prepare?.(gateway);
  ready();
  return gateway;
}

export function verifierFor(provider: DemoProvider, audience: string): TokenVerifier {
  const issuer = { url: provider.issuer, audience, groupsClaim: 'groups', nameClaim: 'preferred_username' };
  return createTokenVerifier([{ ...issuer, machineClaim: null, clockSkewSeconds: 0 }], {
    jwks: { [provider.issuer]: provider.jwks },
  });
}

async function answer(gateway: SmallGateway, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, document: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document));
  };
  if (request.url === '/v1/login') {
    return send(200, {
      schema: 'sluice.login/v1',
      ok: true,
      issuer: gateway.issuer,
      client_id: 'sluice-cli',
      audience: gateway.url,
      scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
      ...gateway.ways,
      demo: gateway.demo,
    });
  }
  try {
    const token = await gateway.verifier.verify(bearerOf(request));
    if (request.url === '/v1/targets/demo-db') {
      const lists = { permissions: [], protected_columns: [], labels: {} };
      return send(200, {
        schema: 'sluice.target/v1',
        ok: true,
        name: 'demo-db',
        kind: 'postgres',
        recording: 'strict',
        database: 'shop',
        ...lists,
      });
    }
    if (request.url !== '/v1/whoami') throw new SluiceError('not_found', 'There is no such target');
    send(200, {
      schema: 'sluice.whoami/v1',
      ok: true,
      id: `${token.issuer}#${token.subject}`,
      name: token.name,
      kind: token.kind,
      issuer: token.issuer,
      groups: token.claimGroups,
      expires_at: new Date(token.expiresAt).toISOString(),
    });
  } catch (error) {
    send(isSluiceError(error, 'not_found') ? 404 : 401, errorDocument(error));
  }
}

function errorDocument(error: unknown): object {
  const { code, message, details } = isSluiceError(error) ? error : new SluiceError('unexpected', String(error));
  return {
    schema: 'sluice.error/v1',
    ok: false,
    error: { code, message, decider: details.decider ?? 'gateway', next: details.next ?? [] },
  };
}

function bearerOf(request: IncomingMessage): string {
  return request.headers.authorization?.replace(/^Bearer /, '') ?? '';
}

export function listen(server: Server, port = 0): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}

export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Directories of its own, removed by `remove`. */
export function temporaryEnvironment(): ClientEnvironment & { readonly remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  return {
    token: null,
    tokenFile: null,
    identityTokenFile: null,
    credentialStore: 'file',
    configDir: join(dir, 'config'),
    stateDir: join(dir, 'state'),
    runtimeDir: join(dir, 'run'),
    caFile: null,
    proxy: null,
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
