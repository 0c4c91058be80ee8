import { SluiceError } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import type { Principal } from '../policy/types.js';
import { checkSize, requestDigest } from './digest.js';
import { castVote, refused, requiredGroups } from './rules.js';
import type { RequestStore } from './store.js';
import type { ApprovalRequest, Approvals, RequestDraft, RequestState, RequestSubject } from './types.js';
import { Waiters } from './waiters.js';

export interface ApprovalsOptions {
  readonly store: RequestStore;
  readonly now: () => number;
  /** How long a request waits for people, and then, once approved, for its requester. */
  readonly expireMs: number;
  /** Called after every change, new requests included. Must not throw. */
  readonly onChange?: (request: ApprovalRequest) => void;
  /** Runs `wake` after `ms` without keeping the process alive; returns how to call it off. */
  readonly setTimer?: (wake: () => void, ms: number) => () => void;
}

/** Requests with what the composition needs besides: what to do at start. */
export interface ApprovalService extends Approvals {
  /** Cancels open requests whose sessions ended with the process before this one. Returns how many. */
  cancelOrphans(): number;
}

const maxOpenPerRequester = 50;
const maxListed = 1_000;
const openStates: ReadonlySet<RequestState> = new Set(['pending', 'approved']);

/** Builds the life of requests over a store. Expiry is seen on every read, and told by a timer while someone waits. */
export function createApprovals(options: ApprovalsOptions): ApprovalService {
  return new StoredApprovals(options);
}

class StoredApprovals implements ApprovalService {
  readonly #store: RequestStore;
  readonly #now: () => number;
  readonly #expireMs: number;
  readonly #onChange: (request: ApprovalRequest) => void;
  readonly #setTimer: (wake: () => void, ms: number) => () => void;
  readonly #waiters = new Waiters();
  #stopTimer: (() => void) | null = null;
  #closed = false;

  constructor({ store, now, expireMs, onChange, setTimer }: ApprovalsOptions) {
    this.#store = store;
    this.#now = now;
    this.#expireMs = expireMs;
    this.#onChange = onChange ?? (() => undefined);
    this.#setTimer = setTimer ?? unrefTimer;
    this.#schedule();
  }

  open(draft: RequestDraft): ApprovalRequest {
    if (requiredGroups(draft).length === 0) throw new TypeError('a request needs at least one required approval');
    checkSize(draft);
    const digest = requestDigest(draft);
    this.#sweep();
    const open = this.#store.listOpen({ requester: draft.principal.id });
    const same = open.find(
      (request) => request.state === 'pending' && request.digest === digest && request.session === draft.session,
    );
    if (same !== undefined) return same;
    if (open.length >= maxOpenPerRequester) {
      throw new SluiceError('conflict', `You have ${open.length} open requests; cancel some or wait for them.`, {
        decider: 'gateway',
        next: [{ command: 'sluice requests list --mine', when: 'to see them' }],
      });
    }
    const createdAt = this.#now();
    const request: ApprovalRequest = {
      ...draft,
      id: newId('req'),
      state: 'pending',
      digest,
      votes: [],
      createdAt,
      expiresAt: createdAt + this.#expireMs,
      decidedAt: null,
    };
    this.#store.insert(request);
    this.#schedule();
    this.#onChange(request);
    return request;
  }

  get(id: string): ApprovalRequest | null {
    const request = this.#store.get(id);
    return request === null ? null : this.#expireIfDue(request);
  }

  list(filter: {
    readonly state?: RequestState;
    readonly requester?: string;
    readonly limit?: number;
  }): readonly ApprovalRequest[] {
    this.#sweep();
    return this.#store.list({ ...filter, limit: Math.max(0, Math.min(filter.limit ?? 100, maxListed)) });
  }

  async settled(id: string, signal: AbortSignal): Promise<ApprovalRequest> {
    for (;;) {
      signal.throwIfAborted();
      const request = this.#demand(id);
      if (request.state !== 'pending') return request;
      if (this.#closed)
        throw new SluiceError('unavailable', 'The gateway is stopping; the request stays open.', { requestId: id });
      await this.#waiters.wait(id, signal);
    }
  }

  vote(id: string, by: Principal, decision: 'approve' | 'deny', comment: string): ApprovalRequest {
    return this.#transition(id, (request) => {
      const at = this.#now();
      const next = castVote(request, { by, decision, comment, at });
      return next.state === 'approved' ? { ...next, expiresAt: at + this.#expireMs } : next;
    });
  }

