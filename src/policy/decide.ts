import type { Effect } from '../analysis/effects.js';
import { findReadBounds, type ReadBounds } from './bounds.js';
import type { Bundle } from './bundle.js';
import { AnswerCache, DecisionKeys, type Moment, momentOf, RecentMap } from './cache.js';
import { Evaluator } from './evaluate.js';
import { LocalTime } from './local-time.js';
import { findMentions, type Mentions, type PassingFact } from './mentions.js';
import type { Policy } from './policies.js';
import type { Decision, DecisionQuery, PolicySet, RequiredApproval } from './types.js';
import {
  denyDecision,
  type EffectJudgement,
  faultDecision,
  idsOf,
  requireAll,
  termsOf,
  type Verdict,
} from './verdicts.js';

/** A decision with the verdict of every effect. */
export interface JudgedQuery {
  readonly decision: Decision;
  readonly judgements: readonly EffectJudgement[];
}

/** A policy set that can also say how it came to a decision. */
export interface CompiledPolicies extends PolicySet {
  readonly policies: readonly Policy[];
  /** Like `decide`, uncached. */
  judge(query: DecisionQuery): JudgedQuery;
  /** The same policies by another clock, with caches of their own. */
  withClock(now: () => number): CompiledPolicies;
}

export interface CompileOptions {
  /** Milliseconds since the epoch; `context.hour` and `context.weekday` come from it. */
  readonly now?: () => number;
  /** How many effects' answers are remembered. */
  readonly cacheEntries?: number;
  /** Where Cedar keeps the parsed set; whoever gives one sees to it that no other set takes it meanwhile. */
  readonly slot?: string;
}

const noPassingFacts: ReadonlySet<PassingFact> = new Set();
/** Each round may bring a new forbid to light that asks for another group; policies need one or two. */
const maxApprovalRounds = 8;

/** Prepares a validated bundle's policies for deciding. Throws `config_invalid` only if the bundle was not validated. */
export function compilePolicies(
  bundle: Pick<Bundle, 'policies' | 'version' | 'digest'> & { readonly timeZone?: string },
  options: CompileOptions = {},
): CompiledPolicies {
  const slot = options.slot ?? `sluice-${bundle.digest}`;
  return new CedarPolicies(bundle, slot, options);
}

type Compilable = Pick<Bundle, 'policies' | 'version'> & { readonly timeZone?: string };

class CedarPolicies implements CompiledPolicies {
  readonly version: string;
  readonly policies: readonly Policy[];
  readonly #slot: string;
  readonly #timeZone: string;
  readonly #localTime: LocalTime;
  readonly #enforced: Ruling;
  /** Everything, policies in shadow mode too; null when there are none. What it says is told, never done. */
  readonly #whole: Ruling | null;
  readonly readBounds: ReadBounds | null;
  readonly #mentions: Mentions;
  readonly #now: () => number;
  readonly #keys = new DecisionKeys();
  readonly #decisions = new AnswerCache<Decision>();
  readonly #reveals = new AnswerCache<readonly boolean[]>();
  readonly #asked = new WeakMap<readonly Effect[], ReadonlySet<PassingFact>>();

  constructor({ policies, version, timeZone = 'UTC' }: Compilable, slot: string, options: CompileOptions) {
    this.policies = policies;
    this.version = version;
    this.#timeZone = timeZone;
    this.#localTime = new LocalTime(timeZone);
    this.#slot = slot;
    this.#mentions = findMentions(policies.map(({ json }) => json));
    this.readBounds = findReadBounds(policies.map(({ json }) => json));
    this.#now = options.now ?? Date.now;
    const entries = options.cacheEntries ?? 20_000;
    const enforced = policies.filter(({ mode }) => mode === 'enforce');
    const hasShadow = enforced.length < policies.length;
    this.#enforced = new Ruling(new Evaluator(enforced, slot), entries);
    this.#whole = hasShadow ? new Ruling(new Evaluator(policies, `${slot}-shadow`), entries) : null;
  }

