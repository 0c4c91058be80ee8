import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import type { Effect } from '../analysis/effects.js';
import { SluiceError } from '../lib/errors.js';
import type { Bundle } from './bundle.js';
import { AnswerCache, DecisionKeys, type Moment, momentOf, RecentMap } from './cache.js';
import { actionEntity, misplaced, principalEntity, resourceEntity } from './entities.js';
import { findMentions, type Mentions, type PassingFact } from './mentions.js';
import type { Policy } from './policies.js';
import type { Decision, DecisionQuery, PolicySet, RequiredApproval } from './types.js';
import {
  denyDecision,
  type EffectJudgement,
  fault,
  faultDecision,
  idsOf,
  refusal,
  requireAll,
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
  bundle: Pick<Bundle, 'policies' | 'version' | 'digest'>,
  options: CompileOptions = {},
): CompiledPolicies {
  return new CedarPolicies(bundle.policies, bundle.version, options.slot ?? `sluice-${bundle.digest}`, options);
}

class CedarPolicies implements CompiledPolicies {
  readonly version: string;
  readonly policies: readonly Policy[];
  /** Cedar keeps the parsed set under this name; the same content has the same name, so memory stays bounded. */
  readonly #slot: string;
  readonly #byId: ReadonlyMap<string, Policy>;
  readonly #mentions: Mentions;
  readonly #now: () => number;
  readonly #keys = new DecisionKeys();
  readonly #verdicts: RecentMap<Verdict>;
  readonly #decisions = new AnswerCache<Decision>();
  readonly #reveals = new AnswerCache<readonly boolean[]>();
  readonly #asked = new WeakMap<readonly Effect[], ReadonlySet<PassingFact>>();

  constructor(policies: readonly Policy[], version: string, slot: string, options: CompileOptions) {
    this.policies = policies;
    this.version = version;
    this.#slot = slot;
    this.#byId = new Map(policies.map((policy) => [policy.id, policy]));
    this.#mentions = findMentions(policies.map(({ json }) => json));
    this.#now = options.now ?? Date.now;
    this.#verdicts = new RecentMap(options.cacheEntries ?? 20_000);
    const staticPolicies = Object.fromEntries(policies.map(({ id, source }) => [id, source.text]));
    const answer = preparsePolicySet(slot, { staticPolicies });
    if (answer.type === 'failure') {
      throw new SluiceError(
        'config_invalid',
        `policies do not compile: ${answer.errors[0]?.message ?? 'unknown error'}`,
      );
    }
  }

  decide(query: DecisionQuery): Decision {
    try {
      const asked = this.#askedBy(query.effects);
      const known = this.#decisions.get(query, () => this.#moment(query), asked);
      if (known !== undefined) return known;
      const moment = this.#moment(query);
      const { decision, judgements } = this.#judge(query, (effect, approvals) =>
        this.#cachedVerdict(query, effect, approvals, moment),
      );
      if (!judgements.some(({ outcome }) => outcome === 'fault')) this.#decisions.set(query, moment, decision);
      return decision;
    } catch (error) {
      return faultDecision(query.effects, error);
    }
  }

  judge(query: DecisionQuery): JudgedQuery {
    try {
      const moment = this.#moment(query);
      return this.#judge(query, (effect, approvals) => this.#verdict({ ...query, approvals }, effect, moment));
    } catch (error) {
      return { decision: faultDecision(query.effects, error), judgements: [] };
    }
  }

  withClock(now: () => number): CompiledPolicies {
    return new CedarPolicies(this.policies, this.version, this.#slot, { now });
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
        return this.#cachedVerdict(whole, reveal, query.approvals, moment).outcome;
      });
      const answer = verdicts.map((outcome) => outcome === 'allow');
      if (!verdicts.includes('fault')) this.#reveals.set(whole, moment, answer);
      return answer;
    } catch {
      return effects.map(() => false);
    }
  }

  #moment(query: Pick<DecisionQuery, 'session' | 'reason'>): Moment {
    return momentOf(query, this.#now());
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
        refused: [...new Set(holding.map(({ effect }) => effect))],
      },
      judgements,
    };
  }

  #cachedVerdict(query: DecisionQuery, effect: Effect, approvals: readonly string[], moment: Moment): Verdict {
    const asking = approvals === query.approvals ? query : { ...query, approvals };
    const key = this.#keys.of(asking, effect, moment, this.#mentions.get(effect.action) ?? noPassingFacts);
    const known = key === null ? undefined : this.#verdicts.get(key);
    if (known !== undefined) return known;
    const verdict = this.#verdict(asking, effect, moment);
    if (key !== null && verdict.outcome !== 'fault') this.#verdicts.set(key, verdict);
    return verdict;
  }

  #verdict(query: DecisionQuery, effect: Effect, moment: Moment): Verdict {
    const why = misplaced(effect, query.target);
    if (why !== null) return fault(why);
    const principal = principalEntity(query.principal);
    const action = actionEntity(effect.action);
    const resource = resourceEntity(effect, query.target);
    const { rowsRead, bytesRead, statements, seconds } = moment.session;
    const answer = statefulIsAuthorized({
      principal: principal.uid,
      action: action.uid,
      resource: resource.uid,
      context: {
        approvals: [...query.approvals],
        filtered: effect.facts.filtered,
        class: effect.facts.class,
        volatility: effect.facts.volatility,
        source: effect.facts.source,
        object: effect.facts.object,
        temporary: effect.facts.temporary,
        program: effect.facts.program,
        command: effect.facts.command,
        arguments: [...effect.facts.arguments],
        paths: [...effect.facts.paths],
        opaque: effect.facts.opaque,
        terminal: effect.facts.terminal,
        path: effect.facts.path,
        size: long(effect.facts.size),
        destination: effect.facts.destination,
        session: {
          rowsRead: long(rowsRead),
          bytesRead: long(bytesRead),
          statements: long(statements),
          seconds: long(seconds),
        },
        reason: moment.reason,
        hasReason: moment.hasReason,
        hour: moment.hour,
        weekday: moment.weekday,
      },
      preparsedPolicySetId: this.#slot,
      entities: [principal, action, resource],
    });
    if (answer.type === 'failure') return fault(answer.errors[0]?.message ?? 'policy evaluation failed');
    const { decision, diagnostics } = answer.response;
    // Cedar skips a policy that errs, also a forbid: what it would have said is unknown.
    const [first] = diagnostics.errors;
    if (first !== undefined) return fault(`policy "${first.policyId}" failed: ${first.error.message}`);
    const policies = diagnostics.reason.map((id) => this.#byId.get(id)).filter((policy) => policy !== undefined);
    if (policies.length !== diagnostics.reason.length) return fault('an unknown policy decided');
    policies.sort((a, b) => (a.id < b.id ? -1 : 1));
    if (decision === 'allow') return { outcome: 'allow', policies, message: '' };
    return refusal(effect, policies);
  }
}

/** A Cedar Long from a counter; anything that is no counter makes the evaluation fail, and so denies. */
function long(count: number): number {
  return Math.min(Math.trunc(count), Number.MAX_SAFE_INTEGER);
}
