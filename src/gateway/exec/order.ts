import type { Classification } from '../../masking/types.js';
import type { Principal } from '../../policy/types.js';
import type { ServeConnection } from '../../sessions/engine.js';
import type { TargetConfig } from '../../sessions/types.js';
import type { LiveConnections } from '../live-connections.js';
import type { ExecCursors } from './cursors.js';
import type { QueryBounds } from './result.js';

export interface ExecServices {
  readonly serve: ServeConnection;
  readonly connections: LiveConnections;
  readonly cursors: ExecCursors;
  readonly clock: () => number;
}

/** One text to run, for one caller. */
export interface ExecOrder {
  readonly principal: Principal;
  readonly target: TargetConfig;
  /** Read at each use, for a held statement outlives a bundle. */
  readonly classification: () => Classification;
  readonly text: string;
  readonly parameters: readonly (string | null)[];
  readonly bounds: QueryBounds;
  readonly reason: string | null;
  /** The program that asks, as it calls itself. */
  readonly application: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly wait: boolean;
  readonly timeoutMs: number;
  readonly approvedRequest: string | null;
  readonly readOnly: boolean;
  /** Keep a result that is cut open, to be read on. */
  readonly keepOpen: boolean;
  readonly address: string;
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal;
}
