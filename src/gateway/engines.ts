import type { Decision, Principal } from '../policy/types.js';
import type { ClassifiedColumns } from '../analysis/postgres-types.js';
import type { Effect } from '../analysis/effects.js';
import type { ServePostgres } from '../protocols/postgres/index.js';
import type { TargetConfig } from '../sessions/types.js';

export type { ClassifiedColumns };

/** What policy would say about a statement, without running it. */
export interface Explanation {
  readonly decision: Decision;
  readonly effects: readonly { readonly effect: Effect; readonly decision: Decision }[];
  /** Output columns that would be masked for this principal. */
  readonly maskedColumns: readonly string[];
}

/** The PostgreSQL engine as the gateway uses it. */
export interface PostgresService {
  readonly serve: ServePostgres;
  explain(principal: Principal, target: TargetConfig, text: string, parameters: readonly (string | null)[]): Promise<Explanation>;
}
