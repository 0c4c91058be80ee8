import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import type { Effect } from '../analysis/effects.js';
import { SluiceError } from '../lib/errors.js';
import type { Moment } from './cache.js';
import { actionEntity, misplaced, principalEntity, resourceEntity } from './entities.js';
import type { Policy } from './policies.js';
import type { DecisionQuery, SessionFacts } from './types.js';
import { fault, refusal, type Verdict } from './verdicts.js';

/** Policies as Cedar holds them, parsed once; asks it about one effect at a time. */
export class Evaluator {
  readonly policies: readonly Policy[];
  /** Cedar keeps the parsed set under this name; the same content has the same name, so memory stays bounded. */
  readonly #slot: string;
  readonly #byId: ReadonlyMap<string, Policy>;

  constructor(policies: readonly Policy[], slot: string) {
    this.policies = policies;
    this.#slot = slot;
    this.#byId = new Map(policies.map((policy) => [policy.id, policy]));
    const staticPolicies = Object.fromEntries(policies.map(({ id, source }) => [id, source.text]));
    const answer = preparsePolicySet(slot, { staticPolicies });
    if (answer.type === 'failure') {
      throw new SluiceError(
        'config_invalid',
        `policies do not compile: ${answer.errors[0]?.message ?? 'unknown error'}`,
      );
    }
  }

  /** Cedar's answer for one effect; any fault is an outcome of its own, which denies. */
  verdict(query: DecisionQuery, effect: Effect, moment: Moment): Verdict {
    const why = misplaced(effect, query.target);
    if (why !== null) return fault(why);
    const principal = principalEntity(query.principal);
    const action = actionEntity(effect.action);
    const resource = resourceEntity(effect, query.target);
    const answer = statefulIsAuthorized({
      principal: principal.uid,
      action: action.uid,
      resource: resource.uid,
      context: contextOf(query, effect, moment),
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

function contextOf({ approvals, principal }: DecisionQuery, { facts }: Effect, moment: Moment) {
  return {
    approvals: [...approvals],
    filtered: facts.filtered,
    class: facts.class,
    volatility: facts.volatility,
    source: facts.source,
    object: facts.object,
    temporary: facts.temporary,
    program: facts.program,
    command: facts.command,
    arguments: [...facts.arguments],
    paths: [...facts.paths],
    opaque: facts.opaque,
    terminal: facts.terminal,
    typed: facts.typed,
    path: facts.path,
    size: long(facts.size),
    destination: facts.destination,
    session: counters(moment.session),
    identity: counters(moment.identity),
    signals: moment.signals === '' ? [] : moment.signals.split(' '),
    reason: moment.reason,
    hasReason: moment.hasReason,
    onBehalfOf: principal.onBehalfOf?.name ?? '',
    hour: moment.hour,
    weekday: moment.weekday,
  };
}

function counters({ rowsRead, bytesRead, statements, seconds }: SessionFacts) {
  return {
    rowsRead: long(rowsRead),
    bytesRead: long(bytesRead),
    statements: long(statements),
    seconds: long(seconds),
  };
}

/** A Cedar Long from a counter; anything that is no counter makes the evaluation fail, and so denies. */
function long(count: number): number {
  return Math.min(Math.trunc(count), Number.MAX_SAFE_INTEGER);
}
