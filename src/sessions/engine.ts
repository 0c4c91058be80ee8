import type { Effect } from '../analysis/effects.js';
import type { TextSecrets } from '../analysis/text-secrets.js';
import type { Classification } from '../masking/types.js';
import type { Decision, Principal } from '../policy/types.js';
import type { IncomingConnection, TargetConfig } from './types.js';

/** Serves one client connection until either side ends. Resolves when both sockets are closed. Never rejects. */
export type ServeConnection = (incoming: IncomingConnection, signal: AbortSignal) => Promise<void>;

/** What policy would say about a text, without running it. */
export interface Explanation {
  readonly decision: Decision;
  readonly effects: readonly { readonly effect: Effect; readonly decision: Decision }[];
  /** Output columns that would be masked for this principal. */
  readonly maskedColumns: readonly string[];
  /** What of text and parameters may be a protected value; absent for nothing. */
  readonly secrets?: TextSecrets | null;
  /** What its names mean at the target; absent where names mean what they say. */
  readonly objects?: readonly string[];
}

/** An engine as the gateway uses it, whichever protocol it speaks. */
export interface ProtocolEngine {
  readonly serve: ServeConnection;
  explain(
    principal: Principal,
    target: TargetConfig,
    classification: Classification,
    text: string,
    parameters: readonly (string | null)[],
  ): Promise<Explanation>;
}
