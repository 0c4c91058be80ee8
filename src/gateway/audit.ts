import { isSluiceError } from '../lib/errors.js';
import type { Principal } from '../policy/types.js';
import type { AuditEntry, AuditStore } from '../store/ports.js';
import type { Transactions } from '../store/transactions.js';

/** What the gateway's own API did for someone: every admin act and every reading of a recording. docs/audit-events.md */
export const auditActions = [
  'bundle.apply',
  'bundle.rollback',
  'secret.set',
  'secret.remove',
  'request.create',
  'request.approve',
  'request.deny',
  'request.cancel',
  'request.expire',
  'request.execute',
  'request.complete',
  'request.fail',
  'request.reuse',
  'request.revoke',
  'access.begin',
  'access.emergency',
  'access.end',
  'access.revoke',
  'access.review',
  'session.list',
  'session.read',
  'session.search',
  'session.watch',
  'session.end',
  'session.export',
  'session.verify',
  'session.key',
  'session.bundle',
  'session.hold',
  'session.release',
  'copy.list',
  'copy.end',
  'key.rotate',
  'token.exchange',
  'ssh.certificate',
  'ssh.key.add',
  'ssh.key.remove',
  'relay.connected',
  'relay.lost',
  'relay.refused',
  'policy.read',
  'policy.replay',
  'signal.list',
  'signal.watch',
  /** A route that policy does not permit was called; the object is the route. */
  'api.refused',
] as const;
export type AuditAction = (typeof auditActions)[number];

type Actor = Pick<Principal, 'id' | 'name'>;

/** What was appended; the store gives it its number. */
export type RecordedEntry = Omit<AuditEntry, 'sequence'>;

type Detail = Readonly<Record<string, string>>;

/** The audit trail as routes write it. What cannot be written throws, and then nothing is shown. */
export class Audit {
  readonly #store: AuditStore;
  readonly #clock: () => number;
  readonly #transactions: Transactions;
  readonly #heard: ((entry: RecordedEntry) => void)[] = [];

  constructor(store: AuditStore, clock: () => number, transactions: Transactions) {
    this.#store = store;
    this.#clock = clock;
    this.#transactions = transactions;
  }

  /** Called after every entry, which is in the store then, for good. */
  onRecord(heard: (entry: RecordedEntry) => void): void {
    this.#heard.push(heard);
  }

  /** Writes an entry before what it tells of is given out. */
  record(
    by: Actor | 'gateway',
    action: AuditAction,
    object: string,
    detail: Detail = {},
    outcome: AuditEntry['outcome'] = 'done',
  ): void {
    const actor = by === 'gateway' ? 'gateway' : by.id;
    const entry = {
      at: this.#clock(),
      actor,
      action,
      object,
      outcome,
      detail: by === 'gateway' ? detail : { ...detail, name: by.name },
    };
    this.#store.append(entry);
    this.#transactions.whenKept(() => this.#heard.forEach((heard) => heard(entry)));
  }

  /** Does an act that tells the trail itself; writes when it was refused or failed. */
  attemptTold<T>(by: Actor, action: AuditAction, object: string, detail: Detail, act: () => T): T {
    try {
      return act();
    } catch (error) {
      this.record(by, action, object, detail, isSluiceError(error, 'denied') ? 'refused' : 'failed');
      throw error;
    }
  }

  /**
   * Does an act on the store and writes how it ended: attempts that were refused or failed stand in the trail too. The act
   * and its entry are kept together or not at all; what takes effect elsewhere waits for that by `whenKept`.
   */
  attempt<T>(by: Principal | 'gateway', action: AuditAction, object: string, detail: Detail, act: () => T): T {
    try {
      return this.#transactions.run(() => {
        const result = act();
        this.record(by, action, object, detail);
        return result;
      });
    } catch (error) {
      this.record(by, action, object, detail, isSluiceError(error, 'denied') ? 'refused' : 'failed');
      throw error;
    }
  }

  /** Runs `then` when what the act under way has written, and its entry, are kept. */
  whenKept(then: () => void): void {
    this.#transactions.whenKept(then);
  }

  /** The same for an act that takes time, on the recordings: their signed ledger says itself what was done there. */
  async attemptLater<T>(
    by: Principal | 'gateway',
    action: AuditAction,
    object: string,
    detail: Detail,
    act: () => Promise<T>,
  ): Promise<T> {
    let result: T;
    try {
      result = await act();
    } catch (error) {
      this.record(by, action, object, detail, isSluiceError(error, 'denied') ? 'refused' : 'failed');
      throw error;
    }
    this.record(by, action, object, detail);
    return result;
  }
}
