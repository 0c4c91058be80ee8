import { SluiceError } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import type { Principal } from '../policy/types.js';
import type { Grant, GrantDraft, GrantStep, GrantStore } from './grant-types.js';
import { type Actor, isSameActor, isSamePerson } from './people.js';
import { cleanComment } from './rules.js';
import { unrefTimer } from './timer.js';

export interface GrantBookOptions {
  readonly store: GrantStore;
  readonly now: () => number;
  /** Called with every change. What it throws fails the act: no membership begins that cannot be told. */
  readonly onStep?: (grant: Grant, step: GrantStep, by: Pick<Principal, 'id' | 'name'> | 'gateway') => void;
  /** Called when what somebody may do has changed; live sessions are looked at again. */
  readonly onChange?: () => void;
  readonly setTimer?: (wake: () => void, ms: number) => () => void;
  /** Runs writes of which all are kept or none, and what is to happen once they are. */
  readonly transactions?: {
    run<T>(work: () => T): T;
    whenKept(then: () => void): void;
  };
}

const untied: NonNullable<GrantBookOptions['transactions']> = { run: (work) => work(), whenKept: (then) => then() };
const longestTimerMs = 3_600_000;

/**
 * Memberships for a while. The window is absolute: it begins when the grant is made and ends at its time, whoever
 * reconnects. `revision` moves with every beginning and end, so that a principal made before is known to be stale.
 */
export class GrantBook {
  readonly #options: GrantBookOptions;
  readonly #setTimer: (wake: () => void, ms: number) => () => void;
  #listeners: (() => void)[] = [];
  #active: readonly Grant[] = [];
  #revision = 0;
  #stopTimer: (() => void) | null = null;

  constructor(options: GrantBookOptions) {
    this.#options = options;
    this.#setTimer = options.setTimer ?? unrefTimer;
    this.#reload();
  }

  /** Grows whenever a grant begins or ends; asking is what ends those whose time is over. */
  get revision(): number {
    this.#sweep();
    return this.#revision;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** The groups that this login, or a machine for this person, has for the moment. */
  groupsOf(actor: Actor): readonly string[] {
    this.#sweep();
    return this.#active.filter(({ principal }) => isSameActor(principal, actor)).map(({ group }) => group);
  }

  start(draft: GrantDraft, durationMs: number): Grant {
    const startsAt = this.#options.now();
    const grant: Grant = {
      ...draft,
      id: newId('grt'),
      startsAt,
      endsAt: startsAt + durationMs,
      endedAt: null,
      revoked: null,
      review: null,
    };
    const { store, onStep, transactions = untied } = this.#options;
    transactions.run(() => {
      store.insert(grant);
      onStep?.(grant, grant.emergency ? 'emergency' : 'begin', draft.principal);
      transactions.whenKept(() => this.#changed());
    });
    return grant;
  }

  /** Newest first. */
  list(filter: {
    readonly principal?: string;
    readonly activeOnly?: boolean;
    readonly limit: number;
  }): readonly Grant[] {
    this.#sweep();
    return this.#options.store.list(filter);
  }

  get(id: string): Grant | null {
    this.#sweep();
    return this.#options.store.get(id);
  }

  /** Ends a grant before its time. */
  revoke(id: string, by: Principal, why: string): Grant {
    const comment = cleanComment(why);
    const grant = this.#demand(id);
    if (grant.endedAt !== null) throw new SluiceError('conflict', `The grant ${id} is over already.`, ended(id));
    const at = this.#options.now();
    const next: Grant = { ...grant, endedAt: at, revoked: { by: by.id, name: by.name, comment, at } };
    this.#replace(grant, next);
    this.#tell(next, 'revoke', by);
    return next;
  }

  /** Says what came of an emergency. By someone else, of the group that must, with a word about it. */
  review(id: string, by: Principal, comment: string): Grant {
    const grant = this.#demand(id);
    const { reviewers } = grant;
    if (!grant.emergency)
      throw new SluiceError('conflict', `${id} was approved beforehand; there is nothing to review.`);
    const { onBehalfOf } = grant.principal;
    const isOwn = isSamePerson(by, grant.principal) || (onBehalfOf !== undefined && isSamePerson(by, onBehalfOf));
    if (by.kind !== 'human' || isOwn)
      throw new SluiceError('denied', 'Nobody reviews their own emergency access.', { decider: 'gateway' });
    if (!reviewers.some((group) => by.groups.includes(group))) {
      throw new SluiceError('denied', `Reviewing this needs membership in ${reviewers.join(' or ')}.`, {
        decider: 'gateway',
      });
    }
    if (grant.review !== null)
      throw new SluiceError('conflict', `${grant.review.name} has reviewed ${id} already.`, ended(id));
    const clean = cleanComment(comment);
    if (clean === '')
      throw new SluiceError('usage', 'A review needs a comment: what happened, and was it right?', {
        decider: 'gateway',
        next: [{ command: `sluice access review ${id} --comment "…"`, when: 'to say it' }],
      });
    const next: Grant = {
      ...grant,
      review: { by: by.id, name: by.name, comment: clean, at: this.#options.now() },
    };
    this.#replace(grant, next);
    this.#tell(next, 'review', by);
    return next;
  }

  close(): void {
    this.#stopTimer?.();
    this.#stopTimer = null;
    this.#listeners = [];
  }

  #demand(id: string): Grant {
    const grant = this.get(id);
    if (grant === null) throw new SluiceError('not_found', `There is no grant ${id}.`, { decider: 'gateway' });
    return grant;
  }

  #replace(before: Grant, next: Grant): void {
    if (this.#options.store.replace(next, before)) return;
    throw new SluiceError('conflict', `The grant ${before.id} has just been changed; look again.`, ended(before.id));
  }

  #tell(grant: Grant, step: GrantStep, by: Pick<Principal, 'id' | 'name'> | 'gateway'): void {
    // Live sessions hear of an end first: a trail that cannot be written must not leave them what they have lost.
    if (step !== 'review') this.#changed();
    this.#options.onStep?.(grant, step, by);
  }

  #changed(): void {
    this.#reload();
    for (const listener of this.#listeners) listener();
  }

  /** Ends what is over. Cheap while nothing is: asked for at every decision. */
  #sweep(): void {
    if (this.#active.length === 0) return;
    const now = this.#options.now();
    for (const grant of this.#active) {
      if (grant.endsAt > now) continue;
      const next = { ...grant, endedAt: grant.endsAt };
      this.#active = this.#active.filter(({ id }) => id !== grant.id);
      this.#revision += 1;
      if (this.#options.store.replace(next, grant)) this.#tell(next, 'end', 'gateway');
    }
  }

  #reload(): void {
    this.#active = this.#options.store.list({ activeOnly: true, limit: Number.MAX_SAFE_INTEGER });
    this.#revision += 1;
    this.#stopTimer?.();
    this.#stopTimer = null;
    const next = Math.min(...this.#active.map(({ endsAt }) => endsAt));
    if (!Number.isFinite(next)) return;
    this.#stopTimer = this.#setTimer(
      () => {
        this.#sweep();
        this.#reload();
      },
      Math.min(Math.max(next - this.#options.now(), 1), longestTimerMs),
    );
  }
}

function ended(id: string): { readonly next: readonly { command: string; when: string }[] } {
  return { next: [{ command: 'sluice access list --all', when: `to see what became of ${id}` }] };
}
