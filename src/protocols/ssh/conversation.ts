import type { Session } from '../../sessions/session.js';
import type { IncomingConnection } from '../../sessions/types.js';
import type { TargetEnd } from './backend.js';
import type { Judging } from './judging.js';

/** All that the channels of one connection share. */
export interface Conversation {
  readonly incoming: IncomingConnection;
  readonly session: Session;
  readonly backend: TargetEnd;
  readonly judging: Judging;
  readonly now: () => number;
}
