import { SluiceError } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import type { Principal } from '../policy/types.js';
import { checkSize, requestDigest } from './digest.js';
import { isSameActor } from './people.js';
import { requiredGroups } from './quorum.js';
import { findStanding, revoked } from './reuse.js';
import { refused } from './refused.js';
import { castVote, cleanComment, otherSubject, requireSay } from './rules.js';
import type { RequestStore } from './store.js';
import type {
  ApprovalRequest,
  ApprovalVote,
  Approvals,
  RequestDraft,
  RequestState,
  RequestSubject,
  Transition,
  Voter,
} from './types.js';
import { unrefTimer } from './timer.js';
import { Waiters } from './waiters.js';

export interface ApprovalsOptions {
  readonly store: RequestStore;
  readonly now: () => number;
  /** The gateway's own: another one may read the same text otherwise. */
  readonly version: string;
  /** How long a request waits for people, and then, once approved, for its requester. */
  readonly expireMs: number;
  /** The votes of a request that count now, by who may still decide; absent: all of them. */
  readonly countVotes?: (request: ApprovalRequest) => readonly ApprovalVote[];
  /** Runs writes of which all are kept or none: a change is not made that cannot be told. */
  readonly atomically?: Atomically;
  /** Called with every change, new requests included. What it throws fails the act: what cannot be told is not done. */
  readonly onChange?: (request: ApprovalRequest, step: Transition) => void;
  /** Runs `wake` after `ms` without keeping the process alive; returns how to call it off. */
  readonly setTimer?: (wake: () => void, ms: number) => () => void;
}

/** Requests with what the composition needs besides: what to do at start. */
export interface ApprovalService extends Approvals {
  /** Cancels open requests whose sessions ended with the process before this one. Returns how many. */
  cancelOrphans(): number;
}

export type Atomically = <T>(work: () => T) => T;
type Actor = Pick<Voter, 'id' | 'name' | 'via'>;

const maxOpenPerRequester = 50;
const maxListed = 1_000;
const maxDetailCharacters = 300;
const gateway: Actor = { id: 'gateway', name: 'gateway' };
const openStates: ReadonlySet<RequestState> = new Set(['pending', 'approved']);

/** Builds the life of requests over a store. Expiry is seen on every read, and told by a timer while someone waits. */
export function createApprovals(options: ApprovalsOptions): ApprovalService {
  return new StoredApprovals(options);
}

class StoredApprovals implements ApprovalService {
  readonly #store: RequestStore;
  readonly #now: () => number;
  readonly #version: string;
  readonly #expireMs: number;
  readonly votesNow: (request: ApprovalRequest) => readonly ApprovalVote[];
  readonly #atomically: Atomically;
  readonly #onChange: (request: ApprovalRequest, step: Transition) => void;
  readonly #setTimer: (wake: () => void, ms: number) => () => void;
  readonly #waiters = new Waiters();
  #stopTimer: (() => void) | null = null;
  #closed = false;

  constructor({ store, now, version, expireMs, countVotes, onChange, atomically, setTimer }: ApprovalsOptions) {
    this.#store = store;
    this.#now = now;
    this.#version = version;
    this.#expireMs = expireMs;
    this.votesNow = countVotes ?? (({ votes }) => votes);
    this.#atomically = atomically ?? ((work) => work());
    this.#onChange = onChange ?? (() => undefined);
    this.#setTimer = setTimer ?? unrefTimer;
    this.#schedule();
  }

