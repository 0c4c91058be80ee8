import { checkPolicies } from '../../policy/bundle.js';
import { noFacts } from '../../policy/types.js';
import { type ApiRoute, ok, route, whole } from '../api-route.js';
import { viewExplanation } from '../explanation-view.js';
import { explainRecorded } from '../past/past-explanation.js';
import { maxBundleChars } from '../schemas/bundle.js';
import { nothing } from '../schemas/common.js';
import {
  explainBody,
  explainDocument,
  explainRecordedQuery,
  policyCheckBody,
  policyCheckDocument,
  replayBody,
  replayDocument,
} from '../schemas/policy.js';
import { sessionParams } from '../schemas/sessions.js';
import type { GatewayServices } from '../services.js';
import { readable } from './sessions.js';

/** Checking files uses nothing of the gateway's own; explaining tells only what the caller would be told anyway. */
export function policyRoutes(services: GatewayServices): readonly ApiRoute[] {
  const { configuration, engines, targets } = services;
  return [
    route({
      method: 'POST',
      path: '/v1/policy/check',
      access: 'authenticated',
      summary: 'Check a bundle without applying it',
      params: nothing,
      query: nothing,
      body: policyCheckBody,
      response: policyCheckDocument,
      // JSON escapes can double a text.
      bodyLimitBytes: 2 * maxBundleChars,
      async handle(_call, { body }) {
        const { valid, problems } = checkPolicies(new Map(Object.entries(body.files)));
        return ok('sluice.policy_check/v1', { valid, problems: problems.map((problem) => ({ ...problem })) });
      },
    }),
    route({
      method: 'POST',
      path: '/v1/policy/explain',
      access: 'authenticated',
      summary: 'What policy would decide about a text, and why, without running it',
      params: nothing,
      query: nothing,
      body: explainBody,
      response: explainDocument,
      async handle({ principal }, { body }) {
        const { target, classification } = targets.find(body.target, principal);
        const engine = engines.of(target);
        await engine.lookAgain?.(target, classification);
        const explanation = await engine.explain(principal, target, classification, body.text, body.parameters);
        const effects = explanation.effects.map(({ effect }) => effect);
        const query = { principal, target, effects, approvals: [], session: noFacts, reason: body.reason };
        return whole(viewExplanation(query, configuration.current(), explanation.maskedColumns));
      },
    }),
    explainRecordedRoute(services),
    replayRoute(services),
  ];
}

function explainRecordedRoute(services: GatewayServices): ApiRoute {
  return route({
    method: 'GET',
    path: '/v1/sessions/:id/explain',
    access: 'own or readSession',
    summary: 'Why a recorded operation was decided as it was, and what policy says of it now',
    params: sessionParams,
    query: explainRecordedQuery,
    body: nothing,
    response: explainDocument,
    async handle(call, { params: { id }, query: { op } }) {
      await readable(services, call, id, { limit: 1, after_op: 0 });
      services.audit.record(call.principal, 'session.read', id, { op: String(op) });
      return whole(await explainRecorded(services, id, op));
    },
  });
}

/** Judges what others did, so it takes the permission to read their recordings. */
function replayRoute({ audit, replay }: GatewayServices): ApiRoute {
  return route({
    method: 'POST',
    path: '/v1/policy/replay',
    access: 'readSession',
    summary: 'Judge recorded traffic by a bundle that is not in force, and tell what would be decided otherwise',
    params: nothing,
    query: nothing,
    body: replayBody,
    response: replayDocument,
    bodyLimitBytes: 2 * maxBundleChars,
    async handle({ principal, signal }, { body: { files, since, target, user } }) {
      const detail = { since, target: target ?? '', user: user ?? '' };
      audit.record(principal, 'policy.replay', 'sessions', detail);
      const report = await replay.run({
        files: new Map(Object.entries(files)),
        since: Date.parse(since),
        target,
        user,
        signal,
      });
      return ok('sluice.policy_replay/v1', {
        since,
        version: report.version,
        sessions: report.sessions,
        operations: report.operations,
        skipped: report.skipped,
        approximate: report.approximate,
        changed_since: report.changedSince,
        changed: report.changed,
        shadowed: report.shadowed,
        truncated: report.truncated,
        classification_differs: report.classificationDiffers,
        differences: report.differences.map(({ session, inForce, working, policies, ...rest }) => ({
          ...rest,
          policies: [...policies],
          session_id: session,
          in_force: inForce,
          replayed: working,
        })),
      });
    },
  });
}
