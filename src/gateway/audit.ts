import type { Principal } from '../policy/types.js';

/** What the gateway's own API did for someone: every admin act and every reading of a recording. */
export type AuditAction =
  | 'bundle.apply'
  | 'bundle.rollback'
  | 'secret.set'
  | 'secret.remove'
  | 'request.create'
  | 'request.approve'
  | 'request.deny'
  | 'request.cancel'
  | 'session.list'
  | 'session.read'
  | 'session.search'
  | 'session.export'
  | 'session.verify'
  | 'policy.read';

export interface Audit {
  /** Throws when it cannot be written; then the act must not happen. */
  record(
    by: Principal | 'gateway',
    action: AuditAction,
    subject: string,
    detail: Readonly<Record<string, string>>,
  ): void;
}
