import type { RequestListener, Server } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { SluiceError } from '../lib/errors.js';
import { errorDocumentOf, httpStatusOf } from './http-errors.js';
import { type HttpApiParts, createHttpApi } from './http-api.js';
import { createHttpServer, type TlsFiles } from './server.js';
import { attachUpgrades, type UpgradeParts } from './upgrades.js';

export interface FrontParts extends Omit<HttpApiParts, 'createServer'> {
  readonly tls: TlsFiles | null;
  readonly upgrades: UpgradeParts;
  /** Serves /mcp, which is a protocol of its own. */
  readonly mcp: RequestListener;
  /** The demo identity provider under its path, or null. */
  readonly identityProvider: { readonly path: string; readonly callback: RequestListener } | null;
}

/** The one port: API, tunnels, relays and, in a demo, the identity provider. */
export interface Front {
  listen(host: string, port: number): Promise<number>;
  /** Stops accepting; resolves when requests under way are answered. */
  close(): Promise<void>;
  /** Cuts what is still open. */
  destroy(): void;
}

export function createFront(parts: FrontParts): Front {
  let server: Server | null = null;
  const api = createHttpApi({
    ...parts,
    createServer: (listener) => {
      server = createHttpServer(parts.tls, parts.limits, withRawListeners(listener, parts));
      attachUpgrades(server, parts.upgrades);
      return server;
    },
  });
  return {
    listen: (host, port) => listen(api, host, port),
    close: () => api.close(),
    destroy: () => server?.closeAllConnections(),
  };
}

/** These need the raw request: fastify must not have touched its body. They are behind the same Host check. */
function withRawListeners(
  listener: RequestListener,
  { identityProvider, mcp, isHostAllowed }: FrontParts,
): RequestListener {
  return (request, response) => {
    const path = request.url ?? '';
    const ofIdentity =
      identityProvider !== null && (path === identityProvider.path || path.startsWith(`${identityProvider.path}/`));
    const raw = ofIdentity ? identityProvider.callback : /^\/mcp(\?|$)/.test(path) ? mcp : null;
    if (raw === null) return listener(request, response);
    if (isHostAllowed(request.headers.host)) return raw(request, response);
    const error = new SluiceError('usage', 'this gateway does not answer to that Host; use its public URL');
    response.writeHead(httpStatusOf(error.code), { 'Content-Type': 'application/json; charset=utf-8' });
    response.end(JSON.stringify(errorDocumentOf(error)));
  };
}

async function listen(api: FastifyInstance, host: string, port: number): Promise<number> {
  try {
    await api.listen({ host, port });
  } catch (cause) {
    const busy = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
    throw new SluiceError('local', `cannot listen on ${host}:${port}${busy ? ': the port is in use' : ''}`, { cause });
  }
  const address = api.server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}
