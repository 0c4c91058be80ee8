import type { ProtocolEngine } from '../../sessions/engine.js';
import type { HostKey } from './host-key.js';

/** The SSH engine as the gateway uses it. */
export interface SshService extends ProtocolEngine {
  readonly hostKey: Pick<HostKey, 'publicKey' | 'fingerprint'>;
}