  open(draft: RequestDraft): ApprovalRequest {
    if (requiredGroups(draft).length === 0) throw new TypeError('a request needs at least one required approval');
    checkSize(draft);
    const digest = requestDigest(draft);
    this.#sweep();
    const reused = this.#reuse(draft, digest);
    if (reused !== null) return reused;
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
      gatewayVersion: this.#version,
      votes: [],
      createdAt,
      expiresAt: createdAt + this.#expireMs,
      decidedAt: null,
      history: [],
      outcome: null,
    };
    const { id: by, name } = draft.principal;
    const step: Transition = { at: createdAt, from: null, to: 'pending', by, name, note: draft.reason ?? '' };
    const opened = { ...request, history: [step] };
    return this.#insert(opened, step);
  }

  #insert(opened: ApprovalRequest, step: Transition): ApprovalRequest {
    this.#atomically(() => {
      this.#store.insert(opened);
      this.#onChange(opened, step);
    });
    this.#schedule();
    return opened;
  }

  /** The same under an approval that stands: a request of its own, approved already and linked both ways. */
  #reuse(draft: RequestDraft, digest: string): ApprovalRequest | null {
    for (let attempt = 0; attempt < 100; attempt++) {
      const opened = this.#atomically(() => this.#reuseOnce(draft, digest));
      if (opened !== 'lost') return opened;
    }
    return null;
  }

  #reuseOnce(draft: RequestDraft, digest: string): ApprovalRequest | 'lost' | null {
    const at = this.#now();
    const found = findStanding(this.#store, draft, { digest, now: at, votesNow: this.votesNow });
    if (found === null) return null;
    const id = newId('req');
    const used = { ...found, reuse: { ...found.reuse, uses: found.reuse.uses + 1 } };
    // Of a use and a revocation that race one wins; whoever loses looks again.
    if (this.#replace(found, used, { id: draft.principal.id, name: draft.principal.name }, id, 'reuse') === null)
      return 'lost';
    const note = `by the approval of ${found.id}`;
    const step: Transition = { at, from: null, to: 'approved', by: 'gateway', name: 'gateway', note };
    const opened: ApprovalRequest = {
      ...{ ...draft, id, digest, votes: found.votes, state: 'approved', reuseOf: found.id, outcome: null },
      ...{ createdAt: at, decidedAt: at, expiresAt: at + this.#expireMs, history: [step] },
      gatewayVersion: this.#version,
    };
    return this.#insert(opened, step);
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

  vote(id: string, by: Voter, decision: 'approve' | 'deny', comment: string, forMs = 0): ApprovalRequest {
    return this.#transition(id, by, (request) => {
      const at = this.#now();
      const next = castVote(request, { by, decision, comment, at, forMs, before: this.votesNow(request) });
      const timed =
        next.state === 'approved'
          ? { ...next, expiresAt: Math.max(at + this.#expireMs, next.reuse?.until ?? 0) }
          : next;
      return { next: timed, note: next.votes.at(-1)?.comment ?? '' };
    });
  }

  revoke(id: string, by: Principal, comment: string): ApprovalRequest {
    const note = cleanComment(comment);
    const step = (request: ApprovalRequest): { readonly next: ApprovalRequest; readonly note: string } => {
      requireSay(request, by);
      return { next: revoked(request, { id: by.id, name: by.name, at: this.#now(), comment: note }), note };
    };
    return this.#transition(id, by, step, 'revoke');
  }

  cancel(id: string, by: Principal | 'gateway', why = ''): ApprovalRequest {
    const note = cleanComment(why);
    return this.#transition(id, by === 'gateway' ? gateway : by, (request) => {
      if (by !== 'gateway' && !isSameActor(by, request.principal)) {
        throw refused(
          'denied',
          'Only the requester can cancel a request; others deny it, or revoke its approval.',
          request,
        );
      }
      if (openStates.has(request.state))
        return { next: { ...request, state: 'cancelled', decidedAt: this.#now() }, note };
      if (by === 'gateway') return null;
      throw refused('conflict', `The request is already ${request.state}.`, request);
    });
  }

  consume(id: string, subject: RequestSubject): readonly string[] {
    const spent = this.#transition(id, subject.principal, (request) => {
      if (requestDigest(subject) !== request.digest) {
        throw otherSubject(request, subject, this.#version);
      }
      switch (request.state) {
        case 'approved':
          return { next: { ...request, state: 'executed' }, note: '' };
        case 'pending':
          throw refused('approval_pending', 'The request has not been decided yet.', request);
        case 'denied':
          throw refused('request_denied', deniedMessage(request), request);
        case 'expired':
          throw refused('request_expired', 'The request expired.', request);
        case 'cancelled':
          throw refused('conflict', cancelledMessage(request), request);
        case 'executed':
        case 'failed':
          throw refused('conflict', 'The approval has been used already; each is good for one run.', request);
      }
    });
    return requiredGroups(spent);
  }

  finish(id: string, { ok, detail, prepared }: Parameters<Approvals['finish']>[1]): void {
    const note = printable(detail);
    this.#transition(id, gateway, (request) => {
      const isNews = request.state === 'executed' && (request.outcome === null || !ok || prepared !== undefined);
      if (!isNews) return null;
      const waiting = prepared === undefined ? {} : { prepared };
      const outcome = { ok, detail: note, at: this.#now(), ...waiting };
      return { next: { ...request, state: ok ? 'executed' : 'failed', outcome }, note };
    });
  }

  preparedEnded(prepared: string, kept: boolean | null): void {
    for (const { id } of this.#store.listPrepared(prepared)) {
      this.#transition(id, gateway, (request) => {
        const { outcome, state } = request;
        if (state !== 'executed' || outcome?.prepared !== prepared) return null;
        const detail =
          kept === null ? outcome.detail : `its prepared transaction was ${kept ? 'committed' : 'rolled back'}`;
        const ended = { ok: kept !== false, detail, at: this.#now() };
        return { next: { ...request, state: ended.ok ? 'executed' : 'failed', outcome: ended }, note: detail };
      });
    }
  }

  cancelOrphans(): number {
    const orphans = this.#store.listOpen({ inSession: true });
    for (const request of orphans)
      this.cancel(
        request.id,
        'gateway',
        'the gateway was started again, and the connection in which it waited is gone',
      );
    return orphans.length;
  }

  close(): void {
    this.#closed = true;
    this.#stopTimer?.();
    this.#stopTimer = null;
    this.#waiters.wakeAll();
  }

  /** Applies `step` to the request as it is now; when someone else changed it meanwhile, looks again. Null: nothing to do. */
  #transition(
    id: string,
    by: Actor,
    step: (request: ApprovalRequest) => { readonly next: ApprovalRequest; readonly note: string } | null,
    act?: Transition['act'],
  ): ApprovalRequest {
    for (let attempt = 0; attempt < 100; attempt++) {
      const request = this.#demand(id);
      const moved = step(request);
      if (moved === null) return request;
      const replaced = this.#replace(request, moved.next, by, moved.note, act);
      if (replaced !== null) return replaced;
    }
    throw new SluiceError('conflict', 'The request keeps changing; try again.', { requestId: id });
  }

  #replace(
    before: ApprovalRequest,
    after: ApprovalRequest,
    by: Actor,
    note: string,
    act?: Transition['act'],
  ): ApprovalRequest | null {
    const step: Transition = {
      at: this.#now(),
      from: before.state,
      to: after.state,
      by: by.id,
      name: by.name,
      note,
      ...(by.via === undefined ? {} : { via: by.via }),
      ...(act === undefined ? {} : { act }),
    };
    const next = { ...after, history: [...before.history, step] };
    const isDone = this.#atomically(() => {
      const isOurs = this.#store.replace(next, before.history.length);
      if (isOurs) this.#onChange(next, step);
      return isOurs;
    });
    if (!isDone) return null;
    if (next.state !== 'pending') this.#waiters.wake(next.id);
    this.#schedule();
    return next;
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
    return this.#replace(request, expired, gateway, '') ?? this.#store.get(request.id) ?? expired;
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

/** A target's answer as one line of a reasonable length. */
function printable(detail: string): string {
  return detail
    .replace(/[\p{Cc}\p{Bidi_Control}]+/gu, ' ')
    .trim()
    .slice(0, maxDetailCharacters);
}

function cancelledMessage({ history }: ApprovalRequest): string {
  const step = history.findLast(({ to }) => to === 'cancelled');
  if (step === undefined) return 'The request was cancelled.';
  const by = step.by === 'gateway' ? '' : ` by ${step.name}`;
  return step.note === '' ? `The request was cancelled${by}.` : `The request was cancelled${by}: ${step.note}.`;
}

function deniedMessage(request: ApprovalRequest): string {
  const vote = request.votes.find(({ decision }) => decision === 'deny');
  return vote === undefined ? 'The request was denied.' : `Denied by ${vote.name}: ${vote.comment}`;
}