  decide(query: DecisionQuery): Decision {
    try {
      const asked = this.#askedBy(query.effects);
      const known = this.#decisions.get(query, () => this.#moment(query), asked);
      if (known !== undefined) return known;
      const moment = this.#moment(query);
      const cached = (ruling: Ruling): JudgedQuery =>
        this.#judge(query, (effect, approvals) => this.#cachedVerdict(ruling, query, effect, approvals, moment));
      const judged = cached(this.#enforced);
      const whole = this.#whole === null ? null : cached(this.#whole);
      const decision = withShadow(judged.decision, whole);
      const isSound = [judged, whole].every((one) => !one?.judgements.some(({ outcome }) => outcome === 'fault'));
      if (isSound) this.#decisions.set(query, moment, decision);
      return decision;
    } catch (error) {
      return faultDecision(query.effects, error);
    }
  }

  judge(query: DecisionQuery): JudgedQuery {
    try {
      const moment = this.#moment(query);
      const fresh = ({ evaluator }: Ruling): JudgedQuery =>
        this.#judge(query, (effect, approvals) => evaluator.verdict({ ...query, approvals }, effect, moment));
      const judged = fresh(this.#enforced);
      return { ...judged, decision: withShadow(judged.decision, this.#whole === null ? null : fresh(this.#whole)) };
    } catch (error) {
      return { decision: faultDecision(query.effects, error), judgements: [] };
    }
  }

  withClock(now: () => number): CompiledPolicies {
    const { policies, version } = this;
    return new CedarPolicies({ policies, version, timeZone: this.#timeZone }, this.#slot, { now });
  }

  reveals(query: Omit<DecisionQuery, 'effects'>, effects: readonly Effect[]): readonly boolean[] {
    try {
      const whole: DecisionQuery = { ...query, effects };
      const asked = this.#mentions.get('reveal') ?? noPassingFacts;
      const known = this.#reveals.get(whole, () => this.#moment(query), asked);
      if (known !== undefined) return known;
      const moment = this.#moment(query);
      const verdicts = effects.map((effect) => {
        const reveal: Effect = effect.action === 'reveal' ? effect : { ...effect, action: 'reveal' };
        return this.#cachedVerdict(this.#enforced, whole, reveal, query.approvals, moment).outcome;
      });
      const answer = verdicts.map((outcome) => outcome === 'allow');
      if (!verdicts.includes('fault')) this.#reveals.set(whole, moment, answer);
      return answer;
    } catch {
      return effects.map(() => false);
    }
  }

  #moment(query: Omit<DecisionQuery, 'effects'>): Moment {
    return momentOf(query, this.#localTime.at(this.#now()));
  }

  #askedBy(effects: readonly Effect[]): ReadonlySet<PassingFact> {
    if (this.#mentions.size === 0) return noPassingFacts;
    const known = this.#asked.get(effects);
    if (known !== undefined) return known;
    const asked = new Set(effects.flatMap(({ action }) => [...(this.#mentions.get(action) ?? noPassingFacts)]));
    this.#asked.set(effects, asked);
    return asked;
  }

  #judge(query: DecisionQuery, verdictOf: (effect: Effect, approvals: readonly string[]) => Verdict): JudgedQuery {
    const judgements = query.effects.map((effect): EffectJudgement => ({
      effect,
      ...verdictOf(effect, query.approvals),
    }));
    const held = judgements.filter(({ outcome }) => outcome === 'hold');
    const refused = judgements.filter(({ outcome }) => outcome === 'deny' || outcome === 'fault');
    if (refused.length > 0) return { decision: denyDecision(refused), judgements };
    if (held.length === 0) return { decision: { verdict: 'allow', policies: idsOf(judgements) }, judgements };
    return this.#hold(query, judgements, held, verdictOf);
  }

  /**
   * Asks Cedar the question that people's approval would lead to, so that nobody is asked in vain: what stays refused
   * with the approvals given (no permit behind the forbid) is refused now, and a further group's approval asked for now.
   */
  #hold(
    query: DecisionQuery,
    judgements: readonly EffectJudgement[],
    held: readonly EffectJudgement[],
    verdictOf: (effect: Effect, approvals: readonly string[]) => Verdict,
  ): JudgedQuery {
    const required = new Map<string, RequiredApproval>();
    const holding: EffectJudgement[] = [];
    let waiting = held;
    for (let round = 0; round < maxApprovalRounds && waiting.length > 0; round++) {
      holding.push(...waiting);
      const before = required.size;
      for (const { policies } of waiting) for (const policy of policies) requireAll(required, policy);
      if (required.size === before && round > 0) break;
      const approvals = [...new Set([...query.approvals, ...required.keys()])];
      const after = query.effects.map((effect): EffectJudgement => ({ effect, ...verdictOf(effect, approvals) }));
      const refused = after.filter(({ outcome }) => outcome === 'deny' || outcome === 'fault');
      if (refused.length > 0) {
        const worse = new Map(refused.map((judgement) => [judgement.effect, judgement]));
        return {
          decision: denyDecision(refused),
          judgements: judgements.map((judgement) => worse.get(judgement.effect) ?? judgement),
        };
      }
      waiting = after.filter(({ outcome }) => outcome === 'hold');
    }
    if (waiting.length > 0) return { decision: denyDecision(waiting), judgements };
    return {
      decision: {
        verdict: 'hold',
        policies: idsOf(holding),
        message: holding[0]?.message ?? '',
        approvals: [...required.values()],
        ...termsOf(holding),
        refused: [...new Set(holding.map(({ effect }) => effect))],
      },
      judgements,
    };
  }

  #cachedVerdict(
    { evaluator, verdicts }: Ruling,
    query: DecisionQuery,
    effect: Effect,
    approvals: readonly string[],
    moment: Moment,
  ): Verdict {
    const asking = approvals === query.approvals ? query : { ...query, approvals };
    const key = this.#keys.of(asking, effect, moment, this.#mentions.get(effect.action) ?? noPassingFacts);
    const known = key === null ? undefined : verdicts.get(key);
    if (known !== undefined) return known;
    const verdict = evaluator.verdict(asking, effect, moment);
    if (key !== null && verdict.outcome !== 'fault') verdicts.set(key, verdict);
    return verdict;
  }
}

/** A set of policies with the verdicts it has given. */
class Ruling {
  readonly evaluator: Evaluator;
  readonly verdicts: RecentMap<Verdict>;

  constructor(evaluator: Evaluator, cacheEntries: number) {
    this.evaluator = evaluator;
    this.verdicts = new RecentMap(cacheEntries);
  }
}

/** Adds what the policies in shadow mode would have made of it, where that is another verdict. */
function withShadow(decision: Decision, whole: JudgedQuery | null): Decision {
  if (whole === null || whole.decision.verdict === decision.verdict) return decision;
  const { verdict, policies } = whole.decision;
  return { ...decision, shadow: { verdict, policies } };
}
