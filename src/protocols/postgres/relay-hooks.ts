import type { ApprovalRequest } from '../../approvals/types.js';
import type { SluiceError } from '../../lib/errors.js';

/** What the client's half needs from the relay that owns both sockets. */
export interface RelayHooks {
  /** Writes what is queued for the target, the journal first; waits for back-pressure and durable records. */
  readonly release: () => void | Promise<void>;
  /** Writes what is queued for the client, the journal first. */
  readonly deliver: () => void | Promise<void>;
  /** Resolves when the target owes no answer; sends Flush so that it can come. */
  readonly idle: () => Promise<void>;
  /** Aborts when the client is gone or the session ends. */
  readonly signal: AbortSignal;
  /** Tells of a statement that is held, and when it is not any more. */
  readonly onHold: (waiting: WaitingStatement | null) => void;
}

/** A statement that waits for people. */
export interface WaitingStatement {
  readonly request: ApprovalRequest;
  /** A CancelRequest ends the wait through this. */
  readonly cancel: (error: SluiceError) => void;
}
