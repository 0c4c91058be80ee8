import { type Server, type Socket, createServer } from 'node:net';
import { z } from 'zod';
import type { VerifiedToken } from '../identity/types.js';
import { SluiceError } from '../lib/errors.js';
import type { SshService } from '../protocols/ssh/index.js';
import type { Callers } from './callers.js';
import type { GatewayLimits } from './limits.js';
import { listenOn } from './listen.js';
import type { LiveConnection, LiveConnections } from './live-connections.js';
import type { Logger } from './log.js';
import type { RegisteredKeys } from './registered-keys.js';
import type { TargetDirectory } from './target-directory.js';

export interface SshListenerParts {
  readonly callers: Callers;
  readonly targets: TargetDirectory;
  readonly connections: LiveConnections;
  readonly registeredKeys: Pick<RegisteredKeys, 'isRegistered' | 'holderOf'>;
  readonly accept: SshService['acceptNative'];
  readonly limits: GatewayLimits;
  readonly clock: () => number;
  readonly log: Logger;
}

const identitySchema = z.strictObject({
  ...{ issuer: z.string(), subject: z.string(), name: z.string(), kind: z.enum(['human', 'machine']) },
  ...{ mfa: z.boolean(), claimGroups: z.array(z.string()), expiresAt: z.number() },
  aliases: z.array(z.string()).exactOptional(),
  ...{ issuedAt: z.number().exactOptional(), grantedTo: z.string().exactOptional() },
  onBehalfOf: z.strictObject({ id: z.string(), name: z.string() }).exactOptional(),
});

/** What a certificate says of its holder: what their token said when they asked for it. */
export function certificateIdentity(token: VerifiedToken): string {
  const { issuer, subject, name, kind, mfa, claimGroups, expiresAt, aliases, onBehalfOf, issuedAt, grantedTo } = token;
  const when = { expiresAt, issuedAt, grantedTo };
  return JSON.stringify({ issuer, subject, name, kind, mfa, claimGroups, aliases, onBehalfOf, ...when });
}

/**
 * A port that OpenSSH reaches without a command line of ours: `ssh TARGET@GATEWAY`, with a certificate that the gateway
 * has given out, or a key that its user has registered. The engine speaks the handshake; this only bounds it and answers its questions.
 */
export async function listenSsh(
  address: { readonly host: string; readonly port: number },
  parts: SshListenerParts,
): Promise<Server> {
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, (socket) => {
    void acceptOne(socket, parts);
  });
  server.maxConnections = parts.limits.connections;
  await listenOn(server, address);
  return server;
}

async function acceptOne(socket: Socket, parts: SshListenerParts): Promise<void> {
  const { callers, connections, log } = parts;
  socket.on('error', () => socket.destroy());
  if (connections.isClosed) return void socket.destroy();
  const connection: LiveConnection = { target: null, principal: null, cut: () => socket.destroy() };
  const handshake = setTimeout(() => socket.destroy(), parts.limits.handshakeTimeoutMs);
  const address = socket.remoteAddress ?? '';
  try {
    await connections.run(connection, new AbortController(), (signal) =>
      parts.accept(
        socket,
        {
          address,
          now: parts.clock,
          identify: (identity) => callers.resolve(readIdentity(identity, parts.clock())),
          isRegistered: (blob) => parts.registeredKeys.isRegistered(blob),
          holderOf: (blob) => {
            const { id, fingerprint, principal } = parts.registeredKeys.holderOf(blob);
            connection.credential = id;
            return { fingerprint, principal };
          },
          findTarget: (name, principal) => {
            const found = parts.targets.find(name, principal);
            connection.target = found.target.name;
            connection.principal = principal;
            clearTimeout(handshake);
            return found;
          },
          refused: (why) => log.info({ address, why }, 'an SSH login was refused'),
        },
        signal,
      ),
    );
  } catch (error) {
    log.error({ err: error }, 'an engine failed');
  } finally {
    clearTimeout(handshake);
    socket.destroy();
  }
}

function readIdentity(text: string, now: number): VerifiedToken {
  const token = identitySchema.parse(JSON.parse(text));
  if (token.expiresAt <= now) throw new SluiceError('login_required', 'the login behind the certificate has expired');
  return token;
}
