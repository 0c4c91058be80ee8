import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { CopiedColumn, CopyEnd } from '../../masking/copied-columns.js';
import type { Classification } from '../../masking/types.js';
import type { Principal } from '../../policy/types.js';
import type { ProtocolEngine } from '../../sessions/engine.js';
import type { TargetConfig } from '../../sessions/types.js';

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
export interface PostgresService extends ProtocolEngine {
  readonly acceptNative: AcceptNative;
  /** Columns of a target that hold copies of protected values, or may. */
  copies(target: TargetConfig): readonly CopiedColumn[];
  /** Ends the protection of one of them; `tell` is called right before. */
  endCopy(target: TargetConfig, id: string, tell: () => void): CopyEnd;
  /** Ends what stays open between sessions. */
  close(): void;
}
