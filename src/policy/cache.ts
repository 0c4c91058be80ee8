import type { Effect } from '../analysis/effects.js';
import type { LocalHour } from './local-time.js';
import type { PassingFact } from './mentions.js';
import { type DecisionQuery, noFacts, type Principal, type SessionFacts, type TargetRef } from './types.js';

/** Facts of one moment, as Cedar's context has them. */
export interface Moment {
  readonly session: SessionFacts;
  readonly identity: SessionFacts;
  /** Kinds of signals, sorted, one space between: the same text for the same signals. */
  readonly signals: string;
  readonly reason: string;
  readonly hasReason: boolean;
  readonly hour: number;
  readonly weekday: number;
}

/** The session's own facts with hour and weekday where the bundle says that clocks are read. */
export function momentOf(query: Omit<DecisionQuery, 'effects'>, { hour, weekday }: LocalHour): Moment {
  const { session, identity = noFacts, signals, reason } = query;
  const raised = signals === undefined || signals.length === 0 ? '' : [...signals].sort().join(' ');
  return { session, identity, signals: raised, reason: reason ?? '', hasReason: reason !== null, hour, weekday };
}

/**
 * Everything the decision on one effect depends on, as text: two queries share a key exactly when Cedar is asked the
 * same question of the same policies. Null when a policy asks for the session's counters, which differ every time.
 */
export class DecisionKeys {
  readonly #principals = new WeakMap<Principal, string>();
  readonly #targets = new WeakMap<TargetRef, string>();
  readonly #effects = new WeakMap<Effect, string>();

  of(
    query: Omit<DecisionQuery, 'effects'>,
    effect: Effect,
    moment: Moment,
    asked: ReadonlySet<PassingFact>,
  ): string | null {
    if (asked.has('session') || asked.has('identity')) return null;
    const { signals, reason, hasReason, hour, weekday } = moment;
    const passing = [
      asked.has('signals') ? signals : null,
      asked.has('reason') ? reason : null,
      asked.has('hasReason') ? hasReason : null,
      asked.has('hour') ? hour : null,
      asked.has('weekday') ? weekday : null,
    ];
    return [
      remembered(this.#principals, query.principal, principalKey),
      query.target === null ? '' : remembered(this.#targets, query.target, targetKey),
      remembered(this.#effects, effect, effectKey),
      query.approvals.length === 0 ? '' : JSON.stringify([...query.approvals].sort()),
      asked.size === 0 ? '' : JSON.stringify(passing),
    ].join('\n');
  }
}

function principalKey(principal: Principal): string {
  const { id, name, kind, issuer, mfa, groups, onBehalfOf } = principal;
  return JSON.stringify([id, name, kind, issuer, mfa, [...groups].sort(), onBehalfOf?.name ?? '']);
}

function targetKey(target: TargetRef): string {
  return JSON.stringify([target.name, Object.entries(target.labels).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))]);
}

function effectKey({ action, resource, facts }: Effect): string {
  // Every fact, also one that is added later: a fact left out would let one answer stand for another question.
  const named = Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([action, resource.type, resource.path, named]);
}

function remembered<K extends object>(memory: WeakMap<K, string>, key: K, compute: (key: K) => string): string {
  const known = memory.get(key);
  if (known !== undefined) return known;
  const value = compute(key);
  memory.set(key, value);
  return value;
}

/** A map with a limit, which forgets what has not been asked for longest. */
export class RecentMap<V> {
  readonly #entries = new Map<string, V>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, value);
    }
    return value;
  }

  set(key: string, value: V): void {
    if (this.#entries.size >= this.#limit) {
      const oldest = this.#entries.keys().next();
      if (oldest.done === false) this.#entries.delete(oldest.value);
    }
    this.#entries.set(key, value);
  }
}

/** What was answered to one principal for one array of effects, and under which other circumstances. */
interface Answered<A> {
  readonly target: TargetRef | null;
  readonly approvals: readonly string[];
  readonly moment: Moment;
  readonly answer: A;
}

/**
 * The front cache: answers by the identity of the effects array and the principal, two look-ups. Holds one answer a pair
 * (the last), with what else it depended on; both keys are held weakly, and both are immutable by contract.
 */
export class AnswerCache<A> {
  readonly #answers = new WeakMap<readonly Effect[], WeakMap<Principal, Answered<A>>>();

  /** `asked`: the passing facts any of the effects' decisions depend on. */
  get(query: DecisionQuery, moment: () => Moment, asked: ReadonlySet<PassingFact>): A | undefined {
    const known = this.#answers.get(query.effects)?.get(query.principal);
    if (known === undefined || known.target !== query.target || !sameGroups(known.approvals, query.approvals))
      return undefined;
    if (asked.size === 0) return known.answer;
    if (asked.has('session') || asked.has('identity')) return undefined;
    const now = moment();
    for (const fact of asked) if (known.moment[fact] !== now[fact]) return undefined;
    return known.answer;
  }

  set(query: DecisionQuery, moment: Moment, answer: A): void {
    let byPrincipal = this.#answers.get(query.effects);
    if (byPrincipal === undefined) {
      byPrincipal = new WeakMap();
      this.#answers.set(query.effects, byPrincipal);
    }
    byPrincipal.set(query.principal, { target: query.target, approvals: [...query.approvals], moment, answer });
  }
}

function sameGroups(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((group, index) => group === b[index]);
}
