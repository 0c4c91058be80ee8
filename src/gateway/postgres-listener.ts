import { type Server, type Socket, createServer } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { Callers } from './callers.js';
import type { AcceptNative, NativeHooks } from '../protocols/postgres/index.js';
import type { GatewayLimits } from './limits.js';
import { listenOn } from './listen.js';
import type { LiveConnection, LiveConnections } from './live-connections.js';
import type { Logger } from './log.js';
import { type TlsFiles, readTls } from './server.js';
import type { TargetDirectory } from './target-directory.js';

export interface PostgresListenerParts {
  readonly callers: Callers;
  readonly targets: TargetDirectory;
  readonly connections: LiveConnections;
  readonly accept: AcceptNative;
  readonly limits: GatewayLimits;
  readonly log: Logger;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsFiles | null;
}

/**
 * A port that any PostgreSQL client reaches without a command line of ours: the password is an access token, the
 * database names the target. The engine speaks the handshake; this only bounds it and answers its questions.
 */
export async function listenPostgres(address: ListenAddress, parts: PostgresListenerParts): Promise<Server> {
  const secure = address.tls === null ? null : createSecureContext({ ...readTls(address.tls), minVersion: 'TLSv1.2' });
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, (socket) => {
    void acceptOne(socket, secure, parts);
  });
  server.maxConnections = parts.limits.connections;
  await listenOn(server, address);
  return server;
}

async function acceptOne(socket: Socket, secure: NativeHooks['tls'], parts: PostgresListenerParts): Promise<void> {
  socket.on('error', () => socket.destroy());
  if (parts.connections.isClosed) return void socket.destroy();
  const connection: LiveConnection = { target: null, principal: null, cut: () => socket.destroy() };
  const handshake = setTimeout(() => socket.destroy(), parts.limits.handshakeTimeoutMs);
  const hooks: NativeHooks = {
    tls: secure,
    authenticate: async (token) => (await parts.callers.identify(token)).principal,
    findTarget: (name, principal) => {
      const found = parts.targets.find(name, principal);
      connection.target = found.target.name;
      connection.principal = principal;
      clearTimeout(handshake);
      return found;
    },
  };
  try {
    await parts.connections.run(connection, new AbortController(), (signal) => parts.accept(socket, hooks, signal));
  } catch (error) {
    parts.log.error({ err: error }, 'an engine failed');
  } finally {
    clearTimeout(handshake);
    socket.destroy();
  }
}
