import type { Duplex } from 'node:stream';
import type { ProtocolEngine } from '../../sessions/engine.js';
import type { HostKey } from './host-key.js';
import type { UserAuthority } from './login/authority.js';
import type { NativeHooks } from './login/native.js';

/** The SSH engine as the gateway uses it. */
export interface SshService extends ProtocolEngine {
  readonly hostKey: Pick<HostKey, 'publicKey' | 'fingerprint'>;
  readonly authority: Pick<UserAuthority, 'issue' | 'publicKey'>;
  /** Serves a client of the native listener until either side ends. Never rejects. */
  acceptNative(stream: Duplex, hooks: NativeHooks, signal: AbortSignal): Promise<void>;
}
