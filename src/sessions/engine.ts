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

/** How much a statement is about, as far as the target knows without running it. */
export interface Estimate {
  /** Rows that the target last counted in each table; null where it has not. */
  readonly tables: readonly { readonly name: string; readonly rows: string | null }[];
  /** Rows that its planner expects; null where it was not asked. */
  readonly rows: string | null;
}

/** An engine as the gateway uses it, whichever protocol it speaks. */
export interface ProtocolEngine {
  readonly serve: ServeConnection;
  /**
   * Others may have changed the target past the gateway: what is remembered of it is read again. Absent where nothing is
   * remembered.
   */
  readonly lookAgain?: (target: TargetConfig, classification: Classification) => Promise<unknown>;
  explain(
    principal: Principal,
    target: TargetConfig,
    classification: Classification,
    text: string,
    parameters: readonly (string | null)[],
  ): Promise<Explanation>;
  /** Absent where nothing can be said without running it. */
  readonly estimate?: (
    target: TargetConfig,
    classification: Classification,
    text: string,
    parameters: readonly (string | null)[],
  ) => Promise<Estimate>;
}
