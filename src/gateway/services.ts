import type { TargetConfig } from '../sessions/types.js';
import type { CopiedColumn, CopyEnd } from '../masking/copied-columns.js';
import type { GrantBook } from '../approvals/grants.js';
import type { Approvals } from '../approvals/types.js';
import type { Exchanged, ExchangeRequest } from '../identity/exchange.js';
import type { GatewayTokens } from '../identity/gateway-tokens.js';
import type { Principal } from '../policy/types.js';
import type { GatewayRecorder } from '../recording/types.js';
import type { HostKey } from '../protocols/ssh/host-key.js';
import type { SshService } from '../protocols/ssh/index.js';
import type { LiveSessions } from '../sessions/session.js';
import type { Vault } from '../vault/vault.js';
import type { AccessDesk } from './access-desk.js';
import type { Audit } from './audit.js';
import type { BotDesk } from './bot-desk.js';
import type { Bootstrap } from './config.js';
import type { BundleStore } from '../store/ports.js';
import type { BundleAdmin } from './bundle-admin.js';
import type { ActiveConfiguration } from './configuration.js';
import type { Engines } from './engines.js';
import type { ExecCursors } from './exec/cursors.js';
import type { Idempotency } from './exec/idempotency.js';
import type { ExecSlots } from './exec/slots.js';
import type { LiveConnections } from './live-connections.js';
import type { GatewayMetrics } from './metrics.js';
import type { Oversight } from './oversight.js';
import type { RegisteredKeys } from './registered-keys.js';
import type { Relays } from './relays.js';
import type { RequestEyes } from './request-eyes.js';
import type { RequestReviews } from './request-review.js';
import type { PolicyReplay } from './past/replay.js';
import type { Signalling } from './signalling.js';
import type { TargetDirectory } from './target-directory.js';
import type { TargetStatuses } from './target-status.js';

/** Everything the routes work with; composed once, in app.ts. */
export interface GatewayServices {
  readonly bootstrap: Bootstrap;
  readonly clock: () => number;
  readonly configuration: ActiveConfiguration;
  readonly bundles: BundleAdmin;
  readonly history: BundleStore;
  readonly targets: TargetDirectory;
  readonly statuses: TargetStatuses;
  readonly approvals: Approvals;
  readonly eyes: RequestEyes;
  readonly reviews: RequestReviews;
  readonly grants: GrantBook;
  readonly desk: AccessDesk;
  readonly bots: BotDesk;
  readonly relays: Relays;
  readonly audit: Audit;
  readonly vault: Vault;
  readonly recorder: GatewayRecorder;
  readonly oversight: Oversight;
  readonly replay: PolicyReplay;
  readonly signalling: Signalling;
  readonly engines: Engines;
  /** Columns of a target that hold copies of protected values, or may. */
  readonly copies: (target: TargetConfig) => readonly CopiedColumn[];
  readonly endCopy: (target: TargetConfig, id: string, tell: () => void) => CopyEnd;
  /** What the gateway shows to SSH clients, whichever target they ask for. */
  readonly sshHostKey: Pick<HostKey, 'publicKey' | 'fingerprint'>;
  /** Gives out people's certificates for the native SSH listener. */
  readonly sshAuthority: SshService['authority'];
  /** People's own keys for the native SSH listener. */
  readonly registeredKeys: RegisteredKeys;
  /** The sessions open now, of every engine. */
  readonly sessions: LiveSessions;
  /** The principal as bindings make it now. */
  readonly refreshPrincipal: (principal: Principal) => Principal;
  readonly connections: LiveConnections;
  readonly execSlots: ExecSlots;
  readonly cursors: ExecCursors;
  readonly idempotency: Idempotency;
  readonly metrics: GatewayMetrics;
  readonly gatewayTokens: GatewayTokens;
  /** A workload's identity token for one of the gateway's. */
  readonly exchange: (request: ExchangeRequest) => Promise<Exchanged>;
  /** Who a token stands for. */
  readonly identify: (token: string) => Promise<Principal>;
  /** Why the gateway cannot take sessions now; empty when it can. */
  readonly unreadiness: () => Promise<readonly string[]>;
}