  cancel(id: string, by: Principal | 'gateway'): ApprovalRequest {
    return this.#transition(id, (request) => {
      if (by !== 'gateway' && by.id !== request.principal.id) {
        throw refused('denied', 'Only the requester can cancel a request.', request);
      }
      if (openStates.has(request.state)) return { ...request, state: 'cancelled', decidedAt: this.#now() };
      if (by === 'gateway') return request;
      throw refused('conflict', `The request is already ${request.state}.`, request);
    });
  }

  consume(id: string, subject: RequestSubject): readonly string[] {
    const spent = this.#transition(id, (request) => {
      if (requestDigest(subject) !== request.digest) {
        throw refused('denied', 'The approval is for another identity, target, statement or parameters.', request);
      }
      switch (request.state) {
        case 'approved':
          return { ...request, state: 'executed' };
        case 'pending':
          throw refused('approval_pending', 'The request has not been decided yet.', request);
        case 'denied':
          throw refused('request_denied', deniedMessage(request), request);
        case 'expired':
          throw refused('request_expired', 'The request expired.', request);
        case 'cancelled':
          throw refused('conflict', 'The request was cancelled.', request);
        case 'executed':
        case 'failed':
          throw refused('conflict', 'The approval has been used already; each is good for one run.', request);
      }
    });
    return requiredGroups(spent);
  }

  fail(id: string): void {
    this.#transition(id, (request) => (request.state === 'executed' ? { ...request, state: 'failed' } : request));
  }

  cancelOrphans(): number {
    const orphans = this.#store.listOpen({ inSession: true });
    for (const request of orphans) this.cancel(request.id, 'gateway');
    return orphans.length;
  }

  close(): void {
    this.#closed = true;
    this.#stopTimer?.();
    this.#stopTimer = null;
    this.#waiters.wakeAll();
  }

  /** Applies `step` to the request as it is now; when someone else changed it meanwhile, looks again. */
  #transition(id: string, step: (request: ApprovalRequest) => ApprovalRequest): ApprovalRequest {
    for (let attempt = 0; attempt < 100; attempt++) {
      const request = this.#demand(id);
      const next = step(request);
      if (next === request) return request;
      if (this.#replace(request, next)) return next;
    }
    throw new SluiceError('conflict', 'The request keeps changing; try again.', { requestId: id });
  }

  #replace(request: ApprovalRequest, next: ApprovalRequest): boolean {
    if (!this.#store.replace(next, { state: request.state, votes: request.votes.length })) return false;
    if (next.state !== 'pending') this.#waiters.wake(next.id);
    this.#schedule();
    this.#onChange(next);
    return true;
  }

  #demand(id: string): ApprovalRequest {
    const request = this.get(id);
    if (request === null) throw new SluiceError('not_found', `There is no request ${id}.`, { decider: 'gateway' });
    return request;
  }

  #expireIfDue(request: ApprovalRequest): ApprovalRequest {
    if (!openStates.has(request.state) || request.expiresAt > this.#now()) return request;
    const expired: ApprovalRequest = {
      ...request,
      state: 'expired',
      decidedAt: request.decidedAt ?? request.expiresAt,
    };
    return this.#replace(request, expired) ? expired : (this.#store.get(request.id) ?? expired);
  }

  #sweep(): void {
    for (const request of this.#store.listOpen({ expiresBy: this.#now() })) this.#expireIfDue(request);
  }

  #schedule(): void {
    this.#stopTimer?.();
    this.#stopTimer = null;
    const next = this.#closed ? null : this.#store.nextExpiry();
    if (next === null) return;
    this.#stopTimer = this.#setTimer(
      () => {
        this.#sweep();
        this.#schedule();
      },
      Math.min(Math.max(next - this.#now(), 1), longestTimerMs),
    );
  }
}

/** setTimeout takes 32 bits; after an hour it is time to look at the clock again anyway. */
const longestTimerMs = 3_600_000;

function unrefTimer(wake: () => void, ms: number): () => void {
  const timer = setTimeout(wake, ms).unref();
  return () => clearTimeout(timer);
}

function deniedMessage(request: ApprovalRequest): string {
  const vote = request.votes.find(({ decision }) => decision === 'deny');
  return vote === undefined ? 'The request was denied.' : `Denied by ${vote.name}: ${vote.comment}`;
}
