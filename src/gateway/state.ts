import { join } from 'node:path';
import { type ApprovalsOptions, createApprovals } from '../approvals/approvals.js';
import { GrantBook } from '../approvals/grants.js';
import type { ApprovalRequest, Approvals } from '../approvals/types.js';
import { openStore, type Store } from '../store/open.js';
import { openVault, type Vault } from '../vault/vault.js';
import { Audit } from './audit.js';
import type { Bootstrap } from './config.js';
import { tellGrant, tellStep } from './request-trail.js';

/** What a gateway keeps between starts, besides its recordings. */
export interface GatewayState {
  readonly store: Store;
  readonly vault: Vault;
  readonly approvals: Approvals;
  readonly grants: GrantBook;
  /** Calls this after every step of a request. */
  readonly onRequest: (heard: (request: ApprovalRequest) => void) => void;
  /** Says which votes count now; until it is said, all do. Only what is used before requests can be is without it. */
  readonly countVotesBy: (count: NonNullable<ApprovalsOptions['countVotes']>) => void;
  readonly audit: Audit;
  /** Says whether the store answers. */
  readonly isOpen: () => boolean;
  readonly close: () => void;
}

export interface StateOptions {
  readonly clock: () => number;
  /** The gateway's own version. */
  readonly version: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export function openState(bootstrap: Bootstrap, { clock, version, environment }: StateOptions): GatewayState {
  const store = openStore(join(bootstrap.stateDir, 'state.db'));
  try {
    const masterKey = { file: join(bootstrap.stateDir, 'keys', 'vault.key') };
    const vault = openVault({ store: store.secrets, masterKey, env: environment, now: clock });
    const listeners: ((request: ApprovalRequest) => void)[] = [];
    const audit = new Audit(store.audit, clock, store.transactions);
    let countVotes: NonNullable<ApprovalsOptions['countVotes']> = ({ votes }) => votes;
    const approvals = createApprovals({
      store: store.requests,
      now: clock,
      version,
      expireMs: bootstrap.approvals.expireMinutes * 60_000,
      atomically: (work) => store.transactions.run(work),
      countVotes: (request) => countVotes(request),
      onChange: (request, step) => {
        tellStep(audit, request, step);
        for (const tell of listeners) tell(request);
      },
    });
    const grants = new GrantBook({
      store: store.grants,
      now: clock,
      transactions: store.transactions,
      onStep: (grant, step, by) => tellGrant(audit, grant, step, by),
    });
    // Whoever waited in a connection of the process before is gone; an approval now would run nothing.
    approvals.cancelOrphans();
    return {
      store,
      vault,
      approvals,
      grants,
      onRequest: (heard) => void listeners.push(heard),
      countVotesBy: (count) => void (countVotes = count),
      audit,
      isOpen: () => answers(store),
      close() {
        approvals.close();
        grants.close();
        store.close();
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

function answers(store: Store): boolean {
  try {
    store.values.get('gateway');
    return true;
  } catch {
    return false;
  }
}
