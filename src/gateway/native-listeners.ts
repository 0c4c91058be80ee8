import type { Server } from 'node:net';
import type { Bootstrap } from './config.js';
import { listenPostgres } from './postgres-listener.js';
import { listenSsh } from './ssh-listener.js';
import type { Shutdown } from './shutdown.js';

/** Ports of the listeners that speak a target's own protocol; null for one that is not configured. */
export interface NativePorts {
  readonly postgresPort: number | null;
  readonly sshPort: number | null;
}

/** Opens the native listeners that the bootstrap names; the shutdown closes them. */
export async function openNativeListeners(
  { postgres, ssh }: Bootstrap['listeners'],
  parts: {
    readonly postgres: Parameters<typeof listenPostgres>[1];
    readonly ssh: Parameters<typeof listenSsh>[1];
  },
  shutdown: Shutdown,
): Promise<NativePorts> {
  const portOf = (server: Server): number => {
    stopWith(shutdown, server);
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  };
  return {
    postgresPort: postgres === null ? null : portOf(await listenPostgres(postgres, parts.postgres)),
    sshPort: ssh === null ? null : portOf(await listenSsh(ssh, parts.ssh)),
  };
}

function stopWith(shutdown: Shutdown, server: Server): void {
  shutdown.stop(
    () => closeServer(server),
    () => undefined,
  );
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => server.close((error) => (error === undefined ? resolve() : reject(error))));
}
