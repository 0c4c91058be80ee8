import type { IncomingConnection } from '../../sessions/types.js';

/** Serves one client connection until either side ends. Resolves when both sockets are closed. Never rejects. */
export type ServePostgres = (incoming: IncomingConnection, signal: AbortSignal) => Promise<void>;
