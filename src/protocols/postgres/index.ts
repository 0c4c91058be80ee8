import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { Classification } from '../../masking/types.js';
import type { Principal } from '../../policy/types.js';
import type { LiveSessions } from '../../sessions/session.js';
import type { IncomingConnection, TargetConfig } from '../../sessions/types.js';
import type { Explanation } from './explain.js';

/** Serves one client connection until either side ends. Resolves when both sockets are closed. Never rejects. */
export type ServePostgres = (incoming: IncomingConnection, signal: AbortSignal) => Promise<void>;

/** What a native listener's handshake asks of the gateway. */
export interface NativeHooks {
  /** Certificate and key for the client's SSLRequest; null refuses TLS, and then only loopback clients are served. */
  readonly tls: SecureContext | null;
  /** The password is an access token. Throws login_required. */
  authenticate(token: string): Promise<Principal>;
  /** Throws not_found for a target that is absent or hidden. */
  findTarget(
    name: string,
    principal: Principal,
  ): { readonly target: TargetConfig; readonly classification: Classification };
}

/** Does a native client's startup, TLS and login, then serves it. Resolves when both sockets are closed; never rejects. */
export type AcceptNative = (socket: Socket, hooks: NativeHooks, signal: AbortSignal) => Promise<void>;

/** The PostgreSQL engine as the gateway uses it. */
export interface PostgresService {
  /** The sessions open now, for oversight. */
  readonly live: LiveSessions;
  readonly serve: ServePostgres;
  readonly acceptNative: AcceptNative;
  explain(
    principal: Principal,
    target: TargetConfig,
    classification: Classification,
    text: string,
    parameters: readonly (string | null)[],
  ): Promise<Explanation>;
}
